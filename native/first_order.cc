// First-order statistics of maps inside masks; definition in src/kernels/first_order.ts.
#ifndef SL_NS

#include <algorithm>
#include <cmath>
#include <limits>
#include <vector>

#include "kernels.h"
#include "simd.h"

namespace sightline {
namespace {

struct FirstOrderParams {
  double scale, shift, bin_width, bin_count, levels;
};

// What the features follow from.
struct FirstOrderSums {
  double quantiles[5];  // 10, 25, 50, 75, 90 %
  double low, high, mean, energy;
  double m2, m3, m4, deviation, robust_deviation;
  double entropy, uniformity;
};

// Memory that the images of a thread share.
struct FirstOrderScratch {
  std::vector<uint32_t> counts;
  std::vector<uint16_t> buckets;
};

constexpr size_t kFirstOrderFeatures = 19;
constexpr double kNaN = std::numeric_limits<double>::quiet_NaN();
// Partial histograms.
constexpr size_t kParts = 4;
// Up to here comparing with every bound is faster than counting in histograms.
constexpr size_t kFewLevels = 16;

// The columns of firstOrderFeatures.
void StoreFirstOrder(const FirstOrderSums& s, double n, double voxel_volume, float* out) {
  const double columns[kFirstOrderFeatures] = {
      s.quantiles[0],
      s.quantiles[4],
      s.energy,
      s.entropy,
      s.quantiles[3] - s.quantiles[1],
      s.m2 == 0 ? 0 : s.m4 / (s.m2 * s.m2),
      s.high,
      s.deviation,
      s.mean,
      s.quantiles[2],
      s.low,
      s.high - s.low,
      s.robust_deviation,
      std::sqrt(s.energy / n),
      s.m2 == 0 ? 0 : s.m3 / std::pow(s.m2, 1.5),
      std::sqrt(s.m2),
      s.energy * voxel_volume,
      s.uniformity,
      s.m2,
  };
  for (size_t k = 0; k < kFirstOrderFeatures; ++k) out[k] = static_cast<float>(columns[k]);
}

// Entropy in bits and uniformity of the counts of n values.
void FromCounts(const uint32_t* counts, size_t levels, double n, FirstOrderSums* sums) {
  sums->entropy = sums->uniformity = 0;
  for (size_t k = 0; k < levels; ++k) {
    if (counts[k] == 0) continue;
    const double p = counts[k] / n;
    sums->entropy -= p * std::log2(p + 0x1p-52);
    sums->uniformity += p * p;
  }
}

// The map's values inside the mask: the map itself where that is all of it, else copied to `buffer`.
const float* Inside(const float* map, const uint8_t* mask, size_t pixels, std::vector<float>* buffer, size_t* count) {
  size_t inside = 0;
  for (size_t i = 0; i < pixels; ++i) inside += mask[i] != 0;
  *count = inside;
  if (inside == pixels) return map;
  buffer->resize(pixels + 1);  // one more: what is outside is written too, and overwritten
  float* out = buffer->data();
  for (size_t i = 0; i < pixels; ++i) {
    *out = map[i];
    out += mask[i] != 0;
  }
  return buffer->data();
}

}  // namespace
}  // namespace sightline

#define SL_FILE "first_order.cc"
#include "foreach_target.h"

namespace sightline {

void FirstOrder(const Call& call) {
  const float* maps = call.In<float>("maps");        // [B,P]
  const uint8_t* masks = call.In<uint8_t>("masks");  // [B,P]
  float* features = call.Out<float>("features");     // [B,19]
  const size_t batch = call.Size("B");
  const size_t pixels = call.Size("P");
  const FirstOrderParams params{call.Number("scale"), call.Number("shift"), call.Number("binWidth"),
                                call.Number("binCount"), call.Number("levels")};
  const double voxel_volume = call.Number("voxelVolume");
  ParallelFor(batch, batch * pixels * 30, [&](size_t begin, size_t end) {
    std::vector<float> buffer;
    FirstOrderScratch scratch;
    for (size_t b = begin; b < end; ++b) {
      float* out = features + b * kFirstOrderFeatures;
      size_t n = 0;
      const float* values = Inside(maps + b * pixels, masks + b * pixels, pixels, &buffer, &n);
      FirstOrderSums sums;
      if (n > 0 && SL_DISPATCH(Summarise)(values, n, params, &scratch, &sums))
        StoreFirstOrder(sums, static_cast<double>(n), voxel_volume, out);
      else
        std::fill(out, out + kFirstOrderFeatures, static_cast<float>(kNaN));
    }
  });
}

}  // namespace sightline

#else

namespace sightline {
namespace SL_NS {

#include "lanes.h"
#include "discretise.h"
#include "select.h"

// Sum, range and energy; least and most: the range before scaling. False when a value is not finite.
bool Extent(const float* SL_RESTRICT v, size_t n, double scale, double shift, FirstOrderSums* sums, float* least, float* most) {
  const size_t whole = n / 8 * 8;
  const Lanes factor = Splat(scale), offset = Splat(shift);
  Lanes sum = Splat(0), energy = sum, low = Splat(v[0]), high = low;
  for (size_t i = 0; i < whole; i += 8) {
    const Lanes x = Widen(v + i);
    low = Least(low, x);
    high = Most(high, x);
    const Lanes scaled = x * factor;
    const Lanes shifted = scaled + offset;
    sum += scaled;
    energy += shifted * shifted;
  }
  double total = SumOf(sum), squares = SumOf(energy), lowest = LeastOf(low), highest = MostOf(high);
  for (size_t i = whole; i < n; ++i) {
    const double x = v[i], scaled = x * scale;
    lowest = x < lowest ? x : lowest;
    highest = x > highest ? x : highest;
    total += scaled;
    squares += (scaled + shift) * (scaled + shift);
  }
  *least = static_cast<float>(lowest);
  *most = static_cast<float>(highest);
  sums->low = lowest * scale;
  sums->high = highest * scale;
  sums->energy = squares;
  // A constant has no spread, whatever rounding in the mean says.
  sums->mean = lowest == highest ? sums->low : total / static_cast<double>(n);
  return total - total == 0;
}

// Mean of the values in [low, high]; NaN where there are none.
double MeanWithin(const float* SL_RESTRICT v, size_t n, double scale, double low, double high) {
  const size_t whole = n / 8 * 8;
  const double infinity = std::numeric_limits<double>::infinity();
  const Lanes factor = Splat(scale), from = Splat(low), to = Splat(high), zero = Splat(0), one = Splat(1);
  Lanes sum = zero, count = zero, least = Splat(infinity), most = Splat(-infinity);
  for (size_t i = 0; i < whole; i += 8) {
    const Lanes x = Widen(v + i) * factor;
    sum += Where(x, from, to, x, zero);
    count += Where(x, from, to, one, zero);
    least = Least(least, Where(x, from, to, x, Splat(infinity)));
    most = Most(most, Where(x, from, to, x, Splat(-infinity)));
  }
  double total = SumOf(sum), counted = SumOf(count), lowest = LeastOf(least), highest = MostOf(most);
  for (size_t i = whole; i < n; ++i) {
    const double x = v[i] * scale;
    if (!(x >= low && x <= high)) continue;
    total += x;
    counted += 1;
    lowest = x < lowest ? x : lowest;
    highest = x > highest ? x : highest;
  }
  return lowest == highest ? lowest : total / counted;
}

// Central moments, mean absolute deviation, and that of the values between the outer deciles.
void Spread(const float* SL_RESTRICT v, size_t n, double scale, FirstOrderSums* sums) {
  const double low = sums->quantiles[0], high = sums->quantiles[4];
  const double robust_mean = MeanWithin(v, n, scale, low, high);
  const size_t whole = n / 8 * 8;
  const Lanes factor = Splat(scale), centre = Splat(sums->mean), inner = Splat(robust_mean);
  const Lanes from = Splat(low), to = Splat(high), zero = Splat(0), one = Splat(1);
  Lanes s2 = zero, s3 = zero, s4 = zero, s1 = zero, robust = zero, count = zero;
  for (size_t i = 0; i < whole; i += 8) {
    const Lanes x = Widen(v + i) * factor;
    const Lanes d = x - centre, e = x - inner;
    const Lanes dd = d * d;
    s2 += dd;
    s3 += dd * d;
    s4 += dd * dd;
    s1 += Most(d, zero - d);
    robust += Where(x, from, to, Most(e, zero - e), zero);
    count += Where(x, from, to, one, zero);
  }
  double m1 = SumOf(s1), m2 = SumOf(s2), m3 = SumOf(s3), m4 = SumOf(s4), within = SumOf(robust), counted = SumOf(count);
  for (size_t i = whole; i < n; ++i) {
    const double x = v[i] * scale;
    const double d = x - sums->mean;
    m1 += std::fabs(d);
    m2 += d * d;
    m3 += d * d * d;
    m4 += d * d * d * d;
    if (!(x >= low && x <= high)) continue;
    within += std::fabs(x - robust_mean);
    counted += 1;
  }
  const double size = static_cast<double>(n);
  sums->deviation = m1 / size;
  sums->m2 = m2 / size;
  sums->m3 = m3 / size;
  sums->m4 = m4 / size;
  sums->robust_deviation = counted == 0 ? kNaN : within / counted;
}

// How many values reach a bound.
uint32_t Reaching(const float* SL_RESTRICT v, size_t n, float bound) {
  int32_t count = 0;
  for (size_t i = 0; i < n; ++i) count += v[i] >= bound ? 1 : 0;
  return static_cast<uint32_t>(count);
}

// Counts of few grey levels, by comparing with their bounds: no conversion to double, no division.
void CountFewLevels(const float* SL_RESTRICT v, size_t n, const FirstOrderParams& params, const FirstOrderSums& sums,
                    size_t levels, uint32_t* SL_RESTRICT counts) {
  float bound[kFewLevels];
  LowerBounds(params.scale, sums.low, sums.high, params.bin_width, params.bin_count, static_cast<double>(levels), bound);
  counts[0] = static_cast<uint32_t>(n);
  constexpr size_t kBlock = 4096;  // stays in the first cache for all bounds
  for (size_t start = 0; start < n; start += kBlock)
    for (size_t k = 1; k < levels; ++k) counts[k] += Reaching(v + start, std::min(kBlock, n - start), bound[k - 1]);
  for (size_t k = 1; k < levels; ++k) counts[k - 1] -= counts[k];
}

// Counts per grey level, in the first of kParts histograms.
void CountLevels(const float* SL_RESTRICT v, size_t n, const FirstOrderParams& params, const FirstOrderSums& sums,
                 size_t levels, uint32_t* SL_RESTRICT counts) {
  // Partial histograms: neighbouring pixels often share a level, and would wait for each other's store.
  constexpr size_t kBlock = 512;
  int32_t level[kBlock];
  for (size_t start = 0; start < n; start += kBlock) {
    const size_t block = std::min(kBlock, n - start);
    Discretise(v + start, block, params.scale, sums.low, sums.high, params.bin_width, params.bin_count, level);
    size_t i = 0;
    for (; i + kParts <= block; i += kParts)
      for (size_t part = 0; part < kParts; ++part) ++counts[part * levels + static_cast<size_t>(level[i + part] - 1)];
    for (; i < block; ++i) ++counts[level[i] - 1];
  }
  for (size_t part = 1; part < kParts; ++part)
    for (size_t k = 0; k < levels; ++k) counts[k] += counts[part * levels + k];
}

// False when a value is not finite.
bool Summarise(const float* v, size_t n, const FirstOrderParams& params, FirstOrderScratch* scratch, FirstOrderSums* sums) {
  float least, most;
  if (!Extent(v, n, params.scale, params.shift, sums, &least, &most)) return false;
  const double q[5] = {0.1, 0.25, 0.5, 0.75, 0.9};
  Quantiles(v, n, least, most, params.scale, q, 5, &scratch->buckets, sums->quantiles);
  Spread(v, n, params.scale, sums);
  const double highest = HighestLevel(sums->low, sums->high, params.bin_width, params.bin_count);
  if (!(highest <= params.levels)) {
    sums->entropy = sums->uniformity = kNaN;
    return true;
  }
  const size_t levels = static_cast<size_t>(highest);
  std::vector<uint32_t>* counts = &scratch->counts;
  counts->assign(kParts * levels, 0);
  if (sums->low < sums->high && levels <= kFewLevels) CountFewLevels(v, n, params, *sums, levels, counts->data());
  else CountLevels(v, n, params, *sums, levels, counts->data());
  FromCounts(counts->data(), levels, static_cast<double>(n), sums);
  return true;
}

}  // namespace SL_NS
}  // namespace sightline

#endif
