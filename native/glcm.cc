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
bool AddFeatures(const double* matrix, const std::vector<double>& values, double highest, bool symmetric,
                 Scratch& scratch, double* sums) {
  const size_t n = values.size();
  double features[kGlcmFeatures];
  if (!GlcmFeatures(matrix, values.data(), n, highest, scratch.features, features)) return false;
  scratch.correlation.resize(2 * n * n + 4 * n);
  features[kGlcmMcc] =
      SL_DISPATCH(MaximalCorrelation)(matrix, scratch.features.px.data(), scratch.features.py.data(), n, symmetric,
                                      scratch.correlation.data());
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
      SL_DISPATCH(CountTriples<Level>)(levels.data(), padded, offsets[a].step, offsets[a + together - 1].step, n,
                                       scratch.tables, matrices);
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
    const ptrdiff_t slice = static_cast<ptrdiff_t>(padded.slice), row = static_cast<ptrdiff_t>(padded.row);
    const ptrdiff_t step = d[0] * slice + d[1] * row + d[2];
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
#include "glcm_counts.h"
#include "glcm_levels.h"

// Second singular value of N = Dx^(−1/2) P Dy^(−1/2), the second largest |eigenvalue| where it is symmetric. The first
// is 1 and its vectors known, √px and √py: taken away, the second is the largest. scratch: [2n² + 4n].
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
