// Grad-CAM reduction in one pass per image; definition in src/kernels/gradcam.ts.
#ifndef SL_NS

#include <algorithm>
#include <cmath>
#include <limits>
#include <vector>

#include "kernels.h"
#include "simd.h"

#define SL_FILE "gradcam.cc"
#include "foreach_target.h"

namespace sightline {
namespace {

// Where an output position falls between two input positions (half-pixel centres, edges clamped).
struct Tap {
  size_t low, high;
  double weight;
};

std::vector<Tap> Taps(size_t from, size_t to) {
  std::vector<Tap> taps(to);
  const double scale = static_cast<double>(from) / static_cast<double>(to);
  for (size_t i = 0; i < to; ++i) {
    const double at = std::max(0.0, (static_cast<double>(i) + 0.5) * scale - 0.5);
    const size_t low = std::min(static_cast<size_t>(at), from - 1);
    taps[i] = {low, std::min(low + 1, from - 1), low + 1 < from ? at - static_cast<double>(low) : 0.0};
  }
  return taps;
}

// The rows of cam [h,w] at the output's width.
void WidenRows(const std::vector<double>& cam, size_t h, size_t w, const std::vector<Tap>& columns, double* wide) {
  for (size_t y = 0; y < h; ++y) {
    const double* row = &cam[y * w];
    for (const Tap& column : columns) *wide++ = row[column.low] + column.weight * (row[column.high] - row[column.low]);
  }
}

}  // namespace

void GradCam(const Call& call) {
  const float* activations = call.In<float>("activations");  // [B,C,h,w]
  const float* gradients = call.In<float>("gradients");      // [B,C,h,w]
  float* maps = call.Out<float>("maps");                     // [B,H,W]
  uint32_t* flat = call.Out<uint32_t>("flat");               // [B]
  float* cams = call.Out<float>("cams");                     // [B,h,w]
  const size_t batch = call.Size("B"), channels = call.Size("C"), h = call.Size("h"), w = call.Size("w");
  const size_t height = call.Size("height"), width = call.Size("width");
  const bool normalise = call.Number("normalise") != 0;
  const std::vector<Tap> rows = Taps(h, height), columns = Taps(w, width);
  const size_t bytes = batch * (channels * h * w * 8 + height * width * 4);
  ParallelFor(batch, bytes, [&](size_t begin, size_t end) {
    std::vector<double> cam(h * w), wide(h * width);
    for (size_t b = begin; b < end; ++b) {
      const size_t offset = b * channels * h * w;
      const bool finite = SL_DISPATCH(WeightedSum)(activations + offset, gradients + offset, channels, h * w, cam.data());
      for (size_t i = 0; i < h * w; ++i) cams[b * h * w + i] = static_cast<float>(cam[i]);
      float* out = maps + b * height * width;
      flat[b] = 0;
      if (!finite) {
        std::fill(out, out + height * width, std::numeric_limits<float>::quiet_NaN());
        std::fill(cams + b * h * w, cams + (b + 1) * h * w, std::numeric_limits<float>::quiet_NaN());
        continue;
      }
      // Across first, then down, row by row and twice: once for the range, once to write. Nothing of the map's size is
      // held in between.
      WidenRows(cam, h, w, columns, wide.data());
      double low = std::numeric_limits<double>::infinity(), high = -low;
      for (const Tap& row : rows)
        SL_DISPATCH(Range)(&wide[row.low * width], &wide[row.high * width], row.weight, width, &low, &high);
      flat[b] = low == high;
      const double origin = normalise ? low : 0;
      // Rounding of the reciprocal vanishes in float32: the maximum is exactly 1.
      const double scale = !normalise ? 1 : low == high ? 0 : 1 / (high - low);
      for (const Tap& row : rows) {
        SL_DISPATCH(WriteRow)(&wide[row.low * width], &wide[row.high * width], row.weight, origin, scale, out, width);
        out += width;
      }
    }
  });
}

}  // namespace sightline

#else

namespace sightline {
namespace SL_NS {

#include "lanes.h"

// cam = ReLU(Σ_c mean(gradient_c)·activation_c). False when a value is NaN or infinite.
bool WeightedSum(const float* SL_RESTRICT activations, const float* SL_RESTRICT gradients, size_t channels, size_t pixels,
                 double* SL_RESTRICT cam) {
  const size_t whole = pixels / 8 * 8;
  std::fill(cam, cam + pixels, 0.0);
  for (size_t c = 0; c < channels; ++c) {
    const float* SL_RESTRICT gradient = gradients + c * pixels;
    const float* SL_RESTRICT activation = activations + c * pixels;
    Lanes lanes = Splat(0);
    for (size_t i = 0; i < whole; i += 8) lanes += Widen(gradient + i);
    double sum = SumOf(lanes);
    for (size_t i = whole; i < pixels; ++i) sum += gradient[i];
    const double weight = sum / static_cast<double>(pixels);
    const Lanes weights = Splat(weight);
    for (size_t i = 0; i < whole; i += 8) SaveLanes(LoadLanes(cam + i) + weights * Widen(activation + i), cam + i);
    for (size_t i = whole; i < pixels; ++i) cam[i] += weight * activation[i];
  }
  bool finite = true;
  for (size_t i = 0; i < pixels; ++i) {
    finite = finite && std::isfinite(cam[i]);
    cam[i] = cam[i] < 0 ? 0 : cam[i];  // keeps NaN
  }
  return finite;
}

// Widens [*low, *high] by the values between two rows.
void Range(const double* top, const double* bottom, double weight, size_t count, double* low, double* high) {
  const size_t whole = count / 8 * 8;
  const Lanes weights = Splat(weight);
  Lanes lows = Splat(*low), highs = Splat(*high);
  for (size_t i = 0; i < whole; i += 8) {
    const Lanes from = LoadLanes(top + i);
    const Lanes value = from + weights * (LoadLanes(bottom + i) - from);
    lows = Least(lows, value);
    highs = Most(highs, value);
  }
  *low = LeastOf(lows);
  *high = MostOf(highs);
  for (size_t i = whole; i < count; ++i) {
    const double value = top[i] + weight * (bottom[i] - top[i]);
    *low = value < *low ? value : *low;
    *high = value > *high ? value : *high;
  }
}

void WriteRow(const double* SL_RESTRICT top, const double* SL_RESTRICT bottom, double weight, double origin, double scale,
              float* SL_RESTRICT out, size_t count) {
  const size_t whole = count / 8 * 8;
  const Lanes weights = Splat(weight), origins = Splat(origin), scales = Splat(scale);
  for (size_t i = 0; i < whole; i += 8) {
    const Lanes from = LoadLanes(top + i);
    Narrow((from + weights * (LoadLanes(bottom + i) - from) - origins) * scales, out + i);
  }
  for (size_t i = whole; i < count; ++i) {
    const double value = top[i] + weight * (bottom[i] - top[i]);
    out[i] = static_cast<float>((value - origin) * scale);
  }
}

}  // namespace SL_NS
}  // namespace sightline

#endif
