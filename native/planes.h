// Copies images the way Planes says. Plain code without a target of its own: rows are copied as a whole.
#pragma once

#include <algorithm>
#include <cstring>

#include "convolution.h"

namespace sightline {

// Channels [begin, end) of image n; `to` is where channel `begin` goes, channels PlaneStep() apart.
inline void CopyPlanes(const Planes& planes, size_t n, size_t begin, size_t end, float* to) {
  const ptrdiff_t height = static_cast<ptrdiff_t>(planes.height), width = static_cast<ptrdiff_t>(planes.width);
  const ptrdiff_t sx = static_cast<ptrdiff_t>(planes.stride_x), pitch = static_cast<ptrdiff_t>(planes.pitch);
  for (size_t c = begin; c < end; ++c) {
    const float* from = planes.data + n * planes.image + c * planes.plane;
    for (const auto& [residue_y, residue_x] : planes.residues) {
      // Columns of this residue that lie inside the image.
      const ptrdiff_t shift = static_cast<ptrdiff_t>(residue_x) - planes.left;
      const ptrdiff_t first = std::clamp<ptrdiff_t>(shift < 0 ? (-shift + sx - 1) / sx : 0, 0, pitch);
      const ptrdiff_t last = std::clamp<ptrdiff_t>(width > shift ? (width - shift + sx - 1) / sx : 0, first, pitch);
      for (size_t i = 0; i < planes.lines; ++i, to += pitch) {
        const ptrdiff_t y = static_cast<ptrdiff_t>(i * planes.stride_y + residue_y) - planes.top;
        if (y < 0 || y >= height) {
          std::fill(to, to + pitch, 0.0f);
          continue;
        }
        const float* row = from + y * width + shift;
        std::fill(to, to + first, 0.0f);
        if (sx == 1) {
          std::copy(row + first, row + last, to + first);
        } else {
          for (ptrdiff_t j = first; j < last; ++j) to[j] = row[j * sx];
        }
        std::fill(to + last, to + pitch, 0.0f);
      }
    }
  }
}

}  // namespace sightline
