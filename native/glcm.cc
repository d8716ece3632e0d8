// Features of grey-level co-occurrence matrices; definition in src/kernels/glcm.ts. Levels, pairs and the maximal
// correlation are worked out per CPU target, the formulas are in glcm_features.h.
#ifndef SL_NS

#include <algorithm>
#include <cmath>
#include <cstring>
#include <limits>
#include <vector>

#include "glcm_features.h"
#include "kernels.h"
#include "simd.h"

namespace sightline {

// Extremes of the pixels inside the mask, as float bits in an order that whole numbers share.
struct Extent {
  int32_t low, high;
};

// Levels of an image with zeros around it (0 = outside), so that a pair at any offset is a fixed distance apart in
// memory. The zeros after a row are also those before the next one.
struct Padded {
  size_t depth, height, width;
  size_t row, slice, first;  // distances from row to row and slice to slice, place of the first pixel
  size_t size;               // in levels
};

// How values times scale become levels 1 to highest; low and high are the extremes of those.
struct Bins {
  double scale, low, high, width, count, highest;
};

// Where the pairs of one offset lie: apart by `step` levels in the padded image.
struct Offset {
  ptrdiff_t step;
  double weight;
};

}  // namespace sightline

#define SL_FILE "glcm.cc"
#include "foreach_target.h"

namespace sightline {
namespace {

constexpr double kNaN = std::numeric_limits<double>::quiet_NaN();

// The float of an ordered key (KeyOf, below).
float FloatOf(int32_t key) {
  const int32_t bits = key ^ ((key >> 31) & 0x7fffffff);
  float value;
  std::memcpy(&value, &bits, sizeof value);
  return value;
}

struct Settings {
  double scale, bin_width, bin_count, levels;
  bool symmetric, merge;
};

// Buffers of one thread, kept from image to image.
struct Scratch {
  std::vector<uint8_t> bytes;
  std::vector<uint16_t> words;
  std::vector<uint32_t> tables;
  std::vector<double> matrix, merged, correlation;
  GlcmScratch features;
};

template <typename Level>
std::vector<Level>& Levels(Scratch& scratch);
template <>
std::vector<uint8_t>& Levels(Scratch& scratch) { return scratch.bytes; }
template <>
std::vector<uint16_t>& Levels(Scratch& scratch) { return scratch.words; }

// Features of one matrix of pairs, added to `sums`. Returns whether it has any pair.
bool AddFeatures(const double* matrix, const std::vector<double>& values, double highest, bool symmetric, Scratch& scratch,
                 double* sums) {
  const size_t n = values.size();
  double features[kGlcmFeatures];
  if (!GlcmFeatures(matrix, values.data(), n, highest, scratch.features, features)) return false;
  scratch.correlation.resize(2 * n * n + 4 * n);
  features[kGlcmMcc] = SL_DISPATCH(MaximalCorrelation)(matrix, scratch.features.px.data(), scratch.features.py.data(), n,
                                                       symmetric, scratch.correlation.data());
  for (size_t f = 0; f < kGlcmFeatures; ++f) sums[f] += features[f];
  return true;
}

// One image with levels of the given type. `out`: features, NaN where there is no pair.
template <typename Level>
void Image(const float* map, const uint8_t* mask, const Padded& padded, const std::vector<Offset>& offsets,
           const Settings& settings, float low, float high, double highest, Scratch& scratch, double* out) {
  const double x_low = low * settings.scale, x_high = high * settings.scale;
  std::vector<Level>& levels = Levels<Level>(scratch);
  levels.assign(padded.size, 0);
  const Bins bins{settings.scale, x_low, x_high, settings.bin_width, settings.bin_count, highest};
  SL_DISPATCH(LevelImage<Level>)(map, mask, padded, bins, low, levels.data());

  // Many levels are often empty ones: only those that are there take part.
  std::vector<double> values;
  if (highest < kSmallTable) {
    for (double level = 1; level <= highest; ++level) values.push_back(level);
  } else {
    std::vector<Level> rank(static_cast<size_t>(highest) + 1, 0);
    for (const Level level : levels) rank[level] = 1;
    rank[0] = 0;
    for (size_t level = 1; level < rank.size(); ++level) {
      if (rank[level] == 0) continue;
      values.push_back(static_cast<double>(level));
      rank[level] = static_cast<Level>(values.size());
    }
    if (values.size() < rank.size() - 1)
      for (Level& level : levels) level = rank[level];
  }
  const size_t n = values.size();

  double sums[kGlcmFeatures] = {};
  size_t counted = 0;
  scratch.matrix.resize(2 * n * n);
  scratch.merged.assign(settings.merge ? n * n : 0, 0.0);
  for (size_t a = 0; a < offsets.size();) {
    // Of few levels, two offsets are counted at once.
    const size_t together = n < kSmallTable ? std::min<size_t>(2, offsets.size() - a) : 1;
    double* matrices = scratch.matrix.data();
    if (n < kSmallTable) {
      SL_DISPATCH(CountTriples<Level>)(levels.data(), padded, offsets[a].step, offsets[a + together - 1].step, n, scratch.tables,
                                matrices);
    } else {
      SL_DISPATCH(CountPairs<Level>)(levels.data(), padded, offsets[a].step, n, scratch.tables, matrices);
    }
    for (size_t part = 0; part < together; ++part, ++a) {
      double* matrix = matrices + part * n * n;
      if (settings.symmetric) AddTranspose(matrix, n);
      if (settings.merge) {
        for (size_t i = 0; i < n * n; ++i) scratch.merged[i] += offsets[a].weight * matrix[i];
      } else {
        counted += AddFeatures(matrix, values, highest, settings.symmetric, scratch, sums);
      }
    }
  }
  if (settings.merge) counted += AddFeatures(scratch.merged.data(), values, highest, settings.symmetric, scratch, sums);
  for (size_t f = 0; f < kGlcmFeatures; ++f) out[f] = counted > 0 ? sums[f] / static_cast<double>(counted) : kNaN;
  // One level only; more than one bin between two extremes makes two.
  if (highest == 1 || x_low == x_high) out[kGlcmMcc] = 1;
}

void OneImage(const float* map, const uint8_t* mask, const Padded& padded, const std::vector<Offset>& offsets,
              const Settings& settings, Scratch& scratch, float* out) {
  double features[kGlcmFeatures];
  std::fill(features, features + kGlcmFeatures, kNaN);
  const Extent extent = SL_DISPATCH(ExtentOf)(map, mask, padded.depth * padded.height * padded.width);
  if (extent.low <= extent.high) {
    const float low = FloatOf(extent.low), high = FloatOf(extent.high);
    // NaN and infinities are the lowest and highest keys of all.
    if (std::isfinite(low) && std::isfinite(high)) {
      const double highest = SL_DISPATCH(HighestLevel)(low * settings.scale, high * settings.scale, settings.bin_width,
                                                       settings.bin_count);
      if (highest <= settings.levels) {
        if (highest < 256) {
          Image<uint8_t>(map, mask, padded, offsets, settings, low, high, highest, scratch, features);
        } else {
          Image<uint16_t>(map, mask, padded, offsets, settings, low, high, highest, scratch, features);
        }
      }
    }
  }
  for (size_t f = 0; f < kGlcmFeatures; ++f) out[f] = static_cast<float>(features[f]);
}

}  // namespace

void Glcm(const Call& call) {
  const float* maps = call.In<float>("maps");            // [B,D,H,W]
  const uint8_t* masks = call.In<uint8_t>("masks");      // [B,D,H,W]
  const int32_t* shifts = call.In<int32_t>("offsets");   // [A,3]
  const float* weights = call.In<float>("weights");      // [A]
  float* features = call.Out<float>("features");         // [B,24]
  const size_t batch = call.Size("B");
  const Settings settings{call.Number("scale"),  call.Number("binWidth"),       call.Number("binCount"),
                          call.Number("levels"), call.Number("symmetric") != 0, call.Number("merge") != 0};
  Padded padded{call.Size("D"), call.Size("H"), call.Size("W"), 0, 0, 0, 0};
  const size_t pixels = padded.depth * padded.height * padded.width;

  // Offsets as long as the image or longer have no pairs.
  const size_t count = call.Size("A");
  std::vector<const int32_t*> within;
  size_t reach[3] = {};
  for (size_t a = 0; a < count; ++a) {
    const int32_t* d = shifts + 3 * a;
    const size_t size[3] = {padded.depth, padded.height, padded.width};
    size_t length[3];
    bool fits = true;
    for (size_t axis = 0; axis < 3; ++axis) {
      length[axis] = static_cast<size_t>(std::abs(static_cast<int64_t>(d[axis])));
      fits &= length[axis] < size[axis];
    }
    if (!fits) continue;
    for (size_t axis = 0; axis < 3; ++axis) reach[axis] = std::max(reach[axis], length[axis]);
    within.push_back(d);
  }
  padded.row = padded.width + reach[2];
  padded.slice = (padded.height + reach[1]) * padded.row;
  padded.first = reach[0] * padded.slice + reach[1] * padded.row + reach[2];
  padded.size = padded.first + padded.depth * padded.slice + padded.first;
  std::vector<Offset> offsets;
  for (const int32_t* d : within) {
    const ptrdiff_t step = d[0] * static_cast<ptrdiff_t>(padded.slice) + d[1] * static_cast<ptrdiff_t>(padded.row) + d[2];
    offsets.push_back({step, weights[(d - shifts) / 3]});
  }

  ParallelFor(batch, batch * pixels * (5 + 2 * count), [&](size_t begin, size_t end) {
    Scratch scratch;
    for (size_t b = begin; b < end; ++b) {
      OneImage(maps + b * pixels, masks + b * pixels, padded, offsets, settings, scratch, features + b * kGlcmFeatures);
    }
  });
}

}  // namespace sightline

#else

namespace sightline {
namespace SL_NS {

#include "lanes.h"
#include "discretise.h"
#include "eigen.h"

// Bits of a float as a whole number that sorts as it does; NaN beyond the infinities, on its sign's side.
SL_INLINE int32_t KeyOf(float v) {
  int32_t bits;
  std::memcpy(&bits, &v, sizeof bits);
  return bits ^ ((bits >> 31) & 0x7fffffff);
}

// low > high where the mask is empty.
inline Extent ExtentOf(const float* SL_RESTRICT map, const uint8_t* SL_RESTRICT mask, size_t pixels) {
  int32_t low = std::numeric_limits<int32_t>::max(), high = std::numeric_limits<int32_t>::min();
  for (size_t i = 0; i < pixels; ++i) {
    const int32_t key = KeyOf(map[i]);
    const int32_t floor = mask[i] != 0 ? key : std::numeric_limits<int32_t>::max();
    const int32_t ceiling = mask[i] != 0 ? key : std::numeric_limits<int32_t>::min();
    low = floor < low ? floor : low;
    high = ceiling > high ? ceiling : high;
  }
  return {low, high};
}

// Pixels whose levels are worked out at a time.
constexpr size_t kBlock = 512;

// The smallest floats of the levels 2, 3, …: the exact bounds of a level in float32, since levels rise with values.
inline void LowerBounds(const Bins& bins, float* bound) {
  const double first = bins.count > 0 ? bins.low : std::floor(bins.low / bins.width) * bins.width;
  const double step = bins.count > 0 ? (bins.high - bins.low) / bins.count : bins.width;
  constexpr float kInfinity = std::numeric_limits<float>::infinity();
  for (int32_t level = 2; level <= bins.highest; ++level) {
    const auto reaches = [&](float v) {
      int32_t got;
      Discretise(&v, 1, bins.scale, bins.low, bins.high, bins.width, bins.count, &got);
      return got >= level;
    };
    float v = static_cast<float>((first + (level - 1) * step) / bins.scale);  // a few roundings off
    while (reaches(v)) v = std::nextafter(v, -kInfinity);
    while (!reaches(v)) v = std::nextafter(v, kInfinity);
    *bound++ = v;
  }
}

template <typename Level>
SL_INLINE void Masked(const int32_t* SL_RESTRICT level, const uint8_t* SL_RESTRICT inside, size_t count,
                      Level* SL_RESTRICT out) {
  for (size_t i = 0; i < count; ++i) out[i] = static_cast<Level>(inside[i] != 0 ? level[i] : 0);
}

// Levels by comparing with the bounds of 2, 3, …, of which there are kBounds (infinity where fewer are in use).
template <size_t kBounds>
SL_INLINE void LevelsByBounds(const float* map, const uint8_t* mask, const Padded& padded, const float* SL_RESTRICT bound,
                              int32_t lowest, uint8_t* out) {
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
      if (!flat) LowerBounds(bins, bound);
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

// Neighbouring pixels often have the same levels, and would wait for each other's store: counts go to several tables in
// turn. Blocks of indices first, in vectors; then the counting, one by one.
constexpr size_t kCountBlock = 2048;

// Pairs at two offsets at once, of up to 15 levels: counts of (pixel, first neighbour, second neighbour), 4 bits each,
// summed over either neighbour. `matrices`: two of [n,n].
template <typename Level>
inline void CountTriples(const Level* image, const Padded& padded, ptrdiff_t step_a, ptrdiff_t step_b, size_t n,
                         std::vector<uint32_t>& tables, double* matrices) {
  constexpr size_t kTable = kSmallTable * kSmallTable * kSmallTable, kTables = 4;
  tables.assign(kTables * kTable, 0);
  uint32_t* SL_RESTRICT table = tables.data();
  uint16_t index[kCountBlock];
  const size_t end = padded.size - padded.first;
  for (size_t start = padded.first; start < end; start += kCountBlock) {
    const size_t count = std::min(kCountBlock, end - start);
    const Level* SL_RESTRICT pixel = image + start;
    const Level* SL_RESTRICT a = pixel + step_a;
    const Level* SL_RESTRICT b = pixel + step_b;
    for (size_t i = 0; i < count; ++i) index[i] = static_cast<uint16_t>((pixel[i] * 16 + a[i]) * 16 + b[i]);
    size_t i = 0;
    for (; i + kTables <= count; i += kTables)
      for (size_t part = 0; part < kTables; ++part) ++table[part * kTable + index[i + part]];
    for (; i < count; ++i) ++table[index[i]];
  }
  std::fill(matrices, matrices + 2 * n * n, 0.0);
  for (size_t i = 1; i <= n; ++i) {
    uint32_t of_b[kSmallTable] = {};
    for (size_t j = 0; j <= n; ++j) {
      uint32_t of_a = 0;
      for (size_t k = 0; k < kSmallTable; ++k) {
        uint32_t sum = 0;
        for (size_t part = 0; part < kTables; ++part) sum += table[part * kTable + (i * 16 + j) * 16 + k];
        of_a += sum;
        of_b[k] += sum;
      }
      if (j > 0) matrices[(i - 1) * n + j - 1] = of_a;
    }
    for (size_t k = 1; k <= n; ++k) matrices[n * n + (i - 1) * n + k - 1] = of_b[k];
  }
}

// Pairs at one offset. `matrix`: [n,n].
template <typename Level>
inline void CountPairs(const Level* image, const Padded& padded, ptrdiff_t step, size_t n, std::vector<uint32_t>& tables,
                       double* matrix) {
  const size_t stride = n + 1;
  const size_t parts = stride <= 40 ? 4 : stride <= 90 ? 2 : 1;
  const size_t size = stride * stride;
  tables.assign(parts * size, 0);
  uint32_t* SL_RESTRICT table = tables.data();
  uint32_t index[kCountBlock];
  const size_t end = padded.size - padded.first;
  const uint32_t width = static_cast<uint32_t>(stride);
  for (size_t start = padded.first; start < end; start += kCountBlock) {
    const size_t count = std::min(kCountBlock, end - start);
    const Level* SL_RESTRICT pixel = image + start;
    const Level* SL_RESTRICT neighbour = pixel + step;
    for (size_t i = 0; i < count; ++i) index[i] = pixel[i] * width + neighbour[i];
    size_t i = 0;
    for (; i + 4 <= count; i += 4)
      for (size_t k = 0; k < 4; ++k) ++table[(k & (parts - 1)) * size + index[i + k]];
    for (; i < count; ++i) ++table[index[i]];
  }
  for (size_t i = 0; i < n; ++i) {
    for (size_t j = 0; j < n; ++j) {
      uint32_t sum = 0;
      for (size_t part = 0; part < parts; ++part) sum += table[part * size + (i + 1) * stride + j + 1];
      matrix[i * n + j] = sum;
    }
  }
}

// Second singular value of N = Dx^(−1/2) P Dy^(−1/2), the second largest |eigenvalue| where it is symmetric. The first is
// 1 and its vectors known, √px and √py: taken away, the second is the largest. scratch: [2n² + 4n].
inline double MaximalCorrelation(const double* SL_RESTRICT matrix, const double* SL_RESTRICT px,
                                 const double* SL_RESTRICT py, size_t n, bool symmetric, double* scratch) {
  double* rest = scratch + 2 * n * n;
  double* SL_RESTRICT s = scratch;
  double* SL_RESTRICT square = scratch + n * n;
  double total = 0;
  for (size_t i = 0; i < n; ++i) total += px[i];
  for (size_t i = 0; i < n; ++i) {
    for (size_t j = 0; j < n; ++j) {
      const double both = px[i] * py[j];
      s[i * n + j] = both > 0 ? (matrix[i * n + j] - both / total) / std::sqrt(both) : 0;
    }
  }
  if (symmetric) return SpectralRadius(s, n, rest);
  for (size_t i = 0; i < n; ++i) {
    for (size_t j = 0; j <= i; ++j) {
      double sum = 0;
      for (size_t k = 0; k < n; ++k) sum += s[i * n + k] * s[j * n + k];
      square[i * n + j] = sum;
      square[j * n + i] = sum;
    }
  }
  return std::sqrt(SpectralRadius(square, n, rest));
}

}  // namespace SL_NS
}  // namespace sightline

#endif
