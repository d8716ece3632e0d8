// Grey levels of an image for co-occurrence matrices (glcm.cc). Included inside a target's namespace after
// discretise.h. No include guard: every target has its own.

// Bits of a float as a whole number that sorts as it does; NaN beyond the infinities, on its sign's side.
SL_INLINE int32_t KeyOf(float v) {
  int32_t bits;
  std::memcpy(&bits, &v, sizeof bits);
  return bits ^ ((bits >> 31) & 0x7fffffff);
}

// low > high where the mask is empty.
inline Extent ExtentOf(const float* SL_RESTRICT map, const uint8_t* SL_RESTRICT mask, size_t pixels) {
  int32_t low = std::numeric_limits<int32_t>::max(), high = std::numeric_limits<int32_t>::min();
  size_t i = 0;
#if defined(__GNUC__)
  typedef int32_t Ints __attribute__((vector_size(4 * SL_VECTOR)));
  typedef uint8_t Bytes __attribute__((vector_size(SL_VECTOR)));
  Ints least = Ints{} + low, most = Ints{} + high;
  for (; i + SL_VECTOR <= pixels; i += SL_VECTOR) {
    Ints key;
    Bytes inside;
    std::memcpy(&key, map + i, sizeof key);
    std::memcpy(&inside, mask + i, sizeof inside);
    key ^= (key >> 31) & 0x7fffffff;
    const Ints in = __builtin_convertvector(inside, Ints) != 0;
    least = (in & (key < least)) ? key : least;
    most = (in & (key > most)) ? key : most;
  }
  for (size_t lane = 0; lane < SL_VECTOR; ++lane) {
    low = least[lane] < low ? least[lane] : low;
    high = most[lane] > high ? most[lane] : high;
  }
#endif
  for (; i < pixels; ++i) {
    if (mask[i] == 0) continue;
    const int32_t key = KeyOf(map[i]);
    low = key < low ? key : low;
    high = key > high ? key : high;
  }
  return {low, high};
}

// Pixels whose levels are worked out at a time.
constexpr size_t kBlock = 512;

template <typename Level>
SL_INLINE void Masked(const int32_t* SL_RESTRICT level, const uint8_t* SL_RESTRICT inside, size_t count,
                      Level* SL_RESTRICT out) {
  for (size_t i = 0; i < count; ++i) out[i] = static_cast<Level>(inside[i] != 0 ? level[i] : 0);
}

// Levels by comparing with the bounds of 2, 3, …, of which there are kBounds (infinity where fewer are in use).
template <size_t kBounds>
SL_INLINE void LevelsByBounds(const float* map, const uint8_t* mask, const Padded& padded,
                              const float* SL_RESTRICT bound, int32_t lowest, uint8_t* out) {
  for (size_t row = 0; row < padded.depth * padded.height; ++row) {
    const float* SL_RESTRICT v = map + row * padded.width;
    const uint8_t* SL_RESTRICT inside = mask + row * padded.width;
    uint8_t* to = out + padded.first + row / padded.height * padded.slice + row % padded.height * padded.row;
    for (size_t start = 0; start < padded.width; start += kBlock) {
      const size_t count = std::min(kBlock, padded.width - start);
      int32_t level[kBlock];
      size_t x = 0;
#if defined(__GNUC__)
      typedef float Floats __attribute__((vector_size(4 * SL_VECTOR)));
      typedef int32_t Ints __attribute__((vector_size(4 * SL_VECTOR)));
      for (; x + SL_VECTOR <= count; x += SL_VECTOR) {
        Floats pixel;
        std::memcpy(&pixel, v + start + x, sizeof pixel);
        Ints sum = Ints{} + lowest;
        for (size_t k = 0; k < kBounds; ++k) sum -= pixel >= Floats{} + bound[k];  // a comparison that holds is −1
        std::memcpy(level + x, &sum, sizeof sum);
      }
#endif
      for (; x < count; ++x) {
        level[x] = lowest;
        for (size_t k = 0; k < kBounds; ++k) level[x] += v[start + x] >= bound[k] ? 1 : 0;
      }
      Masked(level, inside + start, count, to + start);
    }
  }
}

// Levels of the pixels inside the mask into the padded image, which is 0. filler: any pixel inside.
template <typename Level>
inline void LevelImage(const float* map, const uint8_t* mask, const Padded& padded, const Bins& bins, float filler,
                       Level* out) {
  if constexpr (sizeof(Level) == 1) {
    // Few levels: no conversion to double, no division.
    const bool flat = bins.low == bins.high;
    if (flat || bins.highest < kSmallTable) {
      float bound[kSmallTable - 2];
      std::fill(bound, bound + kSmallTable - 2, std::numeric_limits<float>::infinity());
      if (!flat) LowerBounds(bins.scale, bins.low, bins.high, bins.width, bins.count, bins.highest, bound);
      const int32_t lowest = flat ? static_cast<int32_t>(bins.highest) : 1;
      if (flat) LevelsByBounds<0>(map, mask, padded, bound, lowest, out);
      else if (bins.highest <= 7) LevelsByBounds<6>(map, mask, padded, bound, lowest, out);
      else if (bins.highest <= 11) LevelsByBounds<10>(map, mask, padded, bound, lowest, out);
      else LevelsByBounds<kSmallTable - 2>(map, mask, padded, bound, lowest, out);
      return;
    }
  }
  float values[kBlock];
  int32_t levels[kBlock];
  const size_t pixels = padded.depth * padded.height * padded.width;
  size_t row = 0, column = 0;  // of the next pixel
  for (size_t start = 0; start < pixels; start += kBlock) {
    const size_t count = std::min(kBlock, pixels - start);
    const float* SL_RESTRICT v = map + start;
    const uint8_t* SL_RESTRICT inside = mask + start;
    for (size_t i = 0; i < count; ++i) values[i] = inside[i] != 0 ? v[i] : filler;
    Discretise(values, count, bins.scale, bins.low, bins.high, bins.width, bins.count, levels);
    for (size_t i = 0; i < count;) {
      const size_t run = std::min(count - i, padded.width - column);
      const size_t z = row / padded.height, y = row % padded.height;
      Level* to = out + padded.first + z * padded.slice + y * padded.row + column;
      Masked(levels + i, inside + i, run, to);
      i += run;
      column += run;
      if (column == padded.width) {
        column = 0;
        ++row;
      }
    }
  }
}
