// Shape of thresholded maps; definition in src/kernels/shape2d.ts. A map becomes one bit a pixel; everything that
// follows counts bits, in whole numbers: no target and no order of work can change the result.
#ifndef SL_NS

#include <algorithm>
#include <cmath>
#include <cstring>
#include <limits>
#include <vector>

#if defined(_MSC_VER)
#include <intrin.h>
#endif

#include "kernels.h"
#include "simd.h"

namespace sightline {
namespace {

// Sums over the pixels inside, and numbers of squares of four pixels by what is inside.
struct Census {
  int64_t pixels = 0, x = 0, y = 0, xx = 0, yy = 0, xy = 0;
  int64_t one = 0, three = 0;   // corners
  int64_t diagonal = 0;         // two that meet at a corner only
  int64_t level = 0, upright = 0;  // two neighbours: the outline runs along the row, or along the column
};

// Columns of the first and the last pixel inside a row; last < first where there is none.
struct Extent {
  int32_t first, last;
};

// λ2/λ1 below which the pixels are on one line.
constexpr double kStraight = 1e-12;

struct Point {
  int64_t y, x;  // in half pixels
};

// Per value of eight pixels: how many are inside, the sums of their columns and of the columns' squares.
struct ByteSums {
  uint8_t count[256], x[256], xx[256];
  ByteSums() {
    for (int value = 0; value < 256; ++value) {
      count[value] = x[value] = xx[value] = 0;
      for (int bit = 0; bit < 8; ++bit) {
        if ((value >> bit & 1) == 0) continue;
        ++count[value];
        x[value] = static_cast<uint8_t>(x[value] + bit);
        xx[value] = static_cast<uint8_t>(xx[value] + bit * bit);
      }
    }
  }
};
const ByteSums kByteSums;

#if defined(_MSC_VER)
int LowestBit(uint64_t word) {
  unsigned long at;
  if (_BitScanForward(&at, static_cast<unsigned long>(word))) return static_cast<int>(at);
  _BitScanForward(&at, static_cast<unsigned long>(word >> 32));
  return static_cast<int>(at) + 32;
}
int HighestBit(uint64_t word) {
  unsigned long at;
  if (_BitScanReverse(&at, static_cast<unsigned long>(word >> 32))) return static_cast<int>(at) + 32;
  _BitScanReverse(&at, static_cast<unsigned long>(word));
  return static_cast<int>(at);
}
#else
int LowestBit(uint64_t word) { return __builtin_ctzll(word); }
int HighestBit(uint64_t word) { return 63 - __builtin_clzll(word); }
#endif

}  // namespace
}  // namespace sightline

#define SL_FILE "shape2d.cc"
#include "foreach_target.h"

namespace sightline {
namespace {

// Whether b → c turns so that b is inside the line from a to c, for a chain that bulges towards larger x · side.
bool Inside(Point a, Point b, Point c, int64_t side) {
  return side * ((b.x - a.x) * (c.y - a.y) - (c.x - a.x) * (b.y - a.y)) <= 0;
}

// Largest distance between vertices of the outline. In a row, its ends lie half a pixel beyond the first and the last
// pixel; between two rows, a vertex lies at the outermost pixel of the two, or is not the outermost one there. So these
// are all that a convex hull can consist of; the hull keeps few.
double Diameter(const std::vector<Extent>& rows, double row_spacing, double column_spacing, std::vector<Point>& hull) {
  hull.clear();
  const int64_t height = static_cast<int64_t>(rows.size());
  for (const int64_t side : {-1, 1}) {
    const size_t start = hull.size();
    for (int64_t at = -1; at < 2 * height; ++at) {  // in half rows
      Extent extent = {std::numeric_limits<int32_t>::max(), -1};
      for (const int64_t y : {at >> 1, (at + 1) >> 1}) {  // the row itself, or both neighbours
        if (y < 0 || y >= height) continue;
        extent.first = std::min(extent.first, rows[static_cast<size_t>(y)].first);
        extent.last = std::max(extent.last, rows[static_cast<size_t>(y)].last);
      }
      if (extent.last < 0) continue;
      const int64_t beyond = at % 2 == 0 ? side : 0;
      const Point point = {at, 2 * static_cast<int64_t>(side < 0 ? extent.first : extent.last) + beyond};
      while (hull.size() >= start + 2 && Inside(hull[hull.size() - 2], hull.back(), point, side)) hull.pop_back();
      hull.push_back(point);
    }
  }
  double largest = 0;
  for (size_t i = 0; i < hull.size(); ++i) {
    for (size_t j = 0; j < i; ++j) {
      const double dy = static_cast<double>(hull[i].y - hull[j].y) * row_spacing;
      const double dx = static_cast<double>(hull[i].x - hull[j].x) * column_spacing;
      largest = std::max(largest, dy * dy + dx * dx);
    }
  }
  return std::sqrt(largest) / 2;
}

// Σ(a − ā)(b − b̄) / N of whole numbers, taken about whole numbers near the means: nothing is lost that matters.
double Covariance(const Census& c, int64_t ab, int64_t a, int64_t b) {
  const int64_t near_a = a / c.pixels, near_b = b / c.pixels;
  const double n = static_cast<double>(c.pixels);
  const double about = static_cast<double>(ab - near_a * b - near_b * a + c.pixels * near_a * near_b);
  const double rest_a = static_cast<double>(a - near_a * c.pixels), rest_b = static_cast<double>(b - near_b * c.pixels);
  return (about - rest_a * rest_b / n) / n;
}

void Features(const Census& c, double diameter, double row_spacing, double column_spacing, float* out) {
  constexpr double kPi = 3.14159265358979323846;
  const double pixel = row_spacing * column_spacing;
  const double corners = static_cast<double>(c.one + c.three + 2 * c.diagonal);
  const double perimeter = corners * 0.5 * std::sqrt(row_spacing * row_spacing + column_spacing * column_spacing) +
                           static_cast<double>(c.level) * column_spacing + static_cast<double>(c.upright) * row_spacing;
  // Each corner that is cut off or left over is an eighth of a pixel.
  const double surface = static_cast<double>(8 * c.pixels - c.one - 2 * c.diagonal + c.three) / 8 * pixel;
  const double sphericity = 2 * std::sqrt(kPi * surface) / perimeter;

  const double yy = Covariance(c, c.yy, c.y, c.y) * row_spacing * row_spacing;
  const double xx = Covariance(c, c.xx, c.x, c.x) * column_spacing * column_spacing;
  const double xy = Covariance(c, c.xy, c.x, c.y) * pixel;
  const double half = (yy - xx) / 2;
  const double largest = (yy + xx) / 2 + std::sqrt(half * half + xy * xy);
  const double product = yy * xx - xy * xy;
  const double smallest = product > kStraight * largest * largest ? product / largest : 0;

  const double features[] = {
      std::sqrt(smallest / largest), 4 * std::sqrt(largest), diameter,
      surface, 4 * std::sqrt(smallest), perimeter,
      perimeter / surface, static_cast<double>(c.pixels) * pixel, sphericity, 1 / sphericity,
  };
  for (const double feature : features) *out++ = static_cast<float>(feature);
}

}  // namespace

void Shape2d(const Call& call) {
  constexpr size_t kFeatures = 10;
  const float* maps = call.In<float>("maps");              // [B,H,W]
  const float* thresholds = call.In<float>("thresholds");  // [B]
  float* features = call.Out<float>("features");           // [B,10]
  const size_t batch = call.Size("B");
  const size_t height = call.Size("H");
  const size_t width = call.Size("W");
  const double row_spacing = call.Number("rowSpacing");
  const double column_spacing = call.Number("columnSpacing");
  ParallelFor(batch, batch * height * width * 4, [&](size_t begin, size_t end) {
    std::vector<Extent> rows(height);
    std::vector<Point> hull;
    // Two rows, each with a word of nothing before and after it.
    std::vector<uint64_t> bits(2 * (width / 64 + 3));
    for (size_t b = begin; b < end; ++b) {
      float* out = features + b * kFeatures;
      Census census;
      const float* map = maps + b * height * width;
      const bool whole = std::isfinite(thresholds[b]) &&
                         SL_DISPATCH(CountRegion)(map, thresholds[b], height, width, bits, rows, census);
      if (!whole || census.pixels == 0) {
        std::fill(out, out + kFeatures, std::numeric_limits<float>::quiet_NaN());
      } else {
        Features(census, Diameter(rows, row_spacing, column_spacing, hull), row_spacing, column_spacing, out);
      }
    }
  });
}

}  // namespace sightline

#else

namespace sightline {
namespace SL_NS {

SL_INLINE int64_t Bits(uint64_t word) {
#if defined(_MSC_VER)
  word -= word >> 1 & 0x5555555555555555u;
  word = (word & 0x3333333333333333u) + (word >> 2 & 0x3333333333333333u);
  return static_cast<int64_t>(((word + (word >> 4)) & 0x0f0f0f0f0f0f0f0fu) * 0x0101010101010101u >> 56);
#else
  return __builtin_popcountll(word);
#endif
}

// One bit a pixel of a row, set where v >= threshold. Returns whether there was a NaN.
SL_INLINE bool Pack(const float* SL_RESTRICT row, float threshold, size_t width, uint64_t* SL_RESTRICT words) {
  uint8_t inside[64];
  uint32_t nans = 0;
  for (size_t start = 0; start < width; start += 64) {
    const size_t count = std::min<size_t>(64, width - start);
    const float* SL_RESTRICT v = row + start;
    if (count == 64) {
      for (size_t i = 0; i < 64; ++i) inside[i] = v[i] >= threshold;
      for (size_t i = 0; i < 64; ++i) nans |= v[i] != v[i];
    } else {
      for (size_t i = 0; i < 64; ++i) inside[i] = i < count && v[i] >= threshold;
      for (size_t i = 0; i < count; ++i) nans |= v[i] != v[i];
    }
    uint64_t word = 0;
    for (size_t i = 0; i < 8; ++i) {
      uint64_t eight;
      std::memcpy(&eight, inside + 8 * i, 8);
      word |= (eight * 0x0102040810204080u >> 56) << (8 * i);  // gathers the low bit of each byte
    }
    words[start / 64] = word;
  }
  return nans != 0;
}

// The squares between two rows: their corners are at the same place and one to the right, in both.
SL_INLINE void CountSquares(const uint64_t* above, const uint64_t* below, size_t words, Census& c) {
  // From one word before, whose last square has its right corners in the first word.
  for (size_t i = 0; i <= words; ++i) {
    const uint64_t a = above[i], d = below[i];
    const uint64_t b = a >> 1 | above[i + 1] << 63, e = d >> 1 | below[i + 1] << 63;
    if ((a | b | d | e) == 0) continue;
    const uint64_t odd = a ^ b ^ d ^ e;
    const uint64_t many = (a & b & (d | e)) | ((a | b) & d & e);  // three or four
    c.one += Bits(odd & ~many);
    c.three += Bits(odd & many);
    c.diagonal += Bits((a ^ b) & (a ^ d) & ~odd);
    c.level += Bits(~(a ^ b) & ~(d ^ e) & (a ^ d));
    c.upright += Bits((a ^ b) & ~(a ^ d) & ~odd);
  }
}

SL_INLINE void CountRow(const uint64_t* words, size_t count, int64_t y, Extent& extent, Census& c) {
  extent = {std::numeric_limits<int32_t>::max(), -1};
  int64_t n = 0, sum = 0, squares = 0;
  for (size_t i = 0; i < count; ++i) {
    const uint64_t word = words[i];
    if (word == 0) continue;
    const int64_t x = static_cast<int64_t>(i) * 64;
    if (extent.last < 0) extent.first = static_cast<int32_t>(x) + LowestBit(word);
    extent.last = static_cast<int32_t>(x) + HighestBit(word);
    int64_t wn = 64, wsum = 2016, wsquares = 85344;  // of 0 … 63
    if (~word != 0) {
      wn = wsum = wsquares = 0;
      for (int64_t at = 0; at < 64; at += 8) {
        const size_t byte = word >> at & 255;
        const int64_t bn = kByteSums.count[byte], bx = kByteSums.x[byte];
        wn += bn;
        wsum += at * bn + bx;
        wsquares += at * at * bn + 2 * at * bx + kByteSums.xx[byte];
      }
    }
    n += wn;
    sum += x * wn + wsum;
    squares += x * x * wn + 2 * x * wsum + wsquares;
  }
  c.pixels += n;
  c.x += sum;
  c.xx += squares;
  c.y += y * n;
  c.yy += y * y * n;
  c.xy += y * sum;
}

// False when the map has a NaN.
bool CountRegion(const float* map, float threshold, size_t height, size_t width, std::vector<uint64_t>& bits,
           std::vector<Extent>& rows, Census& census) {
  const size_t words = (width + 63) / 64;
  uint64_t* above = bits.data();
  uint64_t* below = above + bits.size() / 2;
  std::fill(bits.begin(), bits.end(), 0);
  for (size_t y = 0; y < height; ++y) {
    if (Pack(map + y * width, threshold, width, below + 1)) return false;
    CountRow(below + 1, words, static_cast<int64_t>(y), rows[y], census);
    CountSquares(above, below, words, census);
    std::swap(above, below);
  }
  std::fill(below, below + bits.size() / 2, 0);
  CountSquares(above, below, words, census);
  return true;
}

}  // namespace SL_NS
}  // namespace sightline

#endif
