// Sums of squares of gradients; definition in src/kernels/gradient_norm.ts.
#ifndef SL_NS

#include <algorithm>
#include <cmath>
#include <vector>

#include "kernels.h"
#include "segments.h"
#include "simd.h"

#define SL_FILE "gradient_norm.cc"
#include "foreach_target.h"

namespace sightline {
namespace {

// Elements that are added up before anything else: the order of additions does not depend on the threads.
constexpr size_t kBlock = 16384;

struct Block {
  size_t segment, begin, end;
};

}  // namespace

void GradientNorm(const Call& call) {
  const Segments segments(call);
  const float* gradients = call.In<float>("gradients");
  const float* rates = call.In<float>("rates");
  double* squares = call.Out<double>("squares");
  uint32_t* not_finite = call.Out<uint32_t>("notFinite");
  std::vector<Block> blocks;
  for (size_t s = 0; s < segments.count; ++s) {
    squares[s] = 0;
    not_finite[s] = 0;
    if (rates[s] == 0) continue;
    for (size_t i = segments.Begin(s); i < segments.End(s); i += kBlock)
      blocks.push_back({s, i, std::min(i + kBlock, segments.End(s))});
  }
  std::vector<double> sums(blocks.size());
  ParallelFor(blocks.size(), 4 * segments.elements, [&](size_t begin, size_t end) {
    for (size_t b = begin; b < end; ++b)
      sums[b] = SL_DISPATCH(SumOfSquares)(gradients + blocks[b].begin, blocks[b].end - blocks[b].begin);
  });
  for (size_t b = 0; b < blocks.size(); ++b) {
    const Block& block = blocks[b];
    squares[block.segment] += sums[b];
    // Squares of finite floats never overflow a double: only what is counted here makes a sum infinite or NaN.
    if (std::isfinite(sums[b])) continue;
    for (size_t i = block.begin; i < block.end; ++i) not_finite[block.segment] += !std::isfinite(gradients[i]);
  }
}

}  // namespace sightline

#else

namespace sightline {
namespace SL_NS {

#include "lanes.h"

double SumOfSquares(const float* x, size_t count) {
  const size_t whole = count / 16 * 16;
  Lanes even = Splat(0), odd = Splat(0);
  for (size_t i = 0; i < whole; i += 16) {
    const Lanes a = Widen(x + i), b = Widen(x + i + 8);
    even += a * a;
    odd += b * b;
  }
  double sum = SumOf(even + odd);
  for (size_t i = whole; i < count; ++i) sum += static_cast<double>(x[i]) * x[i];
  return sum;
}

}  // namespace SL_NS
}  // namespace sightline

#endif
