// Affine resampling of planes; definition in src/kernels/warp.ts. Positions are computed in double, in the reference's
// order of operations, so that nearest takes the same pixels; weights and pixels are float.
#ifndef SL_NS

#include "kernels.h"
#include "simd.h"

#include <cmath>
#include <memory>

namespace sightline {
namespace {

enum Border { kConstant = 0, kEdge = 1, kReflect = 2 };

struct WarpPlan {
  const void* image;  // [channels,rows,columns], f32 or u8
  void* warped;       // [channels,height,width]
  bool bytes, bilinear;
  size_t channels, rows, columns, width, height;
  double xx, xy, x0, yx, yy, y0, fill;
  int border;
};

// One output row: positions, then, where all pixels are inside the source, indices and weights.
struct WarpRowScratch {
  double *u, *v;                 // indices, fractional for bilinear
  int32_t *at, *right, *below;   // first pixel, and the steps to the next column and row (0 when they weigh nothing)
  float *fx, *fy;
};

}  // namespace
}  // namespace sightline

#define SL_FILE "warp.cc"
#include "foreach_target.h"

namespace sightline {

void Warp(const Call& call) {
  const Array& image = call.Input("image");
  WarpPlan plan;
  plan.image = image.data;
  plan.bytes = image.element == 1;
  plan.warped = plan.bytes ? static_cast<void*>(call.Out<uint8_t>("warped")) : static_cast<void*>(call.Out<float>("warped"));
  plan.bilinear = call.Number("interpolation") == 1;
  plan.channels = call.Size("channels");
  plan.rows = call.Size("rows");
  plan.columns = call.Size("columns");
  plan.width = call.Size("width");
  plan.height = call.Size("height");
  plan.xx = call.Number("xx");
  plan.xy = call.Number("xy");
  plan.x0 = call.Number("x0");
  plan.yx = call.Number("yx");
  plan.yy = call.Number("yy");
  plan.y0 = call.Number("y0");
  plan.fill = call.Number("fill");
  plan.border = static_cast<int>(call.Number("border"));
  const size_t width = plan.width;
  ParallelFor(plan.height, plan.height * width * (16 + 8 * plan.channels), [&](size_t begin, size_t end) {
    const std::unique_ptr<double[]> doubles(new double[2 * width]);
    const std::unique_ptr<int32_t[]> steps(new int32_t[3 * width]);
    const std::unique_ptr<float[]> weights(new float[2 * width]);
    const WarpRowScratch scratch{doubles.get(),      doubles.get() + width, steps.get(), steps.get() + width, steps.get() + 2 * width,
                                 weights.get(), weights.get() + width};
    SL_DISPATCH(WarpRows)(plan, scratch, begin, end);
  });
}

}  // namespace sightline

#else

namespace sightline {
namespace SL_NS {

// A position in [0, size], as if the image were followed by its mirror image, again and again.
static double WarpReflected(double position, double size) {
  if (position >= 0 && position <= size) return position;
  const double folded = std::fmod(position < 0 ? -position : position, 2 * size);
  return folded > size ? 2 * size - folded : folded;
}

static void WarpPositions(const WarpPlan& p, size_t i, double* SL_RESTRICT u, double* SL_RESTRICT v) {
  const double y = static_cast<double>(i) + 0.5;
  const double from_x = p.xy * y + p.x0, from_y = p.yy * y + p.y0;
  const double xx = p.xx, yx = p.yx;
  const double last_column = static_cast<double>(p.columns) - 1, last_row = static_cast<double>(p.rows) - 1;
  for (size_t j = 0; j < p.width; ++j) {
    const double x = static_cast<double>(static_cast<int32_t>(j)) + 0.5;
    u[j] = xx * x + from_x;
    v[j] = yx * x + from_y;
  }
  if (p.border == kReflect) {
    for (size_t j = 0; j < p.width; ++j) {
      u[j] = WarpReflected(u[j], last_column + 1);
      v[j] = WarpReflected(v[j], last_row + 1);
    }
  }
  if (p.bilinear) {
    for (size_t j = 0; j < p.width; ++j) u[j] -= 0.5, v[j] -= 0.5;
  } else {
    for (size_t j = 0; j < p.width; ++j) u[j] = std::floor(u[j]), v[j] = std::floor(v[j]);
  }
  if (p.border == kConstant) return;
  for (size_t j = 0; j < p.width; ++j) {
    u[j] = u[j] < 0 ? 0 : u[j] > last_column ? last_column : u[j];
    v[j] = v[j] < 0 ? 0 : v[j] > last_row ? last_row : v[j];
  }
}

// A pixel whose neighbours may lie outside the source.
static double WarpAtBorder(const WarpPlan& p, const float* plane, double u, double v) {
  const double left = std::floor(u), top = std::floor(v);
  const double columns = static_cast<double>(p.columns), rows = static_cast<double>(p.rows);
  if (left < -1 || left >= columns || top < -1 || top >= rows) return p.fill;
  const double fx = u - left, fy = v - top;
  double sum = 0;
  for (int tap = 0; tap < 4; ++tap) {
    const double weight = (tap & 1 ? fx : 1 - fx) * (tap & 2 ? fy : 1 - fy);
    if (weight == 0) continue;
    const double column = left + (tap & 1), row = top + (tap >> 1);
    const bool inside = column >= 0 && column < columns && row >= 0 && row < rows;
    sum += weight * (inside ? plane[static_cast<size_t>(row) * p.columns + static_cast<size_t>(column)] : p.fill);
  }
  return sum;
}

static void WarpBilinear(const float* SL_RESTRICT plane, const WarpRowScratch& s, float* SL_RESTRICT out, size_t first, size_t last) {
  const int32_t *SL_RESTRICT at = s.at, *SL_RESTRICT right = s.right, *SL_RESTRICT below = s.below;
  const float *SL_RESTRICT fx = s.fx, *SL_RESTRICT fy = s.fy;
  for (size_t j = first; j < last; ++j) {
    const int32_t upper = at[j], lower = upper + below[j];
    const float a = plane[upper], b = plane[upper + right[j]], c = plane[lower], d = plane[lower + right[j]];
    // A pixel without weight must not spread its infinity.
    const float top = fx[j] > 0 ? (1 - fx[j]) * a + fx[j] * b : a;
    const float bottom = fx[j] > 0 ? (1 - fx[j]) * c + fx[j] * d : c;
    out[j] = fy[j] > 0 ? (1 - fy[j]) * top + fy[j] * bottom : top;
  }
}

void WarpRows(const WarpPlan& p, const WarpRowScratch& s, size_t begin, size_t end) {
  const double last_column = static_cast<double>(p.columns) - 1, last_row = static_cast<double>(p.rows) - 1;
  const int32_t columns = static_cast<int32_t>(p.columns);
  for (size_t i = begin; i < end; ++i) {
    WarpPositions(p, i, s.u, s.v);
    const auto inside = [&](size_t j) { return s.u[j] >= 0 && s.u[j] <= last_column && s.v[j] >= 0 && s.v[j] <= last_row; };
    // Positions grow or fall along a row, so that those inside are one run.
    size_t first = 0, last = p.width;
    while (first < last && !inside(first)) ++first;
    while (last > first && !inside(last - 1)) --last;
    for (size_t j = first; j < last; ++j) {
      const int32_t column = static_cast<int32_t>(s.u[j]), row = static_cast<int32_t>(s.v[j]);
      s.fx[j] = static_cast<float>(s.u[j] - column);
      s.fy[j] = static_cast<float>(s.v[j] - row);
      s.at[j] = row * columns + column;
      s.right[j] = s.fx[j] > 0 ? 1 : 0;
      s.below[j] = s.fy[j] > 0 ? columns : 0;
    }
    for (size_t c = 0; c < p.channels; ++c) {
      const size_t plane = c * p.rows * p.columns, row = (c * p.height + i) * p.width;
      if (p.bytes) {
        const uint8_t* from = static_cast<const uint8_t*>(p.image) + plane;
        uint8_t* to = static_cast<uint8_t*>(p.warped) + row;
        const uint8_t fill = static_cast<uint8_t>(p.fill);
        for (size_t j = 0; j < first; ++j) to[j] = fill;
        for (size_t j = first; j < last; ++j) to[j] = from[s.at[j]];
        for (size_t j = last; j < p.width; ++j) to[j] = fill;
        continue;
      }
      const float* from = static_cast<const float*>(p.image) + plane;
      float* to = static_cast<float*>(p.warped) + row;
      for (size_t j = 0; j < first; ++j) to[j] = static_cast<float>(WarpAtBorder(p, from, s.u[j], s.v[j]));
      for (size_t j = last; j < p.width; ++j) to[j] = static_cast<float>(WarpAtBorder(p, from, s.u[j], s.v[j]));
      if (p.bilinear) {
        WarpBilinear(from, s, to, first, last);
      } else {
        for (size_t j = first; j < last; ++j) to[j] = from[s.at[j]];
      }
    }
  }
}

}  // namespace SL_NS
}  // namespace sightline

#endif
