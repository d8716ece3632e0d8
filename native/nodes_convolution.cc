// Convolutions of a plan: one product per group (convolution.h). Definitions in src/graph/ops/training.ts and ONNX.
#include <algorithm>
#include <cstring>
#include <stdexcept>

#include "convolution.h"
#include "convolution_shape.h"
#include "matrix_product.h"
#include "plan.h"
#include "scratch.h"

namespace sightline {
namespace {

thread_local Scratch turned_scratch, chosen_scratch;

// Runs product(group) for every group: a single one spreads over threads by itself, of several each is one thread's.
template <typename F>
void EachGroup(const ConvolutionShape& w, F product) {
  if (w.groups == 1) {
    Run(product(0));
    return;
  }
  const size_t bytes = w.images * w.OutArea() * w.groups * w.filters * w.channels * w.Taps() / 4;
  ParallelFor(w.groups, bytes, [&](size_t begin, size_t end) {
    for (size_t group = begin; group < end; ++group) {
      const auto part = product(group);
      if (!RunDepthwise(part)) RunHere(part);
    }
  });
}

bool Empty(const PlanValue& value) { return value.Count() == 0; }

// Each channel's planes hold its bias, or 0 where there is none.
void FillPlanes(float* y, size_t images, size_t channels, size_t area, const float* bias) {
  ParallelFor(images * channels, images * channels * area * sizeof(float), [&](size_t begin, size_t end) {
    for (size_t plane = begin; plane < end; ++plane)
      std::fill_n(y + plane * area, area, bias != nullptr ? bias[plane % channels] : 0.0f);
  });
}

// A sum of nothing: what is left where one of the factors is empty.
void FillBias(const PlanValue& y, const float* bias) {
  const size_t channels = static_cast<size_t>(y.dims[1]), images = static_cast<size_t>(y.dims[0]);
  FillPlanes(y.Floats(), images, channels, static_cast<size_t>(y.Count()) / (channels * images), bias);
}

// y = bias + Σ_taps w · x.
void Conv(const PlanNode& node) {
  if (Empty(node.outputs[0])) return;
  const float* bias = node.Has(2) ? node.inputs[2].Floats() : nullptr;
  if (Empty(node.inputs[0]) || Empty(node.inputs[1])) return FillBias(node.outputs[0], bias);
  const ConvolutionShape w = ConvolutionShapeOf(node, node.inputs[0].dims, node.outputs[0].dims, node.inputs[1].dims);
  const size_t depth = w.channels * w.Taps();
  EachGroup(w, [&](size_t group) {
    WindowProduct product{};
    std::vector<size_t> taps;
    product.planes = InputPlanes(w, node.inputs[0].Floats(), group, &taps);
    for (size_t c = 0; c < w.channels; ++c)
      for (size_t tap : taps) product.offsets.push_back(c * product.planes.PlaneStep() + tap);
    product.weights = node.inputs[1].Floats() + group * w.filters * depth;
    product.bias = bias != nullptr ? bias + group * w.filters : nullptr;
    product.rows = w.filters;
    product.depth = depth;
    product.images = w.images;
    product.height = w.out_height;
    product.width = w.out_width;
    product.out = node.outputs[0].Floats() + group * w.filters * w.OutArea();
    product.out_image = w.groups * w.filters * w.OutArea();
    product.out_plane = w.OutArea();
    product.out_row = w.out_width;
    product.out_column = 1;
    return product;
  });
}

// Taps that reach the pixels residue + stride·i of x along one axis, and the line of g that each reads for i = 0.
struct BackTaps {
  std::vector<size_t> taps;
  std::vector<ptrdiff_t> line;
};

BackTaps BackTapsOf(size_t residue, size_t kernel, size_t stride, size_t dilation, ptrdiff_t pad) {
  BackTaps back;
  for (size_t k = 0; k < kernel; ++k) {
    const ptrdiff_t at = static_cast<ptrdiff_t>(residue) + pad - static_cast<ptrdiff_t>(k * dilation);
    if (at % static_cast<ptrdiff_t>(stride) != 0) continue;
    back.taps.push_back(k);
    back.line.push_back(at / static_cast<ptrdiff_t>(stride));
  }
  return back;
}

// dx of g, for each residue of rows and columns modulo the stride: the taps that reach it are a product of its own.
// weights: [groups·filters, channels, taps]; a residue that no tap reaches is the bias alone.
void InputGradient(const ConvolutionShape& w, const float* g, const float* weights, const float* bias, float* dx) {
  // [groups·channels, taps, filters]: the filters are the inner axis of the sums.
  const size_t row = w.channels * w.Taps();
  float* turned = turned_scratch.Floats(w.groups * w.filters * row);
  for (size_t group = 0; group < w.groups; ++group)
    TransposeMatrix(weights + group * w.filters * row, w.filters, row, turned + group * w.filters * row);
  // A pixel that no tap reaches has the bias alone.
  const bool gaps = w.stride_y > w.kernel_height || w.stride_x > w.kernel_width || w.dilation_y > 1 || w.dilation_x > 1;
  if (gaps && (w.stride_y > 1 || w.stride_x > 1)) FillPlanes(dx, w.images, w.groups * w.channels, w.Area(), bias);
  for (size_t ry = 0; ry < std::min(w.stride_y, w.height); ++ry) {
    const BackTaps rows = BackTapsOf(ry, w.kernel_height, w.stride_y, w.dilation_y, w.top);
    for (size_t rx = 0; rx < std::min(w.stride_x, w.width); ++rx) {
      const BackTaps columns = BackTapsOf(rx, w.kernel_width, w.stride_x, w.dilation_x, w.left);
      const size_t height = (w.height - ry + w.stride_y - 1) / w.stride_y;
      const size_t width = (w.width - rx + w.stride_x - 1) / w.stride_x;
      const size_t taps = rows.taps.size() * columns.taps.size();
      if (taps == 0) continue;
      const ptrdiff_t top = -*std::min_element(rows.line.begin(), rows.line.end());
      const ptrdiff_t left = -*std::min_element(columns.line.begin(), columns.line.end());
      const ptrdiff_t bottom = *std::max_element(rows.line.begin(), rows.line.end());
      const ptrdiff_t right = *std::max_element(columns.line.begin(), columns.line.end());
      const size_t depth = w.filters * taps;
      // Weights of these taps alone, [groups·channels, taps, filters].
      const float* chosen = turned;
      if (taps != w.Taps()) {
        float* to = chosen_scratch.Floats(w.groups * w.channels * depth);
        chosen = to;
        for (size_t c = 0; c < w.groups * w.channels; ++c)
          for (size_t ky : rows.taps)
            for (size_t kx : columns.taps)
              to = std::copy_n(turned + (c * w.Taps() + ky * w.kernel_width + kx) * w.filters, w.filters, to);
      }
      EachGroup(w, [&](size_t group) {
        WindowProduct product{};
        Planes& planes = product.planes;
        planes = GroupPlanes(g, w.images, w.groups, group, w.filters, w.out_height, w.out_width);
        planes.top = top;
        planes.left = left;
        planes.lines = static_cast<size_t>(static_cast<ptrdiff_t>(height) + bottom + top);
        planes.pitch = static_cast<size_t>(static_cast<ptrdiff_t>(width) + right + left);
        for (ptrdiff_t y : rows.line)
          for (ptrdiff_t x : columns.line)
            for (size_t f = 0; f < w.filters; ++f)
              product.offsets.push_back(f * planes.PlaneStep() + static_cast<size_t>(y + top) * planes.pitch +
                                        static_cast<size_t>(x + left));
        product.weights = chosen + group * w.channels * depth;
        product.bias = bias != nullptr ? bias + group * w.channels : nullptr;
        product.rows = w.channels;
        product.depth = depth;
        product.images = w.images;
        product.height = height;
        product.width = width;
        product.out = dx + group * w.channels * w.Area() + ry * w.width + rx;
        product.out_image = w.groups * w.channels * w.Area();
        product.out_plane = w.Area();
        product.out_row = w.stride_y * w.width;
        product.out_column = w.stride_x;
        return product;
      });
    }
  }
  turned_scratch.Trim();
  chosen_scratch.Trim();
}

void ConvInputGradient(const PlanNode& node) {
  const PlanValue& dx = node.outputs[0];
  if (Empty(dx)) return;
  if (Empty(node.inputs[0]) || Empty(node.inputs[1])) return FillBias(dx, nullptr);
  const ConvolutionShape w = ConvolutionShapeOf(node, dx.dims, node.inputs[0].dims, node.inputs[1].dims);
  InputGradient(w, node.inputs[0].Floats(), node.inputs[1].Floats(), nullptr, dx.Floats());
}

void ConvTranspose(const PlanNode& node) {
  const PlanValue& y = node.outputs[0];
  if (Empty(y)) return;
  const float* bias = node.Has(2) ? node.inputs[2].Floats() : nullptr;
  if (Empty(node.inputs[0]) || Empty(node.inputs[1])) return FillBias(y, bias);
  const ConvolutionShape w = ConvolutionShapeOf(node, y.dims, node.inputs[0].dims, node.inputs[1].dims);
  InputGradient(w, node.inputs[0].Floats(), node.inputs[1].Floats(), bias, y.Floats());
}

void ConvWeightGradient(const PlanNode& node) {
  const PlanValue& dw = node.outputs[0];
  if (Empty(dw)) return;
  if (Empty(node.inputs[0]) || Empty(node.inputs[1])) return FillBias(dw, nullptr);
  const ConvolutionShape w = ConvolutionShapeOf(node, node.inputs[1].dims, node.inputs[0].dims, dw.dims);
  EachGroup(w, [&](size_t group) {
    PixelProduct product{};
    product.planes = InputPlanes(w, node.inputs[1].Floats(), group, &product.offsets);
    product.g = node.inputs[0].Floats() + group * w.filters * w.OutArea();
    product.g_image = w.groups * w.filters * w.OutArea();
    product.rows = w.filters;
    product.images = w.images;
    product.height = w.out_height;
    product.width = w.out_width;
    product.out = dw.Floats() + group * w.filters * w.channels * w.Taps();
    return product;
  });
}

// Sum over everything but the channels, in double precision.
void ChannelSum(const PlanNode& node) {
  const PlanValue& g = node.inputs[0];
  float* sums = node.outputs[0].Floats();
  const size_t channels = static_cast<size_t>(g.dims[1]), images = static_cast<size_t>(g.dims[0]);
  if (channels == 0) return;
  const size_t area = images == 0 ? 0 : static_cast<size_t>(g.Count()) / (images * channels);
  ParallelFor(channels, images * channels * area * sizeof(float), [&](size_t begin, size_t end) {
    for (size_t c = begin; c < end; ++c) {
      double total = 0;
      for (size_t n = 0; n < images; ++n) {
        const float* from = g.Floats() + (n * channels + c) * area;
        // Eight sums side by side: additions of one alone wait for each other.
        double lanes[8] = {};
        size_t i = 0;
        for (; i + 8 <= area; i += 8)
          for (size_t l = 0; l < 8; ++l) lanes[l] += from[i + l];
        for (; i < area; ++i) lanes[0] += from[i];
        for (double lane : lanes) total += lane;
      }
      sums[c] = static_cast<float>(total);
    }
  });
}

}  // namespace

const std::vector<NodeEntry> kConvolutionNodes = {
    {"Conv", Conv},
    {"ConvInputGradient", ConvInputGradient},
    {"ConvWeightGradient", ConvWeightGradient},
    {"ConvTranspose", ConvTranspose},
    {"ChannelSum", ChannelSum},
};

}  // namespace sightline
