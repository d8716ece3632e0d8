// Arithmetic and functions of single elements: f32; arithmetic of i32 and i64 too.
#ifndef SL_NS

#include <cmath>
#include <cstring>
#include <limits>

#include "broadcast.h"
#include "each_apart.h"
#include "pointwise.h"
#include "simd.h"

#define SL_FILE "nodes_pointwise.cc"
#include "foreach_target.h"

namespace sightline {
namespace {

constexpr float kInfinity = std::numeric_limits<float>::infinity();

void RunUnary(const PlanNode& node, const UnaryOp& op) {
  const PlanValue& x = node.inputs.at(0);
  const PlanValue& y = node.outputs.at(0);
  if (x.kind != ElementKind::kFloat || y.kind != ElementKind::kFloat) throw std::invalid_argument("f32 only");
  const auto count = static_cast<size_t>(y.Count());
  if (x.Count() != y.Count()) throw std::invalid_argument("input and output differ in size");
  ParallelFor(count, 8 * count, [&](size_t begin, size_t end) {
    SL_DISPATCH(MapFloats)(op, x.Floats() + begin, y.Floats() + begin, end - begin);
  });
}

template <Unary kOp>
void Plain(const PlanNode& node) {
  RunUnary(node, {kOp});
}

void LeakyRelu(const PlanNode& node) { RunUnary(node, {Unary::kLeakyRelu, static_cast<float>(node.Number("alpha", 0.01))}); }
void Elu(const PlanNode& node) { RunUnary(node, {Unary::kElu, static_cast<float>(node.Number("alpha", 1))}); }
// `approximate` = 1: by tanh.
void Gelu(const PlanNode& node) { RunUnary(node, {node.Number("approximate", 0) != 0 ? Unary::kGeluTanh : Unary::kGelu}); }
void HardSigmoid(const PlanNode& node) {
  RunUnary(node, {Unary::kHardSigmoid, static_cast<float>(node.Number("alpha", 0.2)), static_cast<float>(node.Number("beta", 0.5))});
}

// Bounds: attributes `min` and `max`, or inputs of one element.
void Clip(const PlanNode& node) {
  const auto bound = [&](size_t input, const char* name, double otherwise) {
    return node.Has(input) ? node.inputs[input].Floats()[0] : static_cast<float>(node.Number(name, otherwise));
  };
  RunUnary(node, {Unary::kClip, bound(1, "min", -kInfinity), bound(2, "max", kInfinity)});
}

template <typename T, typename Apply>
void Fold(const PlanNode& node, const Apply& apply) {
  const PlanValue& y = node.outputs.at(0);
  const auto count = static_cast<size_t>(y.Count());
  for (size_t next = std::min<size_t>(node.inputs.size() - 1, 1); next < std::max<size_t>(node.inputs.size(), 1); ++next) {
    const PlanValue& a = next <= 1 ? node.inputs[0] : y;
    const PlanValue& b = node.inputs[next];
    const auto runs = BroadcastOf<2>(y.dims, {&a, &b});
    const size_t bytes = sizeof(T) * (count + std::min<size_t>(count, a.Count()) + std::min<size_t>(count, b.Count()));
    ParallelFor(count, bytes, [&](size_t begin, size_t end) {
      runs.Each(begin, end, [&](size_t at, size_t length, const std::array<int64_t, 2>& from) {
        apply(static_cast<const T*>(a.data) + from[0], runs.advance[0], static_cast<const T*>(b.data) + from[1],
              runs.advance[1], static_cast<T*>(y.data) + at, length);
      });
    });
  }
}

// Two inputs, or for variadic ops any number from one on: y = op(op(x0, x1), x2) ….
template <Binary kOp>
void RunBinary(const PlanNode& node) {
  if (node.inputs.empty()) throw std::invalid_argument("no inputs");
  const ElementKind kind = node.outputs.at(0).kind;
  for (const PlanValue& input : node.inputs)
    if (input.kind != kind) throw std::invalid_argument("inputs of different types");
  if (node.inputs.size() == 1) {
    const size_t element = kind == ElementKind::kInt64 ? 8 : 4;
    if (node.inputs[0].data != node.outputs[0].data) std::memcpy(node.outputs[0].data, node.inputs[0].data, element * node.inputs[0].Count());
    return;
  }
  switch (kind) {
    case ElementKind::kFloat: return Fold<float>(node, SL_DISPATCH(JoinFloats<kOp>));
    case ElementKind::kInt32: return Fold<int32_t>(node, baseline::Join<kOp, int32_t>);
    case ElementKind::kInt64: return Fold<int64_t>(node, baseline::Join<kOp, int64_t>);
    default: throw std::invalid_argument("f32, i32 and i64 only");
  }
}

void Mean(const PlanNode& node) {
  RunBinary<Binary::kAdd>(node);
  PlanNode scaled;
  const float share = 1.0f / static_cast<float>(node.inputs.size());
  PlanValue factor;
  factor.data = const_cast<float*>(&share);
  scaled.inputs = {node.outputs[0], factor};
  scaled.outputs = node.outputs;
  RunBinary<Binary::kMul>(scaled);
}

}  // namespace

const std::vector<NodeEntry> kPointwiseNodes = {
    {"Abs", Plain<Unary::kAbs>},
    {"Add", RunBinary<Binary::kAdd>},
    {"Ceil", Plain<Unary::kCeil>},
    {"Clip", Clip},
    {"Div", RunBinary<Binary::kDiv>},
    {"Elu", Elu},
    {"Erf", Plain<Unary::kErf>},
    {"Exp", Plain<Unary::kExp>},
    {"Floor", Plain<Unary::kFloor>},
    {"Gelu", Gelu},
    {"HardSigmoid", HardSigmoid},
    {"HardSwish", Plain<Unary::kHardSwish>},
    {"LeakyRelu", LeakyRelu},
    {"Log", Plain<Unary::kLog>},
    {"Max", RunBinary<Binary::kMax>},
    {"Mean", Mean},
    {"Min", RunBinary<Binary::kMin>},
    {"Mul", RunBinary<Binary::kMul>},
    {"Neg", Plain<Unary::kNeg>},
    {"Pow", RunBinary<Binary::kPow>},
    {"Reciprocal", Plain<Unary::kReciprocal>},
    {"Relu", Plain<Unary::kRelu>},
    {"Sigmoid", Plain<Unary::kSigmoid>},
    {"Sign", Plain<Unary::kSign>},
    {"Softplus", Plain<Unary::kSoftplus>},
    {"Sqrt", Plain<Unary::kSqrt>},
    {"Sub", RunBinary<Binary::kSub>},
    {"Sum", RunBinary<Binary::kAdd>},
    {"Tanh", Plain<Unary::kTanh>},
};

}  // namespace sightline

#else

namespace sightline::SL_NS {

#include "pointwise_math.h"

template <typename F>
SL_INLINE void Map(const float* x, float* y, size_t count, F f) {
  SL_EACH_APART
  for (size_t i = 0; i < count; ++i) y[i] = f(x[i]);
}

SL_INLINE void MapFloats(const UnaryOp& op, const float* x, float* y, size_t count) {
  const float a = op.a;
  const float b = op.b;
  switch (op.op) {
    case Unary::kNeg: return Map(x, y, count, [](float v) { return -v; });
    case Unary::kAbs: return Map(x, y, count, [](float v) { return std::fabs(v); });
    case Unary::kSign: return Map(x, y, count, [](float v) { return v > 0 ? 1.0f : v < 0 ? -1.0f : v; });
    case Unary::kSqrt: return Map(x, y, count, [](float v) { return std::sqrt(v); });
    case Unary::kExp: return Map(x, y, count, [](float v) { return FastExp(v); });
    case Unary::kLog: return Map(x, y, count, [](float v) { return std::log(v); });
    // NaN stays: a run that diverged shows.
    case Unary::kRelu: return Map(x, y, count, [](float v) { return v < 0 ? 0.0f : v; });
    case Unary::kLeakyRelu: return Map(x, y, count, [a](float v) { return v < 0 ? a * v : v; });
    case Unary::kSigmoid: return Map(x, y, count, [](float v) { return FastSigmoid(v); });
    case Unary::kHardSigmoid:
      return Map(x, y, count, [a, b](float v) {
        const float line = a * v + b;
        return line < 0 ? 0.0f : line > 1 ? 1.0f : line;
      });
    case Unary::kHardSwish:
      return Map(x, y, count, [](float v) {
        const float line = v * (1.0f / 6) + 0.5f;
        return v * (line < 0 ? 0.0f : line > 1 ? 1.0f : line);
      });
    case Unary::kTanh: return Map(x, y, count, [](float v) { return FastTanh(v); });
    case Unary::kErf: return Map(x, y, count, [](float v) { return std::erf(v); });
    case Unary::kGelu: return Map(x, y, count, [](float v) { return 0.5f * v * (1.0f + std::erf(v * 0.70710678f)); });
    case Unary::kGeluTanh:
      return Map(x, y, count, [](float v) { return 0.5f * v * (1.0f + FastTanh(0.79788456f * v * (1.0f + 0.044715f * v * v))); });
    case Unary::kSoftplus:
      return Map(x, y, count, [](float v) { return (v > 0 ? v : v != v ? v : 0.0f) + std::log1p(std::exp(-std::fabs(v))); });
    case Unary::kElu: return Map(x, y, count, [a](float v) { return v < 0 ? a * std::expm1(v) : v; });
    case Unary::kReciprocal: return Map(x, y, count, [](float v) { return 1.0f / v; });
    case Unary::kFloor: return Map(x, y, count, [](float v) { return std::floor(v); });
    case Unary::kCeil: return Map(x, y, count, [](float v) { return std::ceil(v); });
    // The upper bound last, as numpy; NaN stays.
    case Unary::kClip:
      return Map(x, y, count, [a, b](float v) {
        const float low = v < a ? a : v;
        return low > b ? b : low;
      });
  }
}

template <Binary kOp, typename T>
SL_INLINE T Joined(T a, T b) {
  if constexpr (kOp == Binary::kAdd) return a + b;
  if constexpr (kOp == Binary::kSub) return a - b;
  if constexpr (kOp == Binary::kMul) return a * b;
  if constexpr (kOp == Binary::kDiv) {
    if constexpr (std::is_integral_v<T>) return b == 0 ? T{0} : b == T{-1} ? static_cast<T>(T{0} - a) : a / b;
    return a / b;
  }
  if constexpr (kOp == Binary::kPow) return static_cast<T>(std::pow(a, b));
  // NaN wins.
  if constexpr (kOp == Binary::kMax) return a > b || a != a ? a : b;
  if constexpr (kOp == Binary::kMin) return a < b || a != a ? a : b;
}

template <Binary kOp, typename T>
SL_INLINE void Join(const T* a, int64_t step_a, const T* b, int64_t step_b, T* y, size_t count) {
  if (step_a == 1 && step_b == 1) {
    SL_EACH_APART
    for (size_t i = 0; i < count; ++i) y[i] = Joined<kOp>(a[i], b[i]);
  } else if (step_a == 1) {
    const T right = *b;
    SL_EACH_APART
    for (size_t i = 0; i < count; ++i) y[i] = Joined<kOp>(a[i], right);
  } else if (step_b == 1) {
    const T left = *a;
    SL_EACH_APART
    for (size_t i = 0; i < count; ++i) y[i] = Joined<kOp>(left, b[i]);
  } else {
    const T value = Joined<kOp>(*a, *b);
    SL_EACH_APART
    for (size_t i = 0; i < count; ++i) y[i] = value;
  }
}

template <Binary kOp>
void JoinFloats(const float* a, int64_t step_a, const float* b, int64_t step_b, float* y, size_t count) {
  if constexpr (kOp == Binary::kPow) {
    // Squares and roots are nearly all powers that there are.
    if (step_b == 0 && *b == 2.0f) return Join<Binary::kMul>(a, step_a, a, step_a, y, count);
    if (step_b == 0 && *b == 1.0f && step_a == 1) return Map(a, y, count, [](float v) { return v; });
    if (step_b == 0 && *b == 0.5f && step_a == 1) return Map(a, y, count, [](float v) { return std::sqrt(v); });
  }
  Join<kOp>(a, step_a, b, step_b, y, count);
}

}  // namespace sightline::SL_NS

#endif
