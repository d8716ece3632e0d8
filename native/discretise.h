// Grey levels; definition in src/kernels/discretise.ts. Included inside a target's namespace, after lanes.h. No include
// guard: every target has its own. Needs <algorithm>, <cmath> and <limits>.

// The level of a region's maximum. Asked before Discretise: the levels must fit 31 bits.
inline double HighestLevel(double low, double high, double bin_width, double bin_count) {
  if (bin_count == 0) return std::floor(high / bin_width) - std::floor(low / bin_width) + 1;
  return low == high ? std::floor(bin_count / 2) + 1 : bin_count;
}

// ⌊x⌋ of |x| < 2^51: the nearest whole number, by a number so large that it has no digits after the point.
SL_INLINE Lanes FloorOf(Lanes x) {
  const Lanes large = Splat(0x1.8p52);
  const Lanes nearest = (x + large) - large;
  return Where(nearest, Splat(-std::numeric_limits<double>::infinity()), x, nearest, nearest - Splat(1));
}

// Levels, from 1, of n values times scale, the smallest and largest of which are low and high.
inline void Discretise(const float* SL_RESTRICT v, size_t n, double scale, double low, double high, double bin_width,
                       double bin_count, int32_t* SL_RESTRICT level) {
  if (bin_count != 0 && low == high) {
    std::fill(level, level + n, static_cast<int32_t>(HighestLevel(low, high, bin_width, bin_count)));
    return;
  }
  const size_t whole = n / 8 * 8;
  size_t i = 0;
  if (bin_count == 0) {
    const double below = std::floor(low / bin_width) - 1;
    if (std::fabs(low / bin_width) < 0x1p51 && std::fabs(high / bin_width) < 0x1p51) {
      for (; i < whole; i += 8)
        SaveTruncated(FloorOf(Widen(v + i) * Splat(scale) / Splat(bin_width)) - Splat(below), level + i);
    }
    for (; i < n; ++i) level[i] = static_cast<int32_t>(std::floor(v[i] * scale / bin_width) - below);
    return;
  }
  // The quotient is at most one bin off; the edges themselves decide.
  const double step = (high - low) / bin_count;
  for (; i < whole; i += 8) {
    const Lanes x = Widen(v + i) * Splat(scale), first = Splat(low), width = Splat(step), one = Splat(1);
    const Lanes infinite = Splat(std::numeric_limits<double>::infinity());
    Lanes bin = FloorOf((x - first) / width);
    bin = Where(x, first + bin * width, infinite, bin, bin - one);
    bin = Where(x, first + (bin + one) * width, infinite, bin + one, bin);
    SaveTruncated(Least(bin + one, Splat(bin_count)), level + i);
  }
  for (; i < n; ++i) {
    const double x = v[i] * scale;
    double bin = std::floor((x - low) / step);
    if (x < low + bin * step) bin -= 1;
    if (x >= low + (bin + 1) * step) bin += 1;
    level[i] = static_cast<int32_t>(bin + 1 < bin_count ? bin + 1 : bin_count);
  }
}

// The smallest floats of the levels 2, 3, … highest: the exact bounds of a level in float32, since levels rise with
// values. Comparing with a few of them is faster than dividing. For low < high.
inline void LowerBounds(double scale, double low, double high, double bin_width, double bin_count, double highest, float* bound) {
  const double first = bin_count > 0 ? low : std::floor(low / bin_width) * bin_width;
  const double step = bin_count > 0 ? (high - low) / bin_count : bin_width;
  constexpr float kInfinity = std::numeric_limits<float>::infinity();
  for (int32_t level = 2; level <= highest; ++level) {
    const auto reaches = [&](float v) {
      int32_t got;
      Discretise(&v, 1, scale, low, high, bin_width, bin_count, &got);
      return got >= level;
    };
    float v = static_cast<float>((first + (level - 1) * step) / scale);  // a few roundings off
    while (reaches(v)) v = std::nextafter(v, -kInfinity);
    while (!reaches(v)) v = std::nextafter(v, kInfinity);
    *bound++ = v;
  }
}
