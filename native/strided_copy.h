#pragma once

#include <cstddef>
#include <cstdint>
#include <vector>

namespace sightline {

// An axis of a copy: elements to step in what is read and in what is written.
struct CopyAxis {
  int64_t size;
  int64_t from;
  int64_t to;
};

// Copies elements of 1, 4 or 8 bytes, in parallel; the written positions must differ. Empty axes copy nothing.
void StridedCopy(std::vector<CopyAxis> axes, const void* from, void* to, size_t element);

}  // namespace sightline
