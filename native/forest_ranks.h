// Samples as a forest sees them: each value as its rank among the distinct values of its feature. Splits depend on
// the order alone, so trees grow on small integers; thresholds come from the table of values.
#pragma once

#include <cmath>
#include <cstdint>
#include <cstring>
#include <stdexcept>
#include <string>
#include <utility>
#include <vector>

#include "kernels.h"

namespace sightline {

template <typename Rank>
struct RankedSamples {
  size_t samples, width;
  std::vector<Rank> ranks;    // [D,N]: a feature's ranks lie together
  std::vector<float> values;  // [D,N]: value of each rank; what follows the last rank is unused

  // Throws std::invalid_argument for a value that is not finite.
  RankedSamples(const float* data, size_t n, size_t d) : samples(n), width(d), ranks(n * d), values(n * d) {
    ParallelFor(d, n * d * 64, [&](size_t begin, size_t end) {
      std::vector<uint64_t> keys(n), other(n);
      for (size_t f = begin; f < end; ++f) RankFeature(data, f, keys, other);
    });
  }

 private:
  void RankFeature(const float* data, size_t f, std::vector<uint64_t>& keys, std::vector<uint64_t>& other) {
    constexpr uint32_t kDigit = 11, kPasses = 3;
    constexpr uint32_t kMask = (1u << kDigit) - 1;
    std::vector<uint32_t> counts(size_t{kPasses} << kDigit, 0u);
    for (size_t i = 0; i < samples; ++i) {
      const float v = data[i * width + f] + 0.0f;  // -0 is 0
      if (!std::isfinite(v)) {
        throw std::invalid_argument("row " + std::to_string(i) + ", column " + std::to_string(f) + " is not finite");
      }
      uint32_t bits;
      std::memcpy(&bits, &v, 4);
      bits ^= bits >> 31 ? 0xffffffffu : 0x80000000u;  // the order of floats as the order of integers
      keys[i] = uint64_t{bits} << 32 | i;
      for (uint32_t p = 0; p < kPasses; ++p) ++counts[(p << kDigit) + (bits >> p * kDigit & kMask)];
    }
    for (uint32_t p = 0; p < kPasses; ++p) {
      uint32_t* at = counts.data() + (p << kDigit);
      uint32_t sum = 0;
      for (uint32_t digit = 0; digit <= kMask; ++digit) sum += std::exchange(at[digit], sum);
      for (const uint64_t key : keys) other[at[key >> (32 + p * kDigit) & kMask]++] = key;
      keys.swap(other);
    }
    Rank* rank = ranks.data() + f * samples;
    float* value = values.data() + f * samples;
    size_t distinct = 0;
    for (size_t i = 0; i < samples; ++i) {
      const uint32_t sample = static_cast<uint32_t>(keys[i]);
      if (i == 0 || keys[i] >> 32 != keys[i - 1] >> 32) value[distinct++] = data[sample * width + f] + 0.0f;
      rank[sample] = static_cast<Rank>(distinct - 1);
    }
  }
};

}  // namespace sightline
