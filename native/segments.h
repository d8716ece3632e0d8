// Tensors one behind the other in a flat array: what optimiser_step.cc and gradient_norm.cc share.
#pragma once

#include <algorithm>
#include <stdexcept>
#include <string>

#include "kernels.h"

namespace sightline {

struct Segments {
  const uint32_t* starts;
  size_t count, elements;

  // @throws std::invalid_argument unless the tensors ascend from 0 and cover all elements
  explicit Segments(const Call& call) : starts(call.In<uint32_t>("starts")), count(call.Size("S")), elements(call.Size("N")) {
    for (size_t s = 0; s < count; ++s) {
      if (s == 0 ? starts[s] == 0 : starts[s] >= starts[s - 1] && starts[s] <= elements) continue;
      throw std::invalid_argument("tensor " + std::to_string(s) + " begins at " + std::to_string(starts[s]));
    }
    if (count == 0 && elements != 0) throw std::invalid_argument("no tensor holds the elements");
  }

  size_t Begin(size_t s) const { return starts[s]; }
  size_t End(size_t s) const { return s + 1 < count ? starts[s + 1] : elements; }
  // The last tensor that begins at or before element i.
  size_t At(size_t i) const { return static_cast<size_t>(std::upper_bound(starts, starts + count, i) - starts) - 1; }
};

}  // namespace sightline
