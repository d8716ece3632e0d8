// Pooling, as ONNX defines it. A row of windows is pooled down its columns first, then along the row, so that every loop
// runs over neighbours in memory.
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

void MaxPool(const PlanNode& node) {
  const PlanValue &x = node.Input(0), &y = SoleOutput(node);
  const PoolWindows w(node, x.dims, y.dims);
  EachPlane(w, x.Count() + y.Count(), [&](int64_t p, std::vector<float>& row) {
    SL_DISPATCH(PoolPlane<true>)(w, x.Floats() + p * w.Large(), y.Floats() + p * w.Small(), row, nullptr);
  });
}

void AveragePool(const PlanNode& node) {
  const PlanValue &x = node.Input(0), &y = SoleOutput(node);
  const PoolWindows w(node, x.dims, y.dims);
  const std::vector<float> shares = Shares(w, CountsPadding(node));
  EachPlane(w, x.Count() + y.Count(), [&](int64_t p, std::vector<float>& row) {
    SL_DISPATCH(PoolPlane<false>)(w, x.Floats() + p * w.Large(), y.Floats() + p * w.Small(), row, shares.data());
  });
}

// [N, C, ...] → [N, C, 1...]
template <typename Plane>
void PoolWhole(const PlanNode& node, Plane plane) {
  const PlanValue &x = node.Input(0), &y = SoleOutput(node);
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
    {"AveragePool", AveragePool},
    {"GlobalAveragePool", GlobalAveragePool},
    {"GlobalMaxPool", GlobalMaxPool},
    {"MaxPool", MaxPool},
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
