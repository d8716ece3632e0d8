// Factors of a dropout layer, drawn; definition in src/kernels/dropout_mask.ts.
#ifndef SL_NS

#include <algorithm>
#include <cmath>
#include <cstring>

#include "kernels.h"
#include "simd.h"
#if SL_X86_TARGETS
#include <immintrin.h>
#endif

namespace sightline {
namespace {

// Blocks that are drawn side by side, and what they decide.
constexpr int kBlocks = 16;
constexpr size_t kTile = 4 * kBlocks;

struct MaskDraw {
  uint32_t key[2];
  uint32_t draw[2];
  uint32_t threshold;
  float kept;
};

}  // namespace
}  // namespace sightline

#define SL_FILE "dropout_mask.cc"
#include "foreach_target.h"

namespace sightline {

void DropoutMask(const Call& call) {
  float* mask = call.Out<float>("mask");
  const size_t count = call.Size("count"), tiles = (count + kTile - 1) / kTile;
  const double rate = call.Number("rate"), draw = call.Number("draw");
  const MaskDraw settings{{static_cast<uint32_t>(call.Number("keyLow")), static_cast<uint32_t>(call.Number("keyHigh"))},
                          {static_cast<uint32_t>(std::fmod(draw, 0x1p32)), static_cast<uint32_t>(draw / 0x1p32)},
                          static_cast<uint32_t>(rate * 0x1p32),
                          static_cast<float>(1 / (1 - rate))};
  // Drawing a value takes as long as copying about so many bytes.
  ParallelFor(tiles, 16 * count, [&](size_t begin, size_t end) {
    for (size_t tile = begin; tile < end; ++tile) {
      const size_t first = tile * kTile;
      if (first + kTile <= count) {
        SL_DISPATCH(MaskTile)(settings, static_cast<uint32_t>(tile * kBlocks), mask + first);
      } else {
        float rest[kTile];
        SL_DISPATCH(MaskTile)(settings, static_cast<uint32_t>(tile * kBlocks), rest);
        std::copy(rest, rest + (count - first), mask + first);
      }
    }
  });
}

}  // namespace sightline

#else

namespace sightline {
namespace SL_NS {
namespace {

#if SL_X86_TARGETS

// 32-bit words in 64-bit lanes, whose upper halves are whatever they happen to be. What has an instruction of its own in
// every target, the product of lower halves, the compiler does not find by itself.
constexpr int kWords = SL_VECTOR / 2;
typedef uint64_t Words __attribute__((vector_size(8 * kWords)));

SL_INLINE Words Product(Words a, Words b) {
#if SL_VECTOR == 16
  return reinterpret_cast<Words>(_mm512_maskz_mul_epu32(0xff, reinterpret_cast<__m512i>(a), reinterpret_cast<__m512i>(b)));
#elif SL_VECTOR == 8
  return reinterpret_cast<Words>(_mm256_mul_epu32(reinterpret_cast<__m256i>(a), reinterpret_cast<__m256i>(b)));
#else
  return reinterpret_cast<Words>(_mm_mul_epu32(reinterpret_cast<__m128i>(a), reinterpret_cast<__m128i>(b)));
#endif
}

// Without a branch, which a random number would mislead.
SL_INLINE void SaveFactors(Words words, const MaskDraw& draw, float* to) {
  typedef uint32_t Bits __attribute__((vector_size(4 * kWords)));
  uint32_t kept;
  std::memcpy(&kept, &draw.kept, sizeof kept);
  const Words passes = reinterpret_cast<Words>((words & 0xffffffffu) >= Words{} + draw.threshold);
  const Bits factors = __builtin_convertvector(passes & kept, Bits);
  std::memcpy(to, &factors, sizeof factors);
}

#else

constexpr int kWords = 1;
typedef uint64_t Words;

SL_INLINE Words Product(Words a, Words b) { return (a & 0xffffffffu) * b; }

SL_INLINE void SaveFactors(Words words, const MaskDraw& draw, float* to) {
  const float factors[2] = {draw.kept, 0.0f};
  *to = factors[static_cast<uint32_t>(words) < draw.threshold];
}

#endif

// Philox-4x32-10 (Salmon et al., SC 2011) of blocks that follow each other: word w of block b decides mask[16 w + b].
void MaskTile(const MaskDraw& draw, uint32_t block, float* mask) {
  constexpr int kParts = kBlocks / kWords;
  uint64_t blocks[kBlocks];
  for (int b = 0; b < kBlocks; ++b) blocks[b] = block + static_cast<uint32_t>(b);
  for (int part = 0; part < kParts; ++part) {
    Words c0, c1 = Words{}, c2 = Words{} + draw.draw[0], c3 = Words{} + draw.draw[1];
    std::memcpy(&c0, blocks + part * kWords, sizeof c0);
    const Words m0 = Words{} + 0xd2511f53u, m1 = Words{} + 0xcd9e8d57u;
    uint32_t k0 = draw.key[0], k1 = draw.key[1];
    for (int round = 0; round < 10; ++round) {
      const Words p0 = Product(c0, m0), p1 = Product(c2, m1);
      c0 = (p1 >> 32) ^ c1 ^ k0;
      c2 = (p0 >> 32) ^ c3 ^ k1;
      c1 = p1;
      c3 = p0;
      k0 += 0x9e3779b9u;
      k1 += 0xbb67ae85u;
    }
    SaveFactors(c0, draw, mask + part * kWords);
    SaveFactors(c1, draw, mask + kBlocks + part * kWords);
    SaveFactors(c2, draw, mask + 2 * kBlocks + part * kWords);
    SaveFactors(c3, draw, mask + 3 * kBlocks + part * kWords);
  }
}

}  // namespace
}  // namespace SL_NS
}  // namespace sightline

#endif
