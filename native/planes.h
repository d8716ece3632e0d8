// Copies images the way Planes says, whole vectors at a time. Included inside a target's namespace, after vectors.h.
// No include guard: every target has its own.

// Floats that a copy may write behind its end.
constexpr size_t kCopySlack = SL_VECTOR;

// `count` floats `stride` apart, then what is left of the last vector. Reads nothing at or behind `end`.
SL_INLINE void CopyStrided(const float* from, size_t count, size_t stride, const float* end, float* to) {
  size_t j = 0;
  if (stride == 1) {
    for (; j < count && from + j + SL_VECTOR <= end; j += SL_VECTOR) Save(to + j, Load(from + j));
  } else if (stride == 2) {
    for (; j < count && from + 2 * j + 2 * SL_VECTOR <= end; j += SL_VECTOR)
      Save(to + j, EvenOf(Load(from + 2 * j), Load(from + 2 * j + SL_VECTOR)));
  }
  for (; j < count; ++j) to[j] = from[j * stride];
}

// Channels [begin, end) of image n, PlaneStep() apart. Up to kCopySlack floats behind them are written too.
inline void CopyPlanes(const Planes& planes, size_t n, size_t begin, size_t end, float* to) {
  const ptrdiff_t height = static_cast<ptrdiff_t>(planes.height), width = static_cast<ptrdiff_t>(planes.width);
  const ptrdiff_t sx = static_cast<ptrdiff_t>(planes.stride_x), pitch = static_cast<ptrdiff_t>(planes.pitch);
  const Vec zero = Fill(0.0f);
  const auto clear = [&](float* at, ptrdiff_t count) {
    for (ptrdiff_t j = 0; j < count; j += SL_VECTOR) Save(at + j, zero);
  };
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
          clear(to, pitch);
          continue;
        }
        clear(to, first);
        CopyStrided(from + y * width + shift + first * sx, last - first, sx, planes.end, to + first);
        clear(to + last, pitch - last);
      }
    }
  }
}
