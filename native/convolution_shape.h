// The sizes of a convolution, and how its windows read images (convolution.h).
#pragma once

#include <cstddef>
#include <cstdint>
#include <vector>

#include "convolution.h"
#include "plan.h"

namespace sightline {

// A convolution x[N, groups·channels, height, width] → y[N, groups·filters, out_height, out_width]. A transposed one is
// that of which it is the gradient.
struct ConvolutionShape {
  size_t images, groups, channels, filters;
  size_t height, width, out_height, out_width, kernel_height, kernel_width;
  size_t stride_y, stride_x, dilation_y, dilation_x;
  ptrdiff_t top, left;  // padding

  size_t Taps() const { return kernel_height * kernel_width; }
  size_t Area() const { return height * width; }
  size_t OutArea() const { return out_height * out_width; }
};

// Dims of the two sides and of the weights ([·, ·, …kernel]), one or two spatial axes; windows from the node's attributes.
// Throws std::invalid_argument where they do not fit.
ConvolutionShape ConvolutionShapeOf(const PlanNode& node, const std::vector<int64_t>& x_dims,
                                    const std::vector<int64_t>& y_dims, const std::vector<int64_t>& w_dims);

// `channels` channels of one group of images [images][groups·channels][height][width], nothing padded or split yet.
Planes GroupPlanes(const float* data, size_t images, size_t groups, size_t group, size_t channels, size_t height, size_t width);

// x of one group as the windows read it, and the offsets of the taps of its first channel.
Planes InputPlanes(const ConvolutionShape& shape, const float* x, size_t group, std::vector<size_t>* offsets);

}  // namespace sightline
