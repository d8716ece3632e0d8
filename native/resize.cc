// Antialiased resize of one interleaved image; definition in src/kernels/resize.ts. One thread a call: images are
// decoded by a pool of workers, each of which has its own.
#ifndef SL_NS

#include "kernels.h"
#include "simd.h"

#include <algorithm>
#include <cmath>

#define SL_FILE "resize.cc"
#include "foreach_target.h"

namespace sightline {
namespace {

enum Filter { kTriangle = 0, kArea = 1, kNearest = 2 };

// Contributions of source positions to each output position along one axis. Tap-major, so that one tap of many
// outputs is a vector: weights[k * outputs + i]; positions past an output's last tap have weight 0.
struct Taps {
  size_t count = 0;  // taps, the same for every output
  std::vector<int32_t> first;
  std::vector<float> weights;
  size_t begin = 0, end = 0;  // source positions that are read at all
};

Taps MakeTaps(size_t size, double start, double length, size_t outputs, int filter) {
  const double scale = length / static_cast<double>(outputs);
  const double reduction = std::max(scale, 1.0);
  Taps taps;
  taps.count = filter == kNearest ? 1 : static_cast<size_t>(std::ceil(filter == kTriangle ? 2 * reduction : scale)) + 2;
  taps.first.resize(outputs);
  taps.weights.assign(taps.count * outputs, 0.0f);
  taps.begin = size;
  std::vector<double> weights(taps.count);
  for (size_t i = 0; i < outputs; ++i) {
    const double position = static_cast<double>(i);
    const double center = start + (position + 0.5) * scale;
    double from, to;
    if (filter == kTriangle) {
      from = std::max(0.0, std::trunc(center - reduction + 0.5));
      to = std::min(static_cast<double>(size), std::trunc(center + reduction + 0.5));
    } else if (filter == kArea) {
      from = std::max(0.0, std::floor(start + position * scale));
      to = std::min(static_cast<double>(size), std::ceil(start + (position + 1) * scale));
    } else {
      from = std::min(static_cast<double>(size - 1), std::max(0.0, std::floor(center)));
      to = from + 1;
    }
    const size_t first = static_cast<size_t>(from);
    const size_t count = std::min(taps.count, static_cast<size_t>(std::max(0.0, to - from)));
    double sum = 0;
    for (size_t k = 0; k < count; ++k) {
      const double s = from + static_cast<double>(k);
      double weight = 1;
      if (filter == kTriangle) weight = std::max(0.0, 1 - std::abs((s + 0.5 - center) / reduction));
      if (filter == kArea) {
        weight = std::max(0.0, std::min(s + 1, start + (position + 1) * scale) - std::max(s, start + position * scale));
      }
      weights[k] = weight;
      sum += weight;
    }
    for (size_t k = 0; k < count; ++k) taps.weights[k * outputs + i] = static_cast<float>(weights[k] / sum);
    taps.first[i] = static_cast<int32_t>(first);
    taps.begin = std::min(taps.begin, first);
    taps.end = std::max(taps.end, first + count);
  }
  return taps;
}

}  // namespace

void Resize(const Call& call) {
  const Array& image = call.Input("image");          // [rows,columns,channels], f32 or u8
  float* resized = call.Out<float>("resized");       // [height,width,channels]
  const size_t rows = call.Size("rows");
  const size_t columns = call.Size("columns");
  const size_t channels = call.Size("channels");
  const size_t width = call.Size("width");
  const size_t height = call.Size("height");
  const int filter = static_cast<int>(call.Number("filter"));
  const Taps vertical = MakeTaps(rows, call.Number("y"), call.Number("sourceHeight"), height, filter);
  const Taps horizontal = MakeTaps(columns, call.Number("x"), call.Number("sourceWidth"), width, filter);

  // Per output element of a row: where its first tap lies in the line, and its weights, for all channels alike.
  const size_t elements = width * channels;
  std::vector<int32_t> at(elements);
  std::vector<float> weights(horizontal.count * elements);
  for (size_t i = 0; i < width; ++i) {
    for (size_t c = 0; c < channels; ++c) {
      const size_t e = i * channels + c;
      at[e] = static_cast<int32_t>((horizontal.first[i] - static_cast<int32_t>(horizontal.begin)) * static_cast<int32_t>(channels) +
                                   static_cast<int32_t>(c));
      for (size_t k = 0; k < horizontal.count; ++k) weights[k * elements + e] = horizontal.weights[k * width + i];
    }
  }
  const size_t used = (horizontal.end - horizontal.begin) * channels;
  std::vector<float> line(used + horizontal.count * channels, 0.0f);  // zeros behind it for taps of weight 0

  for (size_t i = 0; i < height; ++i) {
    std::fill_n(line.begin(), used, 0.0f);
    for (size_t k = 0; k < vertical.count; ++k) {
      const float weight = vertical.weights[k * height + i];
      const size_t row = static_cast<size_t>(vertical.first[i]) + k;
      if (weight == 0.0f || row >= rows) continue;
      const size_t offset = (row * columns + horizontal.begin) * channels;
      if (image.element == 1) {
        SL_DISPATCH(AddBytes)(static_cast<const uint8_t*>(image.data) + offset, weight, line.data(), used);
      } else {
        SL_DISPATCH(AddFloats)(static_cast<const float*>(image.data) + offset, weight, line.data(), used);
      }
    }
    SL_DISPATCH(Gather)(line.data(), at.data(), weights.data(), horizontal.count, channels, resized + i * elements, elements);
  }
}

}  // namespace sightline

#else

namespace sightline {
namespace SL_NS {

void AddBytes(const uint8_t* SL_RESTRICT row, float weight, float* SL_RESTRICT line, size_t count) {
  for (size_t e = 0; e < count; ++e) line[e] += weight * static_cast<float>(row[e]);
}

void AddFloats(const float* SL_RESTRICT row, float weight, float* SL_RESTRICT line, size_t count) {
  for (size_t e = 0; e < count; ++e) line[e] += weight * row[e];
}

// out[e] = sum over taps of weights[tap][e] * line[at[e] + tap * channels]
void Gather(const float* SL_RESTRICT line, const int32_t* SL_RESTRICT at, const float* SL_RESTRICT weights, size_t taps,
            size_t channels, float* SL_RESTRICT out, size_t elements) {
  for (size_t e = 0; e < elements; ++e) out[e] = 0.0f;
  for (size_t k = 0; k < taps; ++k) {
    const float* SL_RESTRICT from = line + k * channels;
    const float* SL_RESTRICT weight = weights + k * elements;
    for (size_t e = 0; e < elements; ++e) out[e] += weight[e] * from[at[e]];
  }
}

}  // namespace SL_NS
}  // namespace sightline

#endif
