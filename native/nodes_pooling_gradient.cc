// Gradients through pooling; definitions in src/graph/ops/training.ts.
#ifndef SL_NS

#include <limits>

#include "each_apart.h"
#include "pool_windows.h"
#include "simd.h"

#define SL_FILE "nodes_pooling_gradient.cc"
#include "foreach_target.h"

namespace sightline {
namespace {

void MaxPoolGradient(const PlanNode& node) {
  const PlanValue &g = node.Input(0), &x = node.Input(1), &y = node.Input(2), &dx = SoleOutput(node);
  const PoolWindows w(node, x.dims, y.dims);
  if (g.dims != y.dims || dx.dims != x.dims) throw std::invalid_argument("a gradient differs in size from its value");
  if (w.Large() > std::numeric_limits<int32_t>::max()) throw std::invalid_argument("a plane is too large");
  EachPlane(w, 2 * (x.Count() + y.Count()), [&](int64_t p, std::vector<float>&) {
    const int64_t large = p * w.Large(), small = p * w.Small();
    SL_DISPATCH(MaxGradientPlane)(w, g.Floats() + small, x.Floats() + large, y.Floats() + small, dx.Floats() + large);
  });
}

void AveragePoolGradient(const PlanNode& node) {
  const PlanValue &g = node.Input(0), &dx = SoleOutput(node);
  const PoolWindows w(node, dx.dims, g.dims);
  const std::vector<float> shares = Shares(w, CountsPadding(node));
  EachPlane(w, g.Count() + dx.Count(), [&](int64_t p, std::vector<float>& row) {
    SL_DISPATCH(AverageGradientPlane)(w, g.Floats() + p * w.Small(), dx.Floats() + p * w.Large(), shares.data(), row);
  });
}

}  // namespace

const std::vector<NodeEntry> kPoolingGradientNodes = {
    {"AveragePoolGradient", AveragePoolGradient},
    {"MaxPoolGradient", MaxPoolGradient},
};

}  // namespace sightline

#else

namespace sightline {
namespace SL_NS {
namespace {

// taps[o] becomes `tap` where x[o * stride] is the maximum.
template <int kStride>
SL_INLINE void MarkStrided(const float* x, const float* y, int32_t* taps, int32_t tap, int64_t from, int64_t to, int64_t stride) {
  SL_EACH_APART
  for (int64_t o = from; o < to; ++o) {
    const float v = x[o * (kStride ? kStride : stride)];
    const int32_t equal = v == y[o] ? tap : taps[o];
    taps[o] = v != v ? tap : equal;
  }
}

void Mark(const float* x, const float* y, int32_t* taps, int32_t tap, int64_t from, int64_t to, int64_t stride) {
  if (stride == 1) return MarkStrided<1>(x, y, taps, tap, from, to, stride);
  if (stride == 2) return MarkStrided<2>(x, y, taps, tap, from, to, stride);
  MarkStrided<0>(x, y, taps, tap, from, to, stride);
}

void MaxGradientPlane(const PoolWindows& w, const float* g, const float* x, const float* y, float* dx) {
  const WindowAxis &depth = w.axes[0], &height = w.axes[1], &width = w.axes[2];
  const int64_t out = width.out;
  std::vector<int32_t> found(static_cast<size_t>(out));
  int32_t* const taps = found.data();
  std::fill(dx, dx + w.Large(), 0.0f);
  for (int64_t oz = 0; oz < depth.out; ++oz) {
    for (int64_t oy = 0; oy < height.out; ++oy, g += out, y += out) {
      std::fill(taps, taps + out, std::numeric_limits<int32_t>::min());
      // Backwards: what is found last is first in scan order.
      for (int64_t kz = depth.Last(oz) - 1; kz >= depth.First(oz); --kz) {
        for (int64_t ky = height.Last(oy) - 1; ky >= height.First(oy); --ky) {
          const int64_t row =
              ((depth.Start(oz) + kz * depth.dilation) * height.size + height.Start(oy) + ky * height.dilation) * width.size;
          for (int64_t kx = width.kernel - 1; kx >= 0; --kx) {
            // Windows whose tap kx is within the row.
            const int64_t shift = kx * width.dilation - width.begin;
            const int64_t from = shift < 0 ? (-shift + width.stride - 1) / width.stride : 0;
            const int64_t room = width.size - shift;
            const int64_t to = room <= 0 ? 0 : std::min(out, (room + width.stride - 1) / width.stride);
            Mark(x + row + shift, y, taps, static_cast<int32_t>(row + shift), from, to, width.stride);
          }
        }
      }
      // Taps are relative to the window's place in the row, hence may themselves be below 0.
      for (int64_t o = 0; o < out; ++o) {
        const int64_t at = taps[o] + o * width.stride;
        if (at >= 0) dx[at] += g[o];
      }
    }
  }
}

// row[o * stride] += g[o] shares[o]
void AddStrided(const float* g, const float* shares, int64_t stride, float* row, int64_t count) {
  if (stride == 1) {
    SL_EACH_APART
    for (int64_t o = 0; o < count; ++o) row[o] += g[o] * shares[o];
  } else {
    for (int64_t o = 0; o < count; ++o) row[o * stride] += g[o] * shares[o];
  }
}

void AverageGradientPlane(const PoolWindows& w, const float* g, float* dx, const float* shares, std::vector<float>& row) {
  const WindowAxis &depth = w.axes[0], &height = w.axes[1], &width = w.axes[2];
  const int64_t out = width.out, size = width.size;
  float* const columns = row.data();
  float* const inside = columns + width.begin;
  std::fill(dx, dx + w.Large(), 0.0f);
  const bool pairs = width.kernel == 2 && width.stride == 2 && width.dilation == 1;
  for (int64_t oz = 0; oz < depth.out; ++oz) {
    for (int64_t oy = 0; oy < height.out; ++oy, g += out, shares += out) {
      if (pairs) {
        if (static_cast<int64_t>(row.size()) > 2 * out) std::fill(row.begin() + 2 * out, row.end(), 0.0f);
        SL_EACH_APART
        for (int64_t o = 0; o < out; ++o) columns[2 * o] = columns[2 * o + 1] = g[o] * shares[o];
      } else {
        std::fill(row.begin(), row.end(), 0.0f);
        for (int64_t kx = 0; kx < width.kernel; ++kx)
          AddStrided(g, shares, width.stride, columns + kx * width.dilation, out);
      }
      for (int64_t kz = depth.First(oz); kz < depth.Last(oz); ++kz) {
        for (int64_t ky = height.First(oy); ky < height.Last(oy); ++ky) {
          float* to =
              dx + ((depth.Start(oz) + kz * depth.dilation) * height.size + height.Start(oy) + ky * height.dilation) * size;
          SL_EACH_APART
          for (int64_t i = 0; i < size; ++i) to[i] += inside[i];
        }
      }
    }
  }
}

}  // namespace
}  // namespace SL_NS
}  // namespace sightline

#endif
