// Histogram and moments of maps; definition in src/kernels/histogram.ts.
#ifndef SL_NS

#include <algorithm>
#include <cmath>
#include <limits>
#include <vector>

#include "kernels.h"
#include "simd.h"

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
    std::vector<uint32_t> scratch(bins * 4);
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

// Counts per bin as numpy.histogram: equal bins over [low, high], the last one closed. Returns whether a NaN was met.
bool Count(const float* SL_RESTRICT map, size_t pixels, size_t bins, double low, double high, uint32_t* SL_RESTRICT scratch,
           uint32_t* SL_RESTRICT counts) {
  // Four partial histograms: neighbouring pixels often share a bin, and would wait for each other's store.
  for (size_t i = 0; i < bins * 4; ++i) scratch[i] = 0;
  const double n = static_cast<double>(bins);
  const double range = high - low;
  const int32_t last = static_cast<int32_t>(bins) - 1;
  constexpr size_t kBlock = 256;
  int32_t index[kBlock];
  uint32_t nans = 0;
  for (size_t start = 0; start < pixels; start += kBlock) {
    const size_t count = pixels - start < kBlock ? pixels - start : kBlock;
    const float* SL_RESTRICT x = map + start;
    uint32_t nan = 0;
    for (size_t i = 0; i < count; ++i) {
      const double v = x[i];
      const bool inside = v >= low && v <= high;
      const double at = inside ? (v - low) * n / range : 0.0;
      const int32_t bin = static_cast<int32_t>(at);
      index[i] = inside ? (bin > last ? last : bin) : -1;
      nan += x[i] != x[i];
    }
    nans += nan;
    for (size_t i = 0; i < count; ++i)
      if (index[i] >= 0) ++scratch[(i & 3) * bins + index[i]];
  }
  for (size_t i = 0; i < bins; ++i) counts[i] = scratch[i] + scratch[bins + i] + scratch[2 * bins + i] + scratch[3 * bins + i];
  return nans > 0;
}

// out: mean, m2, m3, m4. False when there is no pixel or one is not finite.
bool RawMoments(const float* SL_RESTRICT map, size_t pixels, double* out) {
  if (pixels == 0) return false;
  constexpr size_t kLanes = 16;
  double sum[kLanes] = {};
  float low[kLanes], high[kLanes];
  for (size_t lane = 0; lane < kLanes; ++lane) low[lane] = high[lane] = map[0];
  const auto add = [&](size_t lane, float v) {
    sum[lane] += v;
    low[lane] = v < low[lane] ? v : low[lane];
    high[lane] = v > high[lane] ? v : high[lane];
  };
  size_t i = 0;
  for (; i + kLanes <= pixels; i += kLanes)
    for (size_t lane = 0; lane < kLanes; ++lane) add(lane, map[i + lane]);
  for (size_t lane = 0; i < pixels; ++i, ++lane) add(lane, map[i]);
  double total = 0;
  float lowest = low[0], highest = high[0];
  for (size_t lane = 0; lane < kLanes; ++lane) {
    total += sum[lane];
    lowest = low[lane] < lowest ? low[lane] : lowest;
    highest = high[lane] > highest ? high[lane] : highest;
  }
  if (total - total != 0) return false;  // NaN or infinite
  const double n = static_cast<double>(pixels);
  // A constant map has no spread, whatever rounding in the mean says.
  const double mean = lowest == highest ? lowest : total / n;
  double s2[kLanes] = {}, s3[kLanes] = {}, s4[kLanes] = {};
  const auto moment = [&](size_t lane, float v) {
    const double d = v - mean;
    const double dd = d * d;
    s2[lane] += dd;
    s3[lane] += dd * d;
    s4[lane] += dd * dd;
  };
  for (i = 0; i + kLanes <= pixels; i += kLanes)
    for (size_t lane = 0; lane < kLanes; ++lane) moment(lane, map[i + lane]);
  for (size_t lane = 0; i < pixels; ++i, ++lane) moment(lane, map[i]);
  double m2 = 0, m3 = 0, m4 = 0;
  for (size_t lane = 0; lane < kLanes; ++lane) {
    m2 += s2[lane];
    m3 += s3[lane];
    m4 += s4[lane];
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
