// Quantile of maps; definition in src/kernels/quantile.ts.
#ifndef SL_NS

#include <algorithm>
#include <cmath>
#include <limits>
#include <vector>

#include "kernels.h"
#include "simd.h"

#define SL_FILE "quantile.cc"
#include "foreach_target.h"

namespace sightline {

void Quantile(const Call& call) {
  const float* maps = call.In<float>("maps");  // [B,P]
  float* values = call.Out<float>("values");   // [B]
  const size_t batch = call.Size("B");
  const size_t pixels = call.Size("P");
  const double q = call.Number("q");
  ParallelFor(batch, batch * pixels * 4 * 3, [&](size_t begin, size_t end) {
    std::vector<uint16_t> buckets;
    for (size_t b = begin; b < end; ++b) values[b] = SL_DISPATCH(QuantileOne)(maps + b * pixels, pixels, q, &buckets);
  });
}

}  // namespace sightline

#else

namespace sightline {
namespace SL_NS {

#include "lanes.h"
#include "select.h"

float QuantileOne(const float* map, size_t pixels, double q, std::vector<uint16_t>* buckets) {
  const float nan = std::numeric_limits<float>::quiet_NaN();
  if (pixels == 0) return nan;
  const size_t whole = pixels / 8 * 8;
  Lanes low = Splat(map[0]), high = low, unusable = Splat(0);
  for (size_t i = 0; i < whole; i += 8) {
    const Lanes v = Widen(map + i);
    low = Least(low, v);
    high = Most(high, v);
    unusable += v - v;  // NaN once a value is NaN or infinite
  }
  double lowest = LeastOf(low), highest = MostOf(high), rest = SumOf(unusable);
  for (size_t i = whole; i < pixels; ++i) {
    lowest = map[i] < lowest ? map[i] : lowest;
    highest = map[i] > highest ? map[i] : highest;
    rest += static_cast<double>(map[i]) - map[i];
  }
  if (rest != 0) return nan;
  double value;
  Quantiles(map, pixels, static_cast<float>(lowest), static_cast<float>(highest), 1, &q, 1, buckets,
            &value);
  return static_cast<float>(value);
}

}  // namespace SL_NS
}  // namespace sightline

#endif
