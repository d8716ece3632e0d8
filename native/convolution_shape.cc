#include "convolution_shape.h"

#include <algorithm>
#include <stdexcept>

namespace sightline {
namespace {

// Dims with two spatial axes: one axis is a row.
std::vector<int64_t> Planar(std::vector<int64_t> dims) {
  if (dims.size() == 3) dims.insert(dims.begin() + 2, 1);
  if (dims.size() != 4) throw std::invalid_argument("windows have one or two axes");
  return dims;
}

// Taps along one axis: which residue of the padded image each reads, and at which line of it.
struct AxisTaps {
  std::vector<size_t> residues;  // those in use
  std::vector<size_t> residue, line;  // [kernel]; residue: index into residues
  size_t lines;
};

AxisTaps TapsOf(size_t kernel, size_t stride, size_t dilation, size_t out) {
  AxisTaps taps;
  size_t furthest = 0;
  for (size_t k = 0; k < kernel; ++k) {
    const size_t at = k * dilation, residue = at % stride;
    auto found = std::find(taps.residues.begin(), taps.residues.end(), residue);
    if (found == taps.residues.end()) found = taps.residues.insert(found, residue);
    taps.residue.push_back(static_cast<size_t>(found - taps.residues.begin()));
    taps.line.push_back(at / stride);
    furthest = std::max(furthest, at / stride);
  }
  taps.lines = furthest + out;
  return taps;
}

}  // namespace

ConvolutionShape ConvolutionShapeOf(const PlanNode& node, const std::vector<int64_t>& x_dims,
                                    const std::vector<int64_t>& y_dims, const std::vector<int64_t>& w_dims) {
  const auto x = Planar(x_dims), y = Planar(y_dims), w = Planar(w_dims);
  const size_t axes = x_dims.size() - 2;
  const auto pair = [&](const char* name, int64_t otherwise) {
    std::vector<int64_t> values = node.Integers(name);
    if (values.size() < axes) values.assign(axes, otherwise);
    if (axes == 1) values.insert(values.begin(), otherwise);
    return values;
  };
  const auto strides = pair("strides", 1), dilations = pair("dilations", 1), pads = pair("pads", 0);
  const int64_t groups = static_cast<int64_t>(node.Number("group", 1));
  if (groups < 1 || x[1] % groups != 0 || y[1] % groups != 0 || x[0] != y[0]) {
    throw std::invalid_argument("sides do not fit");
  }
  for (int axis = 0; axis < 2; ++axis)
    if (strides[axis] < 1 || dilations[axis] < 1 || w[2 + axis] < 1) throw std::invalid_argument("empty windows");
  const auto size = [](int64_t value) { return static_cast<size_t>(value); };
  const ConvolutionShape shape{size(x[0]),         size(groups),       size(x[1] / groups), size(y[1] / groups),
                               size(x[2]),         size(x[3]),         size(y[2]),          size(y[3]),
                               size(w[2]),         size(w[3]),         size(strides[0]),    size(strides[1]),
                               size(dilations[0]), size(dilations[1]), pads[0],             pads[1]};
  int64_t count = 1;
  for (int64_t dim : w) count *= dim;
  if (size(count) != shape.groups * shape.channels * shape.filters * shape.Taps()) {
    throw std::invalid_argument("weights do not fit the channels");
  }
  return shape;
}

Planes GroupPlanes(const float* data, size_t images, size_t groups, size_t group, size_t channels, size_t height, size_t width) {
  const size_t area = height * width, image = groups * channels * area;
  return {data + group * channels * area, data + images * image, image, area, channels, height, width};
}

Planes InputPlanes(const ConvolutionShape& w, const float* x, size_t group, std::vector<size_t>* offsets) {
  const AxisTaps rows = TapsOf(w.kernel_height, w.stride_y, w.dilation_y, w.out_height);
  const AxisTaps columns = TapsOf(w.kernel_width, w.stride_x, w.dilation_x, w.out_width);
  Planes planes = GroupPlanes(x, w.images, w.groups, group, w.channels, w.height, w.width);
  planes.top = w.top;
  planes.left = w.left;
  planes.stride_y = w.stride_y;
  planes.stride_x = w.stride_x;
  planes.residues.clear();
  for (size_t y : rows.residues)
    for (size_t x_residue : columns.residues) planes.residues.emplace_back(y, x_residue);
  planes.lines = rows.lines;
  planes.pitch = columns.lines;
  for (size_t ky = 0; ky < w.kernel_height; ++ky)
    for (size_t kx = 0; kx < w.kernel_width; ++kx)
      offsets->push_back(planes.ResidueOffset(rows.residue[ky] * columns.residues.size() + columns.residue[kx]) +
                         rows.line[ky] * planes.pitch + columns.line[kx]);
  return planes;
}

}  // namespace sightline
