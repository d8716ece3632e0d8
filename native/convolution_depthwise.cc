// Both products for groups so small that nothing is worth gathering: one row of weights (WindowProduct), one channel
// (PixelProduct). Pixels are read where the planes have them, a vector of neighbours for each tap.
#ifndef SL_NS

#include <algorithm>
#include <array>
#include <cstring>
#include <utility>
#include <vector>

#include "convolution.h"
#include "scratch.h"
#include "simd.h"

namespace sightline {
namespace {

// Lines of pixels whose sums are made side by side: one alone would wait for its own additions.
constexpr int kLines = 6;
// Taps of a gradient whose sums stay in registers; nine vectors fit in every target's.
constexpr int kTaps = 9;
// Pixels that are added up in float before the sum goes to a double.
constexpr size_t kStretch = 4096;
// Deeper sums are better gathered.
constexpr size_t kMostDepth = 64;

thread_local Scratch copy_scratch, sums_scratch;

}  // namespace
}  // namespace sightline

#define SL_FILE "convolution_depthwise.cc"
#include "foreach_target.h"

namespace sightline {

bool RunDepthwise(const WindowProduct& product) {
  if (product.rows != 1 || product.depth > kMostDepth) return false;
  SL_DISPATCH(WindowsOfRow)(product);
  copy_scratch.Trim();
  return true;
}

bool RunDepthwise(const PixelProduct& product) {
  if (product.planes.channels != 1) return false;
  SL_DISPATCH(PixelsOfChannel)(product);
  copy_scratch.Trim();
  sums_scratch.Trim();
  return true;
}

}  // namespace sightline

#else

namespace sightline {
namespace SL_NS {

#include "vectors.h"
#include "planes.h"

namespace {

// to[line * to_line + …] = bias + Σ_k weights[k] · from[offsets[k] + line * pitch + …], a vector of each of L lines.
template <int L>
#if defined(__GNUC__) && !defined(__clang__)
__attribute__((noinline, optimize("fp-contract=fast")))
#endif
void SumLines(const float* from, size_t pitch, const size_t* offsets, const float* weights, size_t depth, float bias,
              float* to, size_t to_line) {
#if defined(__clang__)
#pragma clang fp contract(fast)
#endif
  Vec sum[L];
  for (int l = 0; l < L; ++l) sum[l] = Fill(bias);
  for (size_t k = 0; k < depth; ++k) {
    const float weight = weights[k];
    const float* at = from + offsets[k];
    for (int l = 0; l < L; ++l) sum[l] += weight * Load(at + l * pitch);
  }
  for (int l = 0; l < L; ++l) Save(to + l * to_line, sum[l]);
}

// sums[t][lane] += Σ g · x[offsets[t] + …] over lines of `width` pixels, for T taps. What lies behind a line counts for
// nothing, whatever it is. g may be read up to `end`.
template <int T>
#if defined(__GNUC__) && !defined(__clang__)
__attribute__((noinline, optimize("fp-contract=fast")))
#endif
void SumTaps(const float* g, const float* end, const float* x, size_t lines, size_t width, size_t pitch,
             const size_t* offsets, float* sums) {
#if defined(__clang__)
#pragma clang fp contract(fast)
#endif
  const size_t whole = width / SL_VECTOR * SL_VECTOR, rest = width - whole;
  const Vec mask = FirstLanes(rest);
  const float* at[T];
  Vec sum[T];
  for (int t = 0; t < T; ++t) {
    at[t] = x + offsets[t];
    sum[t] = Load(sums + t * SL_VECTOR);
  }
  for (size_t line = 0; line < lines; ++line, g += width) {
    const size_t from = line * pitch;
    for (size_t i = 0; i < whole; i += SL_VECTOR) {
      const Vec arriving = Load(g + i);
      for (int t = 0; t < T; ++t) sum[t] += arriving * Load(at[t] + from + i);
    }
    if (rest == 0) continue;
    Vec arriving;
    if (g + whole + SL_VECTOR <= end) {
      arriving = Kept(Load(g + whole), mask);
    } else {
      float last[SL_VECTOR] = {};
      std::copy_n(g + whole, rest, last);
      arriving = Load(last);
    }
    for (int t = 0; t < T; ++t) sum[t] += arriving * Kept(Load(at[t] + from + whole), mask);
  }
  for (int t = 0; t < T; ++t) Save(sums + t * SL_VECTOR, sum[t]);
}

using LineKernel = void (*)(const float*, size_t, const size_t*, const float*, size_t, float, float*, size_t);
using TapKernel = void (*)(const float*, const float*, const float*, size_t, size_t, size_t, const size_t*, float*);

template <int... I>
constexpr std::array<LineKernel, sizeof...(I)> LineKernels(std::integer_sequence<int, I...>) {
  return {SumLines<I + 1>...};
}
template <int... I>
constexpr std::array<TapKernel, sizeof...(I)> TapKernels(std::integer_sequence<int, I...>) {
  return {SumTaps<I + 1>...};
}
constexpr auto kLineKernels = LineKernels(std::make_integer_sequence<int, kLines>());
constexpr auto kTapKernels = TapKernels(std::make_integer_sequence<int, kTaps>());

// Room for one image's planes; vectors may be written and read beyond its end.
float* Copies(const Planes& planes) { return copy_scratch.Floats(planes.Size() + kCopySlack + SL_VECTOR); }

}  // namespace

void WindowsOfRow(const WindowProduct& product) {
  const Planes& planes = product.planes;
  const size_t height = product.height, width = product.width;
  float* copies = Copies(planes);
  const float bias = product.bias != nullptr ? *product.bias : 0.0f;
  const bool straight = product.out_column == 1 && width >= SL_VECTOR;
  float sums[kLines * SL_VECTOR];
  for (size_t n = 0; n < product.images; ++n) {
    CopyPlanes(planes, n, 0, planes.channels, copies);
    EachTile(height, kLines, [&](size_t y, size_t lines) {
      float* out = product.out + n * product.out_image + y * product.out_row;
      for (size_t i = 0; i < width; i += SL_VECTOR) {
        // The last vector of a line overlaps the one before.
        const size_t x = straight ? std::min(i, width - SL_VECTOR) : i;
        kLineKernels[lines - 1](copies + y * planes.pitch + x, planes.pitch, product.offsets.data(), product.weights,
                                product.depth, bias, straight ? out + x : sums, straight ? product.out_row : SL_VECTOR);
        if (straight) continue;
        for (size_t line = 0; line < lines; ++line)
          for (size_t j = 0; j < std::min<size_t>(SL_VECTOR, width - x); ++j)
            out[line * product.out_row + (x + j) * product.out_column] = sums[line * SL_VECTOR + j];
      }
    });
  }
}

void PixelsOfChannel(const PixelProduct& product) {
  const Planes& planes = product.planes;
  const size_t height = product.height, width = product.width, area = height * width, taps = product.offsets.size();
  const size_t count = product.rows * taps;
  const size_t tall = std::clamp<size_t>(kStretch / width, 1, height);
  float* copies = Copies(planes);
  float* sums = sums_scratch.Floats(count * SL_VECTOR);
  std::fill_n(sums, count * SL_VECTOR, 0.0f);
  std::vector<double> totals(count, 0.0);
  size_t added = 0;
  const auto settle = [&] {
    for (size_t i = 0; i < count * SL_VECTOR; ++i) totals[i / SL_VECTOR] += sums[i];
    std::fill_n(sums, count * SL_VECTOR, 0.0f);
    added = 0;
  };
  for (size_t n = 0; n < product.images; ++n) {
    CopyPlanes(planes, n, 0, 1, copies);
    for (size_t y = 0; y < height; y += tall) {
      const size_t lines = std::min(tall, height - y);
      for (size_t row = 0; row < product.rows; ++row) {
        const float* g = product.g + n * product.g_image + row * area;
        EachTile(taps, kTaps, [&](size_t tap, size_t some) {
          kTapKernels[some - 1](g + y * width, g + area, copies + y * planes.pitch, lines, width, planes.pitch,
                                product.offsets.data() + tap, sums + (row * taps + tap) * SL_VECTOR);
        });
      }
      added += lines * width;
      if (added >= kStretch) settle();
    }
  }
  settle();
  for (size_t i = 0; i < count; ++i) product.out[i] = static_cast<float>(totals[i]);
}

}  // namespace SL_NS
}  // namespace sightline

#endif
