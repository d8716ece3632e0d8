// Comparisons, logic, selection and casts. Booleans are bytes, 0 or 1.
#include <array>
#include <cstring>
#include <functional>
#include <limits>
#include <type_traits>

#include "broadcast.h"
#include "each_apart.h"

namespace sightline {
namespace {

// Calls run with a null pointer of the kind's type.
template <typename Run>
void WithType(ElementKind kind, const Run& run) {
  switch (kind) {
    case ElementKind::kFloat: return run(static_cast<float*>(nullptr));
    case ElementKind::kInt32: return run(static_cast<int32_t*>(nullptr));
    case ElementKind::kInt64: return run(static_cast<int64_t*>(nullptr));
    case ElementKind::kByte: return run(static_cast<uint8_t*>(nullptr));
  }
}

template <typename T, typename Predicate>
void CompareAs(const PlanNode& node, const Predicate& holds) {
  const PlanValue& a = node.inputs[0];
  const PlanValue& b = node.inputs[1];
  const PlanValue& y = node.outputs.at(0);
  const auto count = static_cast<size_t>(y.Count());
  const auto runs = BroadcastOf<2>(y.dims, {&a, &b});
  ParallelFor(count, count * (1 + 2 * sizeof(T)), [&](size_t begin, size_t end) {
    runs.Each(begin, end, [&](size_t at, size_t length, const std::array<int64_t, 2>& from) {
      const T* left = static_cast<const T*>(a.data) + from[0];
      const T* right = static_cast<const T*>(b.data) + from[1];
      uint8_t* out = static_cast<uint8_t*>(y.data) + at;
      const int64_t step_a = runs.advance[0];
      const int64_t step_b = runs.advance[1];
      SL_EACH_APART
      for (size_t i = 0; i < length; ++i) out[i] = holds(left[i * step_a], right[i * step_b]);
    });
  });
}

template <typename Predicate>
void Compare(const PlanNode& node) {
  if (node.inputs.size() != 2 || node.inputs[0].kind != node.inputs[1].kind || node.outputs.at(0).kind != ElementKind::kByte) {
    throw std::invalid_argument("two inputs of one type give booleans");
  }
  WithType(node.inputs[0].kind, [&](auto* type) { CompareAs<std::remove_pointer_t<decltype(type)>>(node, Predicate()); });
}

template <typename Predicate>
void Logic(const PlanNode& node) {
  for (const PlanValue& input : node.inputs)
    if (input.kind != ElementKind::kByte) throw std::invalid_argument("booleans only");
  Compare<Predicate>(node);
}

struct LogicalXor {
  bool operator()(uint8_t a, uint8_t b) const { return (a != 0) != (b != 0); }
};

void Not(const PlanNode& node) {
  const PlanValue& x = node.inputs.at(0);
  if (x.kind != ElementKind::kByte) throw std::invalid_argument("booleans only");
  const auto* from = static_cast<const uint8_t*>(x.data);
  auto* to = static_cast<uint8_t*>(node.outputs.at(0).data);
  const int64_t count = x.Count();
  SL_EACH_APART
  for (int64_t i = 0; i < count; ++i) to[i] = from[i] == 0;
}

template <typename T>
void WhereAs(const PlanNode& node) {
  const PlanValue& y = node.outputs.at(0);
  const auto count = static_cast<size_t>(y.Count());
  const auto runs = BroadcastOf<3>(y.dims, {&node.inputs[0], &node.inputs[1], &node.inputs[2]});
  ParallelFor(count, count * (1 + 3 * sizeof(T)), [&](size_t begin, size_t end) {
    runs.Each(begin, end, [&](size_t at, size_t length, const std::array<int64_t, 3>& from) {
      const uint8_t* condition = static_cast<const uint8_t*>(node.inputs[0].data) + from[0];
      const T* yes = static_cast<const T*>(node.inputs[1].data) + from[1];
      const T* no = static_cast<const T*>(node.inputs[2].data) + from[2];
      T* out = static_cast<T*>(y.data) + at;
      const auto [step, step_yes, step_no] = runs.advance;
      SL_EACH_APART
      for (size_t i = 0; i < length; ++i) out[i] = condition[i * step] ? yes[i * step_yes] : no[i * step_no];
    });
  });
}

void Where(const PlanNode& node) {
  const ElementKind kind = node.outputs.at(0).kind;
  if (node.inputs.size() != 3 || node.inputs[0].kind != ElementKind::kByte || node.inputs[1].kind != kind || node.inputs[2].kind != kind) {
    throw std::invalid_argument("a boolean chooses between two values of one type");
  }
  WithType(kind, [&](auto* type) { WhereAs<std::remove_pointer_t<decltype(type)>>(node); });
}

template <typename To, typename From>
To Converted(From value) {
  if constexpr (std::is_floating_point_v<From> && std::is_integral_v<To>) {
    // Towards zero; what does not fit becomes the least number, as x86 does it. Bytes are cut from i32.
    using Wide = std::conditional_t<(sizeof(To) < sizeof(int32_t)), int32_t, To>;
    constexpr From kLimit = -static_cast<From>(std::numeric_limits<Wide>::min());
    if (!(value >= -kLimit && value < kLimit)) return static_cast<To>(std::numeric_limits<Wide>::min());
    return static_cast<To>(static_cast<Wide>(value));
  } else {
    return static_cast<To>(value);
  }
}

// Attribute `boolean` = 1: not 0 becomes 1.
template <typename To, typename From>
void CastAs(const PlanNode& node) {
  const auto* from = static_cast<const From*>(node.inputs[0].data);
  auto* to = static_cast<To*>(node.outputs[0].data);
  const auto count = static_cast<size_t>(node.outputs[0].Count());
  const bool boolean = node.Number("boolean", 0) != 0;
  ParallelFor(count, count * (sizeof(To) + sizeof(From)), [&](size_t begin, size_t end) {
    if (boolean) {
      for (size_t i = begin; i < end; ++i) to[i] = static_cast<To>(from[i] != 0);
    } else {
      for (size_t i = begin; i < end; ++i) to[i] = Converted<To>(from[i]);
    }
  });
}

void Cast(const PlanNode& node) {
  if (node.inputs.at(0).Count() != node.outputs.at(0).Count()) throw std::invalid_argument("input and output differ in size");
  WithType(node.inputs[0].kind, [&](auto* from) {
    WithType(node.outputs[0].kind, [&](auto* to) {
      CastAs<std::remove_pointer_t<decltype(to)>, std::remove_pointer_t<decltype(from)>>(node);
    });
  });
}

void Identity(const PlanNode& node) {
  const PlanValue& x = node.inputs.at(0);
  const PlanValue& y = node.outputs.at(0);
  if (x.kind != y.kind || x.Count() != y.Count()) throw std::invalid_argument("input and output differ");
  size_t element = 1;
  WithType(x.kind, [&](auto* type) { element = sizeof(*type); });
  ParallelFor(x.Count(), 2 * element * x.Count(), [&](size_t begin, size_t end) {
    std::memcpy(static_cast<char*>(y.data) + element * begin, static_cast<const char*>(x.data) + element * begin, element * (end - begin));
  });
}

}  // namespace

const std::vector<NodeEntry> kLogicNodes = {
    {"And", Logic<std::logical_and<>>},
    {"Cast", Cast},
    {"Equal", Compare<std::equal_to<>>},
    {"Greater", Compare<std::greater<>>},
    {"GreaterOrEqual", Compare<std::greater_equal<>>},
    {"Identity", Identity},
    {"Less", Compare<std::less<>>},
    {"LessOrEqual", Compare<std::less_equal<>>},
    {"Not", Not},
    {"Or", Logic<std::logical_or<>>},
    {"Where", Where},
    {"Xor", Logic<LogicalXor>},
};

}  // namespace sightline
