// Gradients through batch normalisation and ReLU; definitions in src/graph/ops/training.ts.
#ifndef SL_NS

#include <cmath>

#include "affine.h"
#include "channel_work.h"
#include "each_apart.h"
#include "simd.h"

namespace sightline {
namespace {

// dx = factor (g - offset - (x - mean) slope): the statistics depend on x.
struct Correction {
  float offset, slope;
};

}  // namespace
}  // namespace sightline

#define SL_FILE "nodes_normalisation_gradient.cc"
#include "foreach_target.h"

namespace sightline {
namespace {

void BatchNormTrainingGradient(const PlanNode& node) {
  const ChannelWork work(node.Input(1), 3);
  const size_t channels = work.Channels();
  const float* g = Whole(node.inputs, 0, node.inputs[1]);
  const float* x = node.inputs[1].Floats();
  const float* scale = PerChannel(node.inputs, 2, channels, "scale");
  const float* bias = PerChannel(node.inputs, 3, channels, "bias");
  const float* mean = PerChannel(node.inputs, 4, channels, "mean");
  const float* variance = PerChannel(node.inputs, 5, channels, "variance");
  float* dx = Whole(node.outputs, 0, node.inputs[1]);
  float* dscale = PerChannel(node.outputs, 1, channels, "scale's gradient");
  float* dbias = PerChannel(node.outputs, 2, channels, "bias's gradient");
  const bool relu = node.Number("relu", 0) != 0;
  const double epsilon = Epsilon(node), count = static_cast<double>(work.Count());
  const auto affine = [&](size_t c) { return AffineOf(mean[c], variance[c], scale[c], bias[c], epsilon); };
  std::vector<Correction> corrections(channels);
  const auto finish = [&](size_t c, double sum, double product) {
    const double inverse = InverseDeviation(variance[c], epsilon);
    corrections[c] = {static_cast<float>(sum / count), static_cast<float>(inverse * inverse * product / count)};
    dscale[c] = static_cast<float>(inverse * product);
    dbias[c] = static_cast<float>(sum);
  };
  if (work.Small()) {
    work.Rows([&](size_t from, size_t to) {
      const size_t length = (to - from) * work.Pixels();
      const AffineRow row(work, from, to, affine);
      std::vector<double> sum(length), product(length);
      work.EachRow(from, [&](size_t at) {
        relu ? SL_DISPATCH(AddGradientRow<true>)(g + at, x + at, length, row, sum.data(), product.data())
             : SL_DISPATCH(AddGradientRow<false>)(g + at, x + at, length, row, sum.data(), product.data());
      });
      for (size_t c = from; c < to; ++c) finish(c, work.TotalOf(sum, c - from), work.TotalOf(product, c - from));
      const std::vector<float> offsets = work.Spread(from, to, [&](size_t c) { return corrections[c].offset; });
      const std::vector<float> slopes = work.Spread(from, to, [&](size_t c) { return corrections[c].slope; });
      work.EachRow(from, [&](size_t at) {
        relu ? SL_DISPATCH(InputGradientRow<true>)(g + at, x + at, dx + at, length, row, offsets.data(), slopes.data())
             : SL_DISPATCH(InputGradientRow<false>)(g + at, x + at, dx + at, length, row, offsets.data(), slopes.data());
      });
    });
    return;
  }
  work.Run(
      [&](size_t c, size_t at, size_t n, double* lanes) {
        relu ? SL_DISPATCH(SumGradient<true>)(g + at, x + at, n, affine(c), lanes)
             : SL_DISPATCH(SumGradient<false>)(g + at, x + at, n, affine(c), lanes);
      },
      finish,
      [&](size_t c, size_t at, size_t n) {
        relu ? SL_DISPATCH(InputGradient<true>)(g + at, x + at, dx + at, n, affine(c), corrections[c])
             : SL_DISPATCH(InputGradient<false>)(g + at, x + at, dx + at, n, affine(c), corrections[c]);
      });
}

void BatchNormGradient(const PlanNode& node) {
  const ChannelWork work(node.Input(1), 3);
  const size_t channels = work.Channels();
  const float* g = Whole(node.inputs, 0, node.inputs[1]);
  const float* x = node.inputs[1].Floats();
  const float* scale = PerChannel(node.inputs, 2, channels, "scale");
  const float* mean = PerChannel(node.inputs, 3, channels, "mean");
  const float* variance = PerChannel(node.inputs, 4, channels, "variance");
  float* dx = Whole(node.outputs, 0, node.inputs[1]);
  float* dscale = PerChannel(node.outputs, 1, channels, "scale's gradient");
  float* dbias = PerChannel(node.outputs, 2, channels, "bias's gradient");
  const double epsilon = Epsilon(node);
  work.Run(
      [&](size_t c, size_t at, size_t n, double* lanes) {
        const Affine affine = AffineOf(mean[c], variance[c], scale[c], 0, epsilon);
        SL_DISPATCH(SumGradient<false>)(g + at, x + at, n, affine, lanes);
        // Only now: dx may be x.
        SL_DISPATCH(Multiply)(g + at, dx + at, n, affine.factor);
      },
      [&](size_t c, double sum, double product) {
        dscale[c] = static_cast<float>(InverseDeviation(variance[c], epsilon) * product);
        dbias[c] = static_cast<float>(sum);
      },
      [](size_t, size_t, size_t) {});
}

void ReluGradient(const PlanNode& node) {
  const float* g = node.Input(0).Floats();
  const float* y = Whole(node.inputs, 1, node.inputs[0]);
  float* dx = Whole(node.outputs, 0, node.inputs[0]);
  const size_t count = static_cast<size_t>(node.inputs[0].Count());
  ParallelFor(count, 12 * count, [&](size_t begin, size_t end) {
    SL_DISPATCH(WherePositive)(g + begin, y + begin, dx + begin, end - begin);
  });
}

}  // namespace

const std::vector<NodeEntry> kNormalisationGradientNodes = {
    {"BatchNormGradient", BatchNormGradient},
    {"BatchNormTrainingGradient", BatchNormTrainingGradient},
    {"ReluGradient", ReluGradient},
};

}  // namespace sightline

#else

namespace sightline {
namespace SL_NS {
namespace {

#include "lanes.h"

// The gradient that arrives before the ReLU.
template <bool kRelu>
SL_INLINE float Passed(float g, float x, const Affine& a) {
  return !kRelu || (x - a.mean) * a.factor + a.bias > 0 ? g : 0.0f;
}

// Adds to the lanes g and g (x - mean).
template <bool kRelu>
void SumGradient(const float* g, const float* x, size_t count, const Affine& affine, double* lanes) {
  const Affine a = affine;
  Lanes sum = LoadLanes(lanes), product = LoadLanes(lanes + 8);
  constexpr size_t kBlock = 256;
  float passed[kBlock], centred[kBlock];
  for (size_t from = 0; from < count; from += kBlock) {
    const size_t n = count - from < kBlock ? count - from : kBlock;
    const float* gs = g + from;
    const float* xs = x + from;
    SL_EACH_APART
    for (size_t i = 0; i < n; ++i) {
      passed[i] = Passed<kRelu>(gs[i], xs[i], a);
      centred[i] = xs[i] - a.mean;
    }
    size_t i = n;
    for (; i % 8 != 0; ++i) passed[i] = centred[i] = 0;
    for (size_t k = 0; k < i; k += 8) {
      const Lanes p = Widen(passed + k);
      sum += p;
      product += p * Widen(centred + k);
    }
  }
  SaveLanes(sum, lanes);
  SaveLanes(product, lanes + 8);
}

template <bool kRelu>
void InputGradient(const float* g, const float* x, float* dx, size_t count, const Affine& affine,
                   const Correction& correction) {
  const Affine a = affine;
  const Correction c = correction;
  SL_EACH_APART
  for (size_t i = 0; i < count; ++i) {
    dx[i] = (Passed<kRelu>(g[i], x[i], a) - c.offset - (x[i] - a.mean) * c.slope) * a.factor;
  }
}

// The same for rows of many small channels, where every value has numbers of its own.
template <bool kRelu>
void AddGradientRow(const float* g, const float* x, size_t count, const AffineRow& row, double* sum, double* product) {
  const float *mean = row.mean.data(), *factor = row.factor.data(), *bias = row.bias.data();
  SL_EACH_APART
  for (size_t i = 0; i < count; ++i) {
    const float centred = x[i] - mean[i];
    const double passed = !kRelu || centred * factor[i] + bias[i] > 0 ? g[i] : 0.0f;
    sum[i] += passed;
    product[i] += passed * centred;
  }
}

template <bool kRelu>
void InputGradientRow(const float* g, const float* x, float* dx, size_t count, const AffineRow& row,
                      const float* offsets, const float* slopes) {
  const float *mean = row.mean.data(), *factor = row.factor.data(), *bias = row.bias.data();
  SL_EACH_APART
  for (size_t i = 0; i < count; ++i) {
    const float centred = x[i] - mean[i];
    const float passed = !kRelu || centred * factor[i] + bias[i] > 0 ? g[i] : 0.0f;
    dx[i] = (passed - offsets[i] - centred * slopes[i]) * factor[i];
  }
}

void Multiply(const float* x, float* y, size_t count, float factor) {
  SL_EACH_APART
  for (size_t i = 0; i < count; ++i) y[i] = x[i] * factor;
}

void WherePositive(const float* g, const float* y, float* dx, size_t count) {
  SL_EACH_APART
  for (size_t i = 0; i < count; ++i) dx[i] = y[i] > 0 ? g[i] : 0.0f;
}

}  // namespace
}  // namespace SL_NS
}  // namespace sightline

#endif
