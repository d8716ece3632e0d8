// Reductions of f32 over axes, softmax, and where the largest is. Sums are accumulated in doubles in an order that depends
// on nothing but the dims.
#ifndef SL_NS

#include <algorithm>
#include <cmath>
#include <cstring>
#include <limits>

#include "plan.h"
#include "simd.h"

namespace sightline {
namespace {

enum class Reduction { kSum, kMean, kSumSquare, kMax, kMin, kL1, kL2 };

// Neighbouring axes of the same fate are one; those of size 1 are gone.
struct Groups {
  std::vector<int64_t> kept;          // sizes
  std::vector<int64_t> kept_strides;  // in the input
  std::vector<int64_t> reduced;
  std::vector<int64_t> reduced_strides;
  int64_t inner = 1;  // kept elements next to each other; 1 where the last axis is reduced
  int64_t run = 1;    // reduced elements next to each other; 1 where the last axis is kept
};

}  // namespace
}  // namespace sightline

#define SL_FILE "nodes_reduction.cc"
#include "foreach_target.h"

namespace sightline {
namespace {

Groups GroupsOf(const std::vector<int64_t>& dims, const std::vector<int64_t>& axes) {
  Groups groups;
  int64_t stride = 1;
  int last = -1;  // fate of the axis before, from the end
  for (size_t axis = dims.size(); axis-- > 0; stride *= dims[axis]) {
    if (dims[axis] == 1) continue;
    const int fate = std::find(axes.begin(), axes.end(), static_cast<int64_t>(axis)) != axes.end();
    auto& sizes = fate ? groups.reduced : groups.kept;
    auto& strides = fate ? groups.reduced_strides : groups.kept_strides;
    if (fate == last) {
      sizes.front() *= dims[axis];
    } else {
      sizes.insert(sizes.begin(), dims[axis]);
      strides.insert(strides.begin(), stride);
    }
    last = fate;
  }
  const auto take = [](std::vector<int64_t>* sizes, std::vector<int64_t>* strides) {
    if (sizes->empty() || strides->back() != 1) return int64_t{1};
    const int64_t size = sizes->back();
    sizes->pop_back();
    strides->pop_back();
    return size;
  };
  groups.inner = take(&groups.kept, &groups.kept_strides);
  groups.run = take(&groups.reduced, &groups.reduced_strides);
  return groups;
}

// Where each combination of the axes begins, row-major.
std::vector<int64_t> OffsetsOf(const std::vector<int64_t>& sizes, const std::vector<int64_t>& strides) {
  std::vector<int64_t> offsets = {0};
  for (size_t axis = 0; axis < sizes.size(); ++axis) {
    std::vector<int64_t> next;
    next.reserve(offsets.size() * sizes[axis]);
    for (int64_t offset : offsets)
      for (int64_t i = 0; i < sizes[axis]; ++i) next.push_back(offset + i * strides[axis]);
    offsets = std::move(next);
  }
  return offsets;
}

template <Reduction kOp>
void Reduce(const PlanNode& node) {
  const PlanValue& x = node.inputs.at(0);
  const PlanValue& y = node.outputs.at(0);
  if (x.kind != ElementKind::kFloat || y.kind != ElementKind::kFloat) throw std::invalid_argument("f32 only");
  const Groups groups = GroupsOf(x.dims, node.Integers("axes"));
  const int64_t results = y.Count();
  const int64_t count = results == 0 ? 0 : x.Count() / results;
  if (results == 0) return;
  if (count == 0) {
    const float nothing = kOp == Reduction::kMax ? -std::numeric_limits<float>::infinity()
                          : kOp == Reduction::kMin ? std::numeric_limits<float>::infinity()
                          : kOp == Reduction::kMean ? std::numeric_limits<float>::quiet_NaN() : 0.0f;
    std::fill_n(y.Floats(), results, nothing);
    return;
  }
  const std::vector<int64_t> rows = OffsetsOf(groups.kept, groups.kept_strides);
  const std::vector<int64_t> terms = OffsetsOf(groups.reduced, groups.reduced_strides);
  // A block of neighbouring results at a time: one where the reduced elements are the neighbours.
  constexpr int64_t kBlock = 256;
  const int64_t blocks = (groups.inner + kBlock - 1) / kBlock;
  ParallelFor(rows.size() * blocks, 4 * x.Count(), [&](size_t begin, size_t end) {
    for (size_t unit = begin; unit < end; ++unit) {
      const int64_t row = unit / blocks;
      const int64_t first = unit % blocks * kBlock;
      float* out = y.Floats() + row * groups.inner + first;
      const float* from = x.Floats() + rows[row] + first;
      if (groups.inner == 1) {
        *out = SL_DISPATCH(ReduceRuns<kOp>)(from, terms, groups.run, count);
      } else {
        SL_DISPATCH(ReduceColumns<kOp>)(from, terms, std::min(kBlock, groups.inner - first), count, out);
      }
    }
  });
}

// dims as [outer, n, inner] around the axis; `flattens`: all from the axis on are one, as before operator set 13.
struct Lines {
  int64_t outer = 1;
  int64_t length = 1;
  int64_t inner = 1;
};

Lines LinesOf(const PlanNode& node) {
  const std::vector<int64_t>& dims = node.inputs.at(0).dims;
  const auto axis = static_cast<size_t>(node.Number("axis", 0));
  const bool flattens = node.Number("flattens", 0) != 0;
  Lines lines;
  for (size_t i = 0; i < dims.size(); ++i) (i < axis ? lines.outer : i == axis || flattens ? lines.length : lines.inner) *= dims[i];
  return lines;
}

template <bool kLog>
void Softmax(const PlanNode& node) {
  const PlanValue& x = node.inputs.at(0);
  const PlanValue& y = node.outputs.at(0);
  if (x.kind != ElementKind::kFloat) throw std::invalid_argument("f32 only");
  if (x.Count() == 0) return;
  const Lines lines = LinesOf(node);
  constexpr int64_t kBlock = 64;
  const int64_t blocks = (lines.inner + kBlock - 1) / kBlock;
  ParallelFor(lines.outer * blocks, 32 * x.Count(), [&](size_t begin, size_t end) {
    for (size_t unit = begin; unit < end; ++unit) {
      const int64_t first = unit % blocks * kBlock;
      const int64_t at = unit / blocks * lines.length * lines.inner + first;
      SL_DISPATCH(SoftmaxLines<kLog>)(x.Floats() + at, y.Floats() + at, lines.length, lines.inner, std::min(kBlock, lines.inner - first));
    }
  });
}

// The first of equals, or with `select_last_index` the last.
template <bool kLargest>
void ArgExtreme(const PlanNode& node) {
  const PlanValue& x = node.inputs.at(0);
  const PlanValue& y = node.outputs.at(0);
  if (x.kind != ElementKind::kFloat || y.kind != ElementKind::kInt64) throw std::invalid_argument("f32 gives i64 only");
  const Lines lines = LinesOf(node);
  const bool last = node.Number("select_last_index", 0) != 0;
  auto* out = static_cast<int64_t*>(y.data);
  ParallelFor(lines.outer * lines.inner, 4 * x.Count(), [&](size_t begin, size_t end) {
    for (size_t i = begin; i < end; ++i) {
      const float* line = x.Floats() + i / lines.inner * lines.length * lines.inner + i % lines.inner;
      int64_t best = 0;
      for (int64_t k = 1; k < lines.length; ++k) {
        const float value = line[k * lines.inner];
        const float most = line[best * lines.inner];
        if ((kLargest ? value > most : value < most) || (last && value == most)) best = k;
      }
      out[i] = best;
    }
  });
}

}  // namespace

const std::vector<NodeEntry> kReductionNodes = {
    {"ArgMax", ArgExtreme<true>},
    {"ArgMin", ArgExtreme<false>},
    {"LogSoftmax", Softmax<true>},
    {"ReduceL1", Reduce<Reduction::kL1>},
    {"ReduceL2", Reduce<Reduction::kL2>},
    {"ReduceMax", Reduce<Reduction::kMax>},
    {"ReduceMean", Reduce<Reduction::kMean>},
    {"ReduceMin", Reduce<Reduction::kMin>},
    {"ReduceSum", Reduce<Reduction::kSum>},
    {"ReduceSumSquare", Reduce<Reduction::kSumSquare>},
    {"Softmax", Softmax<false>},
};

}  // namespace sightline

#else

namespace sightline::SL_NS {

#include "pointwise_math.h"

template <Reduction kOp>
SL_INLINE double Term(float value) {
  const double wide = value;
  if constexpr (kOp == Reduction::kSumSquare || kOp == Reduction::kL2) return wide * wide;
  if constexpr (kOp == Reduction::kL1) return std::fabs(wide);
  return wide;
}

template <Reduction kOp>
SL_INLINE double Combined(double a, double b) {
  // NaN wins.
  if constexpr (kOp == Reduction::kMax) return a > b || a != a ? a : b;
  if constexpr (kOp == Reduction::kMin) return a < b || a != a ? a : b;
  return a + b;
}

template <Reduction kOp>
SL_INLINE double Start() {
  if constexpr (kOp == Reduction::kMax) return -std::numeric_limits<double>::infinity();
  if constexpr (kOp == Reduction::kMin) return std::numeric_limits<double>::infinity();
  return 0;
}

template <Reduction kOp>
SL_INLINE float Finished(double total, int64_t count) {
  if constexpr (kOp == Reduction::kMean) return static_cast<float>(total / static_cast<double>(count));
  if constexpr (kOp == Reduction::kL2) return static_cast<float>(std::sqrt(total));
  return static_cast<float>(total);
}

// One result: runs of neighbours, on a fixed number of lanes.
template <Reduction kOp>
SL_INLINE float ReduceRuns(const float* x, const std::vector<int64_t>& terms, int64_t run, int64_t count) {
  constexpr int kLanes = 16;
  double lanes[kLanes];
  for (double& lane : lanes) lane = Start<kOp>();
  double rest = Start<kOp>();
  for (int64_t term : terms) {
    const float* from = x + term;
    int64_t i = 0;
    for (; i + kLanes <= run; i += kLanes)
      for (int l = 0; l < kLanes; ++l) lanes[l] = Combined<kOp>(lanes[l], Term<kOp>(from[i + l]));
    for (; i < run; ++i) rest = Combined<kOp>(rest, Term<kOp>(from[i]));
  }
  for (int width = kLanes / 2; width > 0; width /= 2)
    for (int l = 0; l < width; ++l) lanes[l] = Combined<kOp>(lanes[l], lanes[l + width]);
  return Finished<kOp>(Combined<kOp>(lanes[0], rest), count);
}

// Up to 256 neighbouring results.
template <Reduction kOp>
SL_INLINE void ReduceColumns(const float* x, const std::vector<int64_t>& terms, int64_t columns, int64_t count, float* y) {
  double totals[256];
  for (int64_t c = 0; c < columns; ++c) totals[c] = Start<kOp>();
  for (int64_t term : terms) {
    const float* from = x + term;
    for (int64_t c = 0; c < columns; ++c) totals[c] = Combined<kOp>(totals[c], Term<kOp>(from[c]));
  }
  for (int64_t c = 0; c < columns; ++c) y[c] = Finished<kOp>(totals[c], count);
}

// Up to 64 lines next to each other.
template <bool kLog>
SL_INLINE void SoftmaxLines(const float* x, float* y, int64_t length, int64_t step, int64_t columns) {
  float most[64];
  double total[64];
  for (int64_t c = 0; c < columns; ++c) {
    most[c] = x[c];
    total[c] = 0;
  }
  for (int64_t k = 1; k < length; ++k)
    for (int64_t c = 0; c < columns; ++c) most[c] = x[k * step + c] > most[c] ? x[k * step + c] : most[c];
  // With y = x in place: each element is read before it is written.
  for (int64_t k = 0; k < length; ++k) {
    for (int64_t c = 0; c < columns; ++c) {
      const float distance = x[k * step + c] - most[c];
      const float e = FastExp(distance);
      total[c] += e;
      y[k * step + c] = kLog ? distance : e;
    }
  }
  float factor[64];
  for (int64_t c = 0; c < columns; ++c) factor[c] = static_cast<float>(kLog ? std::log(total[c]) : 1.0 / total[c]);
  for (int64_t k = 0; k < length; ++k)
    for (int64_t c = 0; c < columns; ++c) y[k * step + c] = kLog ? y[k * step + c] - factor[c] : y[k * step + c] * factor[c];
}

}  // namespace sightline::SL_NS

#endif
