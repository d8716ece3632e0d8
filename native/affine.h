// What the ops that normalise share: their arguments, checked, and a normalisation as factor and bias.
#pragma once

#include <cmath>

#include "plan.h"

// Planes are short: the processor's own prefetching has to start anew at each page.
#if defined(__GNUC__)
#define SL_PREFETCH(p) __builtin_prefetch(p)
#else
#define SL_PREFETCH(p)
#endif

namespace sightline {

// y = (x - mean) factor + bias, in float: training's forward and backward must agree on the sign of every y.
struct Affine {
  float mean, factor, bias;
};

// One number a channel.
inline float* PerChannel(const std::vector<PlanValue>& values, size_t i, size_t channels, const char* name) {
  if (i >= values.size() || values[i].data == nullptr || values[i].Count() != static_cast<int64_t>(channels))
    throw std::invalid_argument(std::string("expected a ") + name + " for every channel");
  return values[i].Floats();
}

inline float* Whole(const std::vector<PlanValue>& values, size_t i, const PlanValue& like) {
  if (i >= values.size() || values[i].data == nullptr || values[i].Count() != like.Count())
    throw std::invalid_argument("values differ in size");
  return values[i].Floats();
}

inline double Epsilon(const PlanNode& node) { return node.Number("epsilon", 1e-5); }

inline double InverseDeviation(float variance, double epsilon) { return 1 / std::sqrt(static_cast<double>(variance) + epsilon); }

inline Affine AffineOf(float mean, float variance, float scale, float bias, double epsilon) {
  return {mean, static_cast<float>(scale * InverseDeviation(variance, epsilon)), bias};
}

}  // namespace sightline
