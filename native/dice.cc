// Dice overlap of saliency maps and masks; definition in src/kernels/dice.ts.
#ifndef SL_NS

#include "kernels.h"
#include "simd.h"

#include <limits>

#define SL_FILE "dice.cc"
#include "foreach_target.h"

namespace sightline {

void Dice(const Call& call) {
  const float* maps = call.In<float>("maps");              // [B,P]
  const uint8_t* masks = call.In<uint8_t>("masks");        // [B,P]
  const float* thresholds = call.In<float>("thresholds");  // [B]
  float* dice = call.Out<float>("dice");                   // [B]
  const size_t batch = call.Size("B");
  const size_t pixels = call.Size("P");
  const int mode = static_cast<int>(call.Number("mode"));
  ParallelFor(batch, batch * pixels * 5, [&](size_t begin, size_t end) {
    for (size_t b = begin; b < end; ++b) {
      const float* map = maps + b * pixels;
      const uint8_t* mask = masks + b * pixels;
      dice[b] = mode == 0 ? SL_DISPATCH(HardDice)(map, mask, thresholds[b], pixels)
                          : SL_DISPATCH(SoftDice)(map, mask, mode == 2, pixels);
    }
  });
}

}  // namespace sightline

#else

namespace sightline {
namespace SL_NS {

#include "lanes.h"

// 2·overlap / (a + b); two empty sets agree.
inline float Ratio(double overlap, double sum) { return static_cast<float>(sum == 0 ? 1.0 : 2 * overlap / sum); }

float HardDice(const float* SL_RESTRICT map, const uint8_t* SL_RESTRICT mask, float threshold, size_t pixels) {
  uint64_t in_map = 0, in_mask = 0, in_both = 0, nans = 0;
  // Counters of 32 bits keep the lanes narrow; blocks are short enough that they cannot overflow.
  for (size_t start = 0; start < pixels; start += 1 << 20) {
    const size_t stop = pixels - start < (1 << 20) ? pixels : start + (1 << 20);
    uint32_t a = 0, g = 0, both = 0, nan = 0;
    for (size_t i = start; i < stop; ++i) {
      const uint32_t p = map[i] >= threshold;
      const uint32_t m = mask[i] != 0;
      a += p;
      g += m;
      both += p & m;
      nan += map[i] != map[i];
    }
    in_map += a;
    in_mask += g;
    in_both += both;
    nans += nan;
  }
  if (nans > 0) return std::numeric_limits<float>::quiet_NaN();
  return Ratio(static_cast<double>(in_both), static_cast<double>(in_map + in_mask));
}

float SoftDice(const float* SL_RESTRICT map, const uint8_t* SL_RESTRICT mask, bool squared, size_t pixels) {
  const size_t whole = pixels / 8 * 8;
  Lanes overlap = Splat(0), sum = overlap, inside = overlap;
  for (size_t i = 0; i < whole; i += 8) {
    const Lanes p = Widen(map + i), g = WidenMask(mask + i);
    overlap += p * g;
    sum += squared ? p * p : p;
    inside += g;
  }
  double total_overlap = SumOf(overlap), total = SumOf(sum) + SumOf(inside);
  for (size_t i = whole; i < pixels; ++i) {
    const double p = map[i];
    const double g = mask[i] != 0 ? 1.0 : 0.0;
    total_overlap += p * g;
    total += (squared ? p * p : p) + g;
  }
  return Ratio(total_overlap, total);
}

}  // namespace SL_NS
}  // namespace sightline

#endif
