#include "strided_copy.h"

#include <algorithm>
#include <cstring>

#include "kernels.h"

namespace sightline {
namespace {

constexpr int64_t kTile = 16;  // a side of the squares by which transposed planes are copied: their rows fit the cache

template <typename T>
void CopyRun(const T* from, int64_t step_from, T* to, int64_t step_to, int64_t count) {
  if (step_from == 1 && step_to == 1) {
    std::memcpy(to, from, count * sizeof(T));
  } else if (step_from == 0 && step_to == 1) {
    std::fill_n(to, count, *from);
  } else {
    for (int64_t i = 0; i < count; ++i) to[i * step_to] = from[i * step_from];
  }
}

// Where row `row` of the axes begins.
void Locate(const std::vector<CopyAxis>& axes, int64_t row, int64_t* from, int64_t* to) {
  *from = *to = 0;
  for (size_t axis = axes.size(); axis-- > 0; row /= axes[axis].size) {
    *from += row % axes[axis].size * axes[axis].from;
    *to += row % axes[axis].size * axes[axis].to;
  }
}

int64_t Product(const std::vector<CopyAxis>& axes) {
  int64_t product = 1;
  for (const CopyAxis& axis : axes) product *= axis.size;
  return product;
}

template <typename T>
void CopyRows(std::vector<CopyAxis> axes, const T* from, T* to) {
  const CopyAxis run = axes.back();
  axes.pop_back();
  const int64_t rows = Product(axes);
  // Long runs are split too.
  const int64_t pieces = rows >= 64 ? 1 : std::max<int64_t>(1, run.size / 4096);
  ParallelFor(rows * pieces, 2 * sizeof(T) * rows * run.size, [&](size_t begin, size_t end) {
    for (size_t unit = begin; unit < end; ++unit) {
      int64_t read;
      int64_t write;
      Locate(axes, unit / pieces, &read, &write);
      const int64_t piece = unit % pieces;
      const int64_t first = run.size * piece / pieces;
      const int64_t last = run.size * (piece + 1) / pieces;
      CopyRun(from + read + first * run.from, run.from, to + write + first * run.to, run.to, last - first);
    }
  });
}

// Neighbours of what is read lie along axis `other`, those of what is written along the last one.
template <typename T>
void CopyTransposed(std::vector<CopyAxis> axes, size_t other, const T* from, T* to) {
  const CopyAxis last = axes.back();
  const CopyAxis across = axes[other];
  axes.pop_back();
  axes.erase(axes.begin() + other);
  const int64_t planes = Product(axes);
  const int64_t bands = (across.size + kTile - 1) / kTile;
  ParallelFor(planes * bands, 2 * sizeof(T) * planes * across.size * last.size, [&](size_t begin, size_t end) {
    for (size_t unit = begin; unit < end; ++unit) {
      int64_t read;
      int64_t write;
      Locate(axes, unit / bands, &read, &write);
      const int64_t top = unit % bands * kTile;
      const int64_t bottom = std::min(across.size, top + kTile);
      for (int64_t left = 0; left < last.size; left += kTile) {
        const int64_t right = std::min(last.size, left + kTile);
        for (int64_t i = top; i < bottom; ++i)
          for (int64_t j = left; j < right; ++j)
            to[write + i * across.to + j * last.to] = from[read + i * across.from + j * last.from];
      }
    }
  });
}

template <typename T>
void Copy(const std::vector<CopyAxis>& axes, const T* from, T* to) {
  if (axes.back().from != 1 && axes.back().size > 1) {
    for (size_t other = 0; other + 1 < axes.size(); ++other)
      if (axes[other].from == 1 && axes[other].size > 1) return CopyTransposed(axes, other, from, to);
  }
  CopyRows(axes, from, to);
}

}  // namespace

void StridedCopy(std::vector<CopyAxis> axes, const void* from, void* to, size_t element) {
  std::vector<CopyAxis> merged;
  for (const CopyAxis& axis : axes) {
    if (axis.size == 0) return;
    if (axis.size == 1) continue;
    if (!merged.empty() && merged.back().from == axis.from * axis.size && merged.back().to == axis.to * axis.size) {
      merged.back() = {merged.back().size * axis.size, axis.from, axis.to};
    } else {
      merged.push_back(axis);
    }
  }
  if (merged.empty()) merged.push_back({1, 1, 1});
  switch (element) {
    case 1: return Copy(merged, static_cast<const uint8_t*>(from), static_cast<uint8_t*>(to));
    case 4: return Copy(merged, static_cast<const uint32_t*>(from), static_cast<uint32_t*>(to));
    case 8: return Copy(merged, static_cast<const uint64_t*>(from), static_cast<uint64_t*>(to));
    default: throw std::invalid_argument("elements have 1, 4 or 8 bytes");
  }
}

}  // namespace sightline
