// Pooling and the gradients through it; definitions in src/graph/ops/training.ts. A row of windows is pooled down its
// columns first, then along the row, so that every loop runs over neighbours in memory.
#ifndef SL_NS

#include <limits>

#include "each_apart.h"
#include "pool_windows.h"
#include "simd.h"

namespace sightline {
namespace {

constexpr float kLowest = -std::numeric_limits<float>::infinity();

}  // namespace
}  // namespace sightline

#define SL_FILE "nodes_pooling.cc"
#include "foreach_target.h"

namespace sightline {
namespace {

const PlanValue& Output(const PlanNode& node) {
  if (node.outputs.empty() || node.outputs[0].data == nullptr) throw std::invalid_argument("the output is missing");
  if (node.outputs.size() > 1 && node.outputs[1].data != nullptr)
    throw std::invalid_argument("indices are not given");
  return node.outputs[0];
}

// plane(p, row): a plane's work, with room for a row of all that its windows touch. `values`: of all planes together.
template <typename Plane>
void EachPlane(const PoolWindows& w, int64_t values, Plane plane) {
  ParallelFor(static_cast<size_t>(w.planes), static_cast<size_t>(4 * values), [&](size_t begin, size_t end) {
    std::vector<float> row(static_cast<size_t>(w.axes[2].Reach()));
    for (size_t p = begin; p < end; ++p) plane(static_cast<int64_t>(p), row);
  });
}

void MaxPool(const PlanNode& node) {
  const PlanValue &x = node.Input(0), &y = Output(node);
  const PoolWindows w(node, x.dims, y.dims);
  EachPlane(w, x.Count() + y.Count(), [&](int64_t p, std::vector<float>& row) {
    SL_DISPATCH(PoolPlane<true>)(w, x.Floats() + p * w.Large(), y.Floats() + p * w.Small(), row, nullptr);
  });
}

// 1 over the number of values of each window of a plane; a window without any gives 0.
std::vector<float> Shares(const PoolWindows& w, bool padding) {
  std::vector<float> shares;
  shares.reserve(static_cast<size_t>(w.Small()));
  for (int64_t z = 0; z < w.axes[0].out; ++z)
    for (int64_t y = 0; y < w.axes[1].out; ++y)
      for (int64_t x = 0; x < w.axes[2].out; ++x) {
        const int64_t count = w.axes[0].Counted(z, padding) * w.axes[1].Counted(y, padding) * w.axes[2].Counted(x, padding);
        shares.push_back(count > 0 ? static_cast<float>(1.0 / static_cast<double>(count)) : 0.0f);
      }
  return shares;
}

bool CountsPadding(const PlanNode& node) { return node.Number("count_include_pad", 0) != 0; }

void AveragePool(const PlanNode& node) {
  const PlanValue &x = node.Input(0), &y = Output(node);
  const PoolWindows w(node, x.dims, y.dims);
  const std::vector<float> shares = Shares(w, CountsPadding(node));
  EachPlane(w, x.Count() + y.Count(), [&](int64_t p, std::vector<float>& row) {
    SL_DISPATCH(PoolPlane<false>)(w, x.Floats() + p * w.Large(), y.Floats() + p * w.Small(), row, shares.data());
  });
}

void MaxPoolGradient(const PlanNode& node) {
  const PlanValue &g = node.Input(0), &x = node.Input(1), &y = node.Input(2), &dx = Output(node);
  const PoolWindows w(node, x.dims, y.dims);
  if (g.dims != y.dims || dx.dims != x.dims) throw std::invalid_argument("a gradient differs in size from its value");
  if (w.Large() > std::numeric_limits<int32_t>::max()) throw std::invalid_argument("a plane is too large");
  EachPlane(w, 2 * (x.Count() + y.Count()), [&](int64_t p, std::vector<float>&) {
    const int64_t large = p * w.Large(), small = p * w.Small();
    SL_DISPATCH(MaxGradientPlane)(w, g.Floats() + small, x.Floats() + large, y.Floats() + small, dx.Floats() + large);
  });
}

void AveragePoolGradient(const PlanNode& node) {
  const PlanValue &g = node.Input(0), &dx = Output(node);
  const PoolWindows w(node, dx.dims, g.dims);
  const std::vector<float> shares = Shares(w, CountsPadding(node));
  EachPlane(w, g.Count() + dx.Count(), [&](int64_t p, std::vector<float>& row) {
    SL_DISPATCH(AverageGradientPlane)(w, g.Floats() + p * w.Small(), dx.Floats() + p * w.Large(), shares.data(), row);
  });
}

// [N, C, ...] → [N, C, 1...]
template <typename Plane>
void PoolWhole(const PlanNode& node, Plane plane) {
  const PlanValue &x = node.Input(0), &y = Output(node);
  if (x.dims.size() < 2 || x.Count() == 0 || y.Count() != x.dims[0] * x.dims[1])
    throw std::invalid_argument("expected values [N, C, ...] and room for one of each plane");
  const size_t pixels = static_cast<size_t>(x.Count() / y.Count());
  ParallelFor(static_cast<size_t>(y.Count()), static_cast<size_t>(4 * x.Count()), [&](size_t begin, size_t end) {
    for (size_t p = begin; p < end; ++p) y.Floats()[p] = plane(x.Floats() + p * pixels, pixels);
  });
}

void GlobalAveragePool(const PlanNode& node) {
  PoolWhole(node, [](const float* x, size_t count) { return SL_DISPATCH(Mean)(x, count); });
}

void GlobalMaxPool(const PlanNode& node) {
  PoolWhole(node, [](const float* x, size_t count) { return SL_DISPATCH(Largest)(x, count); });
}

}  // namespace

const std::vector<NodeEntry> kPoolingNodes = {
    {"AveragePool", AveragePool},         {"AveragePoolGradient", AveragePoolGradient},
    {"GlobalAveragePool", GlobalAveragePool}, {"GlobalMaxPool", GlobalMaxPool},
    {"MaxPool", MaxPool},                 {"MaxPoolGradient", MaxPoolGradient},
};

}  // namespace sightline

#else

namespace sightline {
namespace SL_NS {
namespace {

#include "lanes.h"

// The larger of two, of equal ones the first; NaN wins.
SL_INLINE float Larger(float a, float b) {
  const float larger = b > a ? b : a;
  return b != b ? b : larger;
}

template <bool kMax>
SL_INLINE float Joined(float a, float b) {
  return kMax ? Larger(a, b) : a + b;
}

// y[o] joined with row[o * stride]; strides that the compiler knows become vectors.
template <bool kMax>
void JoinStrided(const float* row, int64_t stride, float* y, int64_t count) {
  if (stride == 1) {
    SL_EACH_APART
    for (int64_t o = 0; o < count; ++o) y[o] = Joined<kMax>(y[o], row[o]);
  } else if (stride == 2) {
    SL_EACH_APART
    for (int64_t o = 0; o < count; ++o) y[o] = Joined<kMax>(y[o], row[2 * o]);
  } else {
    for (int64_t o = 0; o < count; ++o) y[o] = Joined<kMax>(y[o], row[o * stride]);
  }
}

// Maxima of a plane's windows, or sums times `shares`.
template <bool kMax>
void PoolPlane(const PoolWindows& w, const float* x, float* y, std::vector<float>& row, const float* shares) {
  const WindowAxis &depth = w.axes[0], &height = w.axes[1], &width = w.axes[2];
  const float none = kMax ? kLowest : 0.0f;
  float* const columns = row.data();
  float* const inside = columns + width.begin;
  const int64_t size = width.size, out = width.out;
  // Beyond the plane it stays so.
  std::fill(row.begin(), row.end(), none);
  for (int64_t oz = 0; oz < depth.out; ++oz) {
    for (int64_t oy = 0; oy < height.out; ++oy, y += out) {
      bool first = true;
      for (int64_t kz = depth.First(oz); kz < depth.Last(oz); ++kz) {
        for (int64_t ky = height.First(oy); ky < height.Last(oy); ++ky) {
          const float* from =
              x + ((depth.Start(oz) + kz * depth.dilation) * height.size + height.Start(oy) + ky * height.dilation) * size;
          if (first) {
            std::copy(from, from + size, inside);
          } else {
            JoinStrided<kMax>(from, 1, inside, size);
          }
          first = false;
        }
      }
      if (first) std::fill(inside, inside + size, none);
      std::fill(y, y + out, none);
      for (int64_t kx = 0; kx < width.kernel; ++kx) JoinStrided<kMax>(columns + kx * width.dilation, width.stride, y, out);
      if (!kMax) {
        SL_EACH_APART
        for (int64_t o = 0; o < out; ++o) y[o] *= shares[o];
        shares += out;
      }
    }
  }
}

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
          JoinStrided<false>(inside, 1, to, size);
        }
      }
    }
  }
}

float Mean(const float* x, size_t count) {
  Lanes sum = Splat(0);
  size_t i = 0;
  for (; i + 8 <= count; i += 8) sum += Widen(x + i);
  double total = SumOf(sum);
  for (; i < count; ++i) total += x[i];
  return static_cast<float>(total / static_cast<double>(count));
}

float Largest(const float* x, size_t count) {
  constexpr size_t kWide = 32;
  float largest[kWide];
  for (size_t k = 0; k < kWide; ++k) largest[k] = kLowest;
  size_t i = 0;
  for (; i + kWide <= count; i += kWide) {
    for (size_t k = 0; k < kWide; ++k) largest[k] = Larger(largest[k], x[i + k]);
  }
  for (size_t k = 0; i < count; ++i, ++k) largest[k] = Larger(largest[k], x[i]);
  float most = kLowest;
  for (const float v : largest) most = Larger(most, v);
  return most;
}

}  // namespace
}  // namespace SL_NS
}  // namespace sightline

#endif
