// What pooling and its gradients share: windows over planes of one to three axes, as three.
#pragma once

#include <algorithm>
#include <vector>

#include "plan.h"

namespace sightline {

struct WindowAxis {
  int64_t size = 1, out = 1, kernel = 1, stride = 1, dilation = 1, begin = 0, end = 0;

  int64_t Start(int64_t o) const { return o * stride - begin; }
  // Taps [First, Last) of a window are within the plane; none where Last <= First.
  int64_t First(int64_t o) const { return Start(o) < 0 ? std::min(kernel, (-Start(o) + dilation - 1) / dilation) : 0; }
  int64_t Last(int64_t o) const {
    const int64_t room = size - Start(o);
    return room <= 0 ? 0 : std::min(kernel, (room + dilation - 1) / dilation);
  }
  // Taps that an average counts: with padding, those in it too, but never what lies beyond it.
  int64_t Counted(int64_t o, bool padding) const {
    if (!padding) return std::max<int64_t>(0, Last(o) - First(o));
    const int64_t room = size + end - Start(o);
    return room <= 0 ? 0 : std::min(kernel, (room + dilation - 1) / dilation);
  }
  // From a row's first value that any window may touch (at -begin) to its last.
  int64_t Reach() const { return std::max(begin + size, (out - 1) * stride + (kernel - 1) * dilation + 1); }
};

struct PoolWindows {
  WindowAxis axes[3];  // depth, height, width; missing ones in front have size 1
  int64_t planes = 1;

  // `large`: the dims of what is pooled, `small`: of what is left.
  PoolWindows(const PlanNode& node, const std::vector<int64_t>& large, const std::vector<int64_t>& small) {
    if (large.size() < 3 || large.size() > 5 || large.size() != small.size())
      throw std::invalid_argument("expected values [N, C, ...] of one to three more axes");
    if (large[0] != small[0] || large[1] != small[1]) throw std::invalid_argument("batch and channels must be kept");
    const size_t rank = large.size() - 2;
    const auto kernel = node.Integers("kernel_shape"), strides = node.Integers("strides"), pads = node.Integers("pads"),
               dilations = node.Integers("dilations");
    if (kernel.size() != rank) throw std::invalid_argument("kernel_shape does not fit the values");
    planes = large[0] * large[1];
    for (size_t i = 0; i < rank; ++i) {
      WindowAxis& axis = axes[3 - rank + i];
      axis.size = large[2 + i];
      axis.out = small[2 + i];
      axis.kernel = kernel[i];
      if (strides.size() == rank) axis.stride = strides[i];
      if (dilations.size() == rank) axis.dilation = dilations[i];
      if (pads.size() == 2 * rank) {
        axis.begin = pads[i];
        axis.end = pads[rank + i];
      }
      if (axis.kernel < 1 || axis.stride < 1 || axis.dilation < 1 || axis.begin < 0 || axis.end < 0)
        throw std::invalid_argument("windows need positive sizes, and padding from 0");
    }
  }

  int64_t Large() const { return axes[0].size * axes[1].size * axes[2].size; }
  int64_t Small() const { return axes[0].out * axes[1].out * axes[2].out; }
};

inline const PlanValue& SoleOutput(const PlanNode& node) {
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

// 1 over the number of values of each window of a plane; a window without any gives 0.
inline std::vector<float> Shares(const PoolWindows& w, bool padding) {
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

inline bool CountsPadding(const PlanNode& node) { return node.Number("count_include_pad", 0) != 0; }

}  // namespace sightline
