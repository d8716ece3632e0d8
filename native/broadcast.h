// Numpy broadcasting as runs: along a run every operand either stays or advances by one element.
#pragma once

#include <algorithm>
#include <array>
#include <cstdint>
#include <stdexcept>
#include <vector>

#include "plan.h"

namespace sightline {

// What N operands of a broadcast op read for each run of the output.
template <size_t N>
struct Broadcast {
  int64_t length = 1;                    // elements of a run
  std::array<int64_t, N> advance{};      // 0 or 1 within a run
  std::vector<int64_t> dims;             // of the runs
  std::vector<std::array<int64_t, N>> strides;

  // Calls run(out, count, offsets): `count` elements from element `out` of the output on, for all in [begin, end).
  template <typename Run>
  void Each(size_t begin, size_t end, const Run& run) const {
    const size_t rank = dims.size();
    std::vector<int64_t> index(rank, 0);
    size_t row = begin / length;
    for (size_t axis = rank, rest = row; axis-- > 0; rest /= dims[axis]) index[axis] = rest % dims[axis];
    std::array<int64_t, N> base{};
    for (size_t axis = 0; axis < rank; ++axis)
      for (size_t k = 0; k < N; ++k) base[k] += index[axis] * strides[axis][k];
    for (size_t at = begin; at < end; ++row) {
      const size_t inner = at - row * length;
      const size_t count = std::min<size_t>(length - inner, end - at);
      std::array<int64_t, N> offsets;
      for (size_t k = 0; k < N; ++k) offsets[k] = base[k] + static_cast<int64_t>(inner) * advance[k];
      run(at, count, offsets);
      at += count;
      for (size_t axis = rank; axis-- > 0;) {
        for (size_t k = 0; k < N; ++k) base[k] += strides[axis][k];
        if (++index[axis] < dims[axis]) break;
        for (size_t k = 0; k < N; ++k) base[k] -= dims[axis] * strides[axis][k];
        index[axis] = 0;
      }
    }
  }
};

// Axes along which all operands move alike are one; the last of what is left is the run.
template <size_t N>
Broadcast<N> BroadcastOf(const std::vector<int64_t>& out, const std::array<const PlanValue*, N>& operands) {
  std::vector<int64_t> dims;
  std::vector<std::array<int64_t, N>> strides;
  std::array<int64_t, N> step;
  step.fill(1);
  for (size_t back = 0; back < out.size(); ++back) {
    const size_t axis = out.size() - 1 - back;
    std::array<int64_t, N> own;
    for (size_t k = 0; k < N; ++k) {
      const std::vector<int64_t>& theirs = operands[k]->dims;
      const int64_t dim = back < theirs.size() ? theirs[theirs.size() - 1 - back] : 1;
      if (dim != 1 && dim != out[axis]) throw std::invalid_argument("dims do not broadcast");
      own[k] = dim == 1 ? 0 : step[k];
      step[k] *= dim;
    }
    if (out[axis] == 1) continue;
    bool joins = !dims.empty();
    for (size_t k = 0; joins && k < N; ++k) joins = own[k] == strides.back()[k] * dims.back();
    if (joins) {
      dims.back() *= out[axis];
    } else {
      dims.push_back(out[axis]);
      strides.push_back(own);
    }
  }
  Broadcast<N> plan;
  if (dims.empty()) return plan;
  plan.length = dims.front();
  plan.advance = strides.front();
  plan.dims.assign(dims.rbegin(), dims.rend() - 1);
  plan.strides.assign(strides.rbegin(), strides.rend() - 1);
  return plan;
}

}  // namespace sightline
