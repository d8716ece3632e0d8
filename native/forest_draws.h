// What the trees of a forest draw; definition in src/kernels/forest_draws.ts.
#pragma once

#include <cstdint>

namespace sightline {

class TreeDraws {
 public:
  enum Stream : uint32_t { kBootstrap = 0, kSplits = 1 };

  TreeDraws(uint32_t seed_low, uint32_t seed_high, uint32_t tree, Stream stream)
      : key_{seed_low, seed_high}, tree_(tree), stream_(stream) {}

  // Uniform in [0, n).
  uint32_t Int(uint32_t n) {
    if (next_ == 4) Fill();
    return static_cast<uint32_t>(static_cast<double>(words_[next_++]) * static_cast<double>(n) / 0x1p32);
  }

 private:
  // One block of Philox-4x32-10 (Salmon et al., SC 2011).
  void Fill() {
    uint32_t c0 = block_++, c1 = 0, c2 = tree_, c3 = stream_;
    uint32_t k0 = key_[0], k1 = key_[1];
    for (int round = 0; round < 10; ++round) {
      const uint64_t p0 = uint64_t{0xd2511f53u} * c0;
      const uint64_t p1 = uint64_t{0xcd9e8d57u} * c2;
      c0 = static_cast<uint32_t>(p1 >> 32) ^ c1 ^ k0;
      c1 = static_cast<uint32_t>(p1);
      c2 = static_cast<uint32_t>(p0 >> 32) ^ c3 ^ k1;
      c3 = static_cast<uint32_t>(p0);
      k0 += 0x9e3779b9u;
      k1 += 0xbb67ae85u;
    }
    words_[0] = c0;
    words_[1] = c1;
    words_[2] = c2;
    words_[3] = c3;
    next_ = 0;
  }

  uint32_t key_[2];
  uint32_t tree_;
  uint32_t stream_;
  uint32_t block_ = 0;
  uint32_t words_[4] = {};
  int next_ = 4;
};

}  // namespace sightline
