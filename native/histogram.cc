// Histogram and moments of maps; definition in src/kernels/histogram.ts.
#ifndef SL_NS

#include <algorithm>
#include <cmath>
#include <limits>
#include <vector>

#include "kernels.h"
#include "simd.h"

namespace sightline {
// Partial histograms.
constexpr size_t kParts = 4;
}  // namespace sightline

#define SL_FILE "histogram.cc"
#include "foreach_target.h"

namespace sightline {
namespace {

struct Moments {
  double mean, variance, skewness, kurtosis;
};

constexpr double kNaN = std::numeric_limits<double>::quiet_NaN();

Moments FromCentral(double mean, double m2, double m3, double m4) {
  if (m2 == 0) return {mean, 0, 0, 0};
  return {mean, m2, m3 / std::pow(m2, 1.5), m4 / (m2 * m2)};
}

void Store(float* out, const Moments& m) {
  out[0] = static_cast<float>(m.mean);
  out[1] = static_cast<float>(m.variance);
  out[2] = static_cast<float>(m.skewness);
  out[3] = static_cast<float>(m.kurtosis);
}

// Population moments of the binned distribution at the bin centres, and its entropy in bits.
void StoreBinned(const uint32_t* counts, size_t bins, double low, double high, bool nan, float* out) {
  uint64_t total = 0;
  for (size_t i = 0; i < bins; ++i) total += counts[i];
  if (nan || total == 0) {
    std::fill(out, out + 5, static_cast<float>(kNaN));
    return;
  }
  const double n = static_cast<double>(total);
  const double width = (high - low) / static_cast<double>(bins);
  const auto centre = [&](size_t i) { return low + (static_cast<double>(i) + 0.5) * width; };
  double mean = 0;
  for (size_t i = 0; i < bins; ++i) mean += counts[i] * centre(i);
  mean /= n;
  double m2 = 0, m3 = 0, m4 = 0, entropy = 0;
  size_t occupied = 0;
  for (size_t i = 0; i < bins; ++i) {
    if (counts[i] == 0) continue;
    ++occupied;
    const double d = centre(i) - mean;
    const double p = counts[i] / n;
    m2 += p * d * d;
    m3 += p * d * d * d;
    m4 += p * d * d * d * d;
    entropy -= p * std::log2(p);
  }
  // One occupied bin has no spread, whatever rounding in the mean says.
  Store(out, occupied == 1 ? Moments{mean, 0, 0, 0} : FromCentral(mean, m2, m3, m4));
  out[4] = static_cast<float>(occupied == 1 ? 0 : entropy);
}

}  // namespace

void Histogram(const Call& call) {
  const float* maps = call.In<float>("maps");         // [B,P]
  uint32_t* counts = call.Out<uint32_t>("counts");    // [B,bins]
  float* binned = call.Out<float>("binned");          // [B,5]
  float* raw = call.Out<float>("raw");                // [B,4]
  const size_t batch = call.Size("B");
  const size_t pixels = call.Size("P");
  const size_t bins = call.Size("bins");
  const double low = call.Number("low");
  const double high = call.Number("high");
  ParallelFor(batch, batch * pixels * 4 * 3, [&](size_t begin, size_t end) {
    std::vector<uint32_t> scratch((bins + 1) * kParts);
    for (size_t b = begin; b < end; ++b) {
      const float* map = maps + b * pixels;
      double sums[4];  // mean, then central moments
      const bool finite = SL_DISPATCH(RawMoments)(map, pixels, sums);
      Store(raw + b * 4, finite ? FromCentral(sums[0], sums[1], sums[2], sums[3]) : Moments{kNaN, kNaN, kNaN, kNaN});
      const bool nan = SL_DISPATCH(Count)(map, pixels, bins, low, high, scratch.data(), counts + b * bins);
      StoreBinned(counts + b * bins, bins, low, high, nan, binned + b * 5);
    }
  });
}

}  // namespace sightline

#else

namespace sightline {
namespace SL_NS {

#include "lanes.h"

// Bin of each of `count` values (a multiple of 8); `n`, the number of bins, for those out of range. Whether one is NaN.
template <bool kExact>
SL_INLINE bool BinsOf(const float* SL_RESTRICT x, size_t count, double low, double high, double n, double range,
                      int32_t* SL_RESTRICT index) {
  const Lanes lowest = Splat(low), highest = Splat(high), bins = Splat(n), last = Splat(n - 1);
  const Lanes divisor = Splat(kExact ? 1 / range : range);
  Lanes nans = Splat(0);
  for (size_t i = 0; i < count; i += 8) {
    const Lanes v = Widen(x + i);
    const Lanes scaled = (v - lowest) * bins;
    const Lanes at = Least(kExact ? scaled * divisor : scaled / divisor, last);
    SaveTruncated(Where(v, lowest, highest, at, bins), index + i);
    nans += v - v;  // NaN once a value is NaN or infinite
  }
  // Infinite values are out of range but no NaN: told apart only when there is something to tell.
  bool nan = SumOf(nans) != 0;
  if (nan) {
    nan = false;
    for (size_t i = 0; i < count; ++i) nan |= x[i] != x[i];
  }
  return nan;
}

// Counts per bin as numpy.histogram: equal bins over [low, high], the last one closed. Returns whether a NaN was met.
bool Count(const float* SL_RESTRICT map, size_t pixels, size_t bins, double low, double high, uint32_t* SL_RESTRICT scratch,
           uint32_t* SL_RESTRICT counts) {
  // Partial histograms: neighbouring pixels often share a bin, and would wait for each other's store. One bin more than
  // asked for takes what is out of range, so that nothing branches.
  const size_t stride = bins + 1;
  std::fill(scratch, scratch + kParts * stride, 0u);
  const double n = static_cast<double>(bins);
  const double range = high - low;
  // The definition divides. For a power of two, [0, 1] above all, multiplying by the inverse gives the same bits.
  int exponent;
  const bool exact = std::frexp(range, &exponent) == 0.5 && range >= 0x1p-1000 && range <= 0x1p+1000;
  constexpr size_t kBlock = 512;
  int32_t index[kBlock];
  bool nan = false;
  for (size_t start = 0; start < pixels; start += kBlock) {
    const size_t count = std::min(kBlock, pixels - start);
    const float* SL_RESTRICT x = map + start;
    const size_t whole = count / 8 * 8;
    nan |= exact ? BinsOf<true>(x, whole, low, high, n, range, index) : BinsOf<false>(x, whole, low, high, n, range, index);
    for (size_t i = whole; i < count; ++i) {
      const double v = x[i];
      const double at = exact ? (v - low) * n * (1 / range) : (v - low) * n / range;
      index[i] = !(v >= low && v <= high) ? static_cast<int32_t>(bins) : at > n - 1 ? static_cast<int32_t>(bins) - 1 : static_cast<int32_t>(at);
      nan |= v != v;
    }
    for (size_t i = 0; i < whole; i += kParts)
      for (size_t part = 0; part < kParts; ++part) ++scratch[part * stride + static_cast<size_t>(index[i + part])];
    for (size_t i = whole; i < count; ++i) ++scratch[index[i]];
  }
  for (size_t i = 0; i < bins; ++i) {
    counts[i] = 0;
    for (size_t part = 0; part < kParts; ++part) counts[i] += scratch[part * stride + i];
  }
  return nan;
}

// out: mean, m2, m3, m4. False when there is no pixel or one is not finite.
bool RawMoments(const float* SL_RESTRICT map, size_t pixels, double* out) {
  if (pixels == 0) return false;
  const size_t whole = pixels / 8 * 8;
  Lanes sum = Splat(0), low = Splat(map[0]), high = low;
  for (size_t i = 0; i < whole; i += 8) {
    const Lanes v = Widen(map + i);
    sum += v;
    low = Least(low, v);
    high = Most(high, v);
  }
  double total = SumOf(sum), lowest = LeastOf(low), highest = MostOf(high);
  for (size_t i = whole; i < pixels; ++i) {
    total += map[i];
    lowest = map[i] < lowest ? map[i] : lowest;
    highest = map[i] > highest ? map[i] : highest;
  }
  if (total - total != 0) return false;  // NaN or infinite
  const double n = static_cast<double>(pixels);
  // A constant map has no spread, whatever rounding in the mean says.
  const double mean = lowest == highest ? lowest : total / n;
  const Lanes centre = Splat(mean);
  Lanes s2 = Splat(0), s3 = s2, s4 = s2;
  for (size_t i = 0; i < whole; i += 8) {
    const Lanes d = Widen(map + i) - centre;
    const Lanes dd = d * d;
    s2 += dd;
    s3 += dd * d;
    s4 += dd * dd;
  }
  double m2 = SumOf(s2), m3 = SumOf(s3), m4 = SumOf(s4);
  for (size_t i = whole; i < pixels; ++i) {
    const double d = map[i] - mean;
    m2 += d * d;
    m3 += d * d * d;
    m4 += d * d * d * d;
  }
  out[0] = mean;
  out[1] = m2 / n;
  out[2] = m3 / n;
  out[3] = m4 / n;
  return true;
}

}  // namespace SL_NS
}  // namespace sightline

#endif
