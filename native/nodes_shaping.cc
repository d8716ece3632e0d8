// Ops that move elements: any type.
#include <algorithm>
#include <cstring>

#include "plan.h"
#include "strided_copy.h"

namespace sightline {
namespace {

size_t ElementSize(ElementKind kind) { return kind == ElementKind::kByte ? 1 : kind == ElementKind::kInt64 ? 8 : 4; }

std::vector<int64_t> StridesOf(const std::vector<int64_t>& dims) {
  std::vector<int64_t> strides(dims.size());
  int64_t step = 1;
  for (size_t axis = dims.size(); axis-- > 0; step *= dims[axis]) strides[axis] = step;
  return strides;
}

void RequireSameKind(const PlanNode& node) {
  for (const PlanValue& input : node.inputs)
    if (input.kind != node.outputs.at(0).kind) throw std::invalid_argument("input and output differ in type");
}

const char* At(const PlanValue& value, int64_t element) {
  return static_cast<const char*>(value.data) + element * static_cast<int64_t>(ElementSize(value.kind));
}
char* WritableAt(const PlanValue& value, int64_t element) { return const_cast<char*>(At(value, element)); }

void Transpose(const PlanNode& node) {
  RequireSameKind(node);
  const PlanValue& x = node.inputs.at(0);
  const PlanValue& y = node.outputs.at(0);
  const std::vector<int64_t> perm = node.Integers("perm");
  const std::vector<int64_t> from = StridesOf(x.dims);
  const std::vector<int64_t> to = StridesOf(y.dims);
  if (perm.size() != x.dims.size() || y.dims.size() != x.dims.size()) throw std::invalid_argument("perm does not fit");
  std::vector<CopyAxis> axes;
  for (size_t axis = 0; axis < perm.size(); ++axis) axes.push_back({y.dims[axis], from.at(perm[axis]), to[axis]});
  StridedCopy(axes, x.data, y.data, ElementSize(y.kind));
}

// The block of `whole` that begins at `start` along `axis`, as large as `part`: copied to or from `part`.
void CopyBlock(const PlanValue& part, const PlanValue& whole, size_t axis, int64_t start, bool to_whole) {
  int64_t inner = 1;
  int64_t outer = 1;
  for (size_t i = 0; i < part.dims.size(); ++i) (i < axis ? outer : inner) *= part.dims[i];
  int64_t row = 1;
  for (size_t i = axis; i < whole.dims.size(); ++i) row *= whole.dims[i];
  const int64_t offset = whole.dims.at(axis) == 0 ? 0 : start * (row / whole.dims[axis]);
  const size_t element = ElementSize(part.kind);
  if (to_whole) {
    StridedCopy({{outer, inner, row}, {inner, 1, 1}}, part.data, WritableAt(whole, offset), element);
  } else {
    StridedCopy({{outer, row, inner}, {inner, 1, 1}}, At(whole, offset), part.data, element);
  }
}

void Concat(const PlanNode& node) {
  RequireSameKind(node);
  const auto axis = static_cast<size_t>(node.Number("axis", 0));
  int64_t start = 0;
  for (const PlanValue& part : node.inputs) {
    CopyBlock(part, node.outputs.at(0), axis, start, true);
    start += part.dims.at(axis);
  }
}

void Split(const PlanNode& node) {
  RequireSameKind(node);
  const auto axis = static_cast<size_t>(node.Number("axis", 0));
  const std::vector<int64_t> sizes = node.Integers("split");
  int64_t start = 0;
  for (size_t i = 0; i < node.outputs.size(); ++i) {
    if (node.outputs[i].data != nullptr) CopyBlock(node.outputs[i], node.inputs.at(0), axis, start, false);
    start += sizes.at(i);
  }
}

// `starts` and `steps` of all axes; how many are taken is said by the output's dims.
void Slice(const PlanNode& node) {
  RequireSameKind(node);
  const PlanValue& x = node.inputs.at(0);
  const PlanValue& y = node.outputs.at(0);
  const std::vector<int64_t> starts = node.Integers("starts");
  const std::vector<int64_t> steps = node.Integers("steps");
  const std::vector<int64_t> from = StridesOf(x.dims);
  const std::vector<int64_t> to = StridesOf(y.dims);
  std::vector<CopyAxis> axes;
  int64_t base = 0;
  for (size_t axis = 0; axis < x.dims.size(); ++axis) {
    base += starts.at(axis) * from[axis];
    axes.push_back({y.dims.at(axis), from[axis] * steps.at(axis), to[axis]});
  }
  if (y.Count() > 0) StridedCopy(axes, At(x, base), y.data, ElementSize(y.kind));
}

template <typename T>
void Fill(const PlanValue& y, double value) {
  T* out = static_cast<T*>(y.data);
  const auto count = static_cast<size_t>(y.Count());
  ParallelFor(count, sizeof(T) * count, [&](size_t begin, size_t end) { std::fill(out + begin, out + end, static_cast<T>(value)); });
}

// `pads`: begins of all axes, then ends; negative ones cut.
void Pad(const PlanNode& node) {
  RequireSameKind(node);
  const PlanValue& x = node.inputs.at(0);
  const PlanValue& y = node.outputs.at(0);
  const double value = node.Number("value", 0);
  switch (y.kind) {
    case ElementKind::kFloat: Fill<float>(y, value); break;
    case ElementKind::kInt32: Fill<int32_t>(y, value); break;
    case ElementKind::kInt64: Fill<int64_t>(y, value); break;
    case ElementKind::kByte: Fill<uint8_t>(y, value); break;
  }
  const std::vector<int64_t> pads = node.Integers("pads");
  const std::vector<int64_t> from = StridesOf(x.dims);
  const std::vector<int64_t> to = StridesOf(y.dims);
  const size_t rank = x.dims.size();
  if (pads.size() != 2 * rank) throw std::invalid_argument("pads do not fit");
  std::vector<CopyAxis> axes;
  int64_t read = 0;
  int64_t write = 0;
  for (size_t axis = 0; axis < rank; ++axis) {
    const int64_t cut = std::max<int64_t>(0, -pads[axis]);
    const int64_t size = x.dims[axis] - cut - std::max<int64_t>(0, -pads[axis + rank]);
    if (size <= 0) return;
    read += cut * from[axis];
    write += std::max<int64_t>(0, pads[axis]) * to[axis];
    axes.push_back({size, from[axis], to[axis]});
  }
  StridedCopy(axes, At(x, read), WritableAt(y, write), ElementSize(y.kind));
}

// Expand and Tile: every axis as often as the output has room for it.
void Repeat(const PlanNode& node) {
  RequireSameKind(node);
  const PlanValue& x = node.inputs.at(0);
  const PlanValue& y = node.outputs.at(0);
  const std::vector<int64_t> from = StridesOf(x.dims);
  const std::vector<int64_t> to = StridesOf(y.dims);
  const size_t lead = y.dims.size() - x.dims.size();
  std::vector<CopyAxis> axes;
  for (size_t axis = 0; axis < y.dims.size(); ++axis) {
    const int64_t size = axis < lead ? 1 : x.dims[axis - lead];
    if (y.Count() == 0) return;
    axes.push_back({y.dims[axis] / size, 0, to[axis] * size});
    axes.push_back({size, axis < lead ? 0 : from[axis - lead], to[axis]});
  }
  StridedCopy(axes, x.data, y.data, ElementSize(y.kind));
}

void Gather(const PlanNode& node) {
  const PlanValue& x = node.inputs.at(0);
  const PlanValue& indices = node.inputs.at(1);
  const PlanValue& y = node.outputs.at(0);
  if (x.kind != y.kind) throw std::invalid_argument("input and output differ in type");
  const auto axis = static_cast<size_t>(node.Number("axis", 0));
  const int64_t size = x.dims.at(axis);
  const int64_t count = indices.Count();
  int64_t outer = 1;
  size_t bytes = ElementSize(x.kind);
  for (size_t i = 0; i < x.dims.size(); ++i) {
    if (i < axis) outer *= x.dims[i];
    if (i > axis) bytes *= x.dims[i];
  }
  std::vector<int64_t> at(count);
  for (int64_t i = 0; i < count; ++i) {
    int64_t index;
    if (indices.kind == ElementKind::kInt64) {
      index = static_cast<const int64_t*>(indices.data)[i];
    } else if (indices.kind == ElementKind::kInt32) {
      index = static_cast<const int32_t*>(indices.data)[i];
    } else {
      throw std::invalid_argument("indices are i32 or i64");
    }
    at[i] = index < 0 ? index + size : index;
    if (at[i] < 0 || at[i] >= size) throw std::invalid_argument("index " + std::to_string(index) + " is outside an axis of " + std::to_string(size));
  }
  const char* from = static_cast<const char*>(x.data);
  char* to = static_cast<char*>(y.data);
  ParallelFor(outer * count, 2 * outer * count * bytes, [&](size_t begin, size_t end) {
    for (size_t unit = begin; unit < end; ++unit) {
      std::memcpy(to + unit * bytes, from + (unit / count * size + at[unit % count]) * bytes, bytes);
    }
  });
}

}  // namespace

const std::vector<NodeEntry> kShapingNodes = {
    {"Concat", Concat}, {"Expand", Repeat},      {"Gather", Gather}, {"Pad", Pad}, {"Slice", Slice},
    {"Split", Split},   {"Tile", Repeat}, {"Transpose", Transpose},
};

}  // namespace sightline
