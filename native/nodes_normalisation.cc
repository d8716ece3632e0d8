// Batch normalisation; definitions in ONNX and src/graph/ops/training.ts.
#ifndef SL_NS

#include <cmath>

#include "affine.h"
#include "channel_work.h"
#include "each_apart.h"
#include "simd.h"

#define SL_FILE "nodes_normalisation.cc"
#include "foreach_target.h"

namespace sightline {
namespace {

void BatchNormTraining(const PlanNode& node) {
  const ChannelWork work(node.Input(0), 2);
  const size_t channels = work.Channels();
  const float* x = node.inputs[0].Floats();
  const float* scale = PerChannel(node.inputs, 1, channels, "scale");
  const float* bias = PerChannel(node.inputs, 2, channels, "bias");
  float* y = Whole(node.outputs, 0, node.inputs[0]);
  float* mean = PerChannel(node.outputs, 1, channels, "mean");
  float* variance = PerChannel(node.outputs, 2, channels, "variance");
  const bool relu = node.Number("relu", 0) != 0;
  const double epsilon = Epsilon(node), count = static_cast<double>(work.Count());
  // Sums about one of the values cancel nothing: its distance from the mean is at most sqrt(count) deviations.
  const auto about = [&](size_t c) { return x[c * work.Pixels()]; };
  const auto finish = [&](size_t c, double sum, double squares) {
    const double shift = sum / count, spread = squares / count - shift * shift;
    mean[c] = static_cast<float>(about(c) + shift);
    variance[c] = static_cast<float>(spread < 0 ? 0 : spread);
  };
  if (work.Small()) {
    work.Rows([&](size_t from, size_t to) {
      const size_t length = (to - from) * work.Pixels();
      const std::vector<float> centre = work.Spread(from, to, about);
      std::vector<double> sum(length), squares(length);
      work.EachRow(from, [&](size_t at) {
        SL_DISPATCH(AddRow)(x + at, centre.data(), length, sum.data(), squares.data());
      });
      for (size_t c = from; c < to; ++c) finish(c, work.TotalOf(sum, c - from), work.TotalOf(squares, c - from));
      const AffineRow row(work, from, to, [&](size_t c) { return AffineOf(mean[c], variance[c], scale[c], bias[c], epsilon); });
      work.EachRow(from, [&](size_t at) {
        relu ? SL_DISPATCH(NormaliseRow<true>)(x + at, y + at, length, row)
             : SL_DISPATCH(NormaliseRow<false>)(x + at, y + at, length, row);
      });
    });
    return;
  }
  work.Run([&](size_t c, size_t at, size_t n, double* lanes) { SL_DISPATCH(SumAbout)(x + at, n, about(c), lanes); },
           finish,
           [&](size_t c, size_t at, size_t n) {
             const Affine affine = AffineOf(mean[c], variance[c], scale[c], bias[c], epsilon);
             relu ? SL_DISPATCH(Normalise<true>)(x + at, y + at, n, affine)
                  : SL_DISPATCH(Normalise<false>)(x + at, y + at, n, affine);
           });
}

void BatchNormalization(const PlanNode& node) {
  const ChannelWork work(node.Input(0), 2);
  if (node.Number("training_mode", 0) != 0) throw std::invalid_argument("training mode is BatchNormTraining");
  const size_t channels = work.Channels();
  const float* x = node.inputs[0].Floats();
  const float* scale = PerChannel(node.inputs, 1, channels, "scale");
  const float* bias = PerChannel(node.inputs, 2, channels, "bias");
  const float* mean = PerChannel(node.inputs, 3, channels, "mean");
  const float* variance = PerChannel(node.inputs, 4, channels, "variance");
  float* y = Whole(node.outputs, 0, node.inputs[0]);
  const bool relu = node.Number("relu", 0) != 0;
  const double epsilon = Epsilon(node);
  work.Each([&](size_t c, size_t at, size_t n) {
    const Affine affine = AffineOf(mean[c], variance[c], scale[c], bias[c], epsilon);
    relu ? SL_DISPATCH(Normalise<true>)(x + at, y + at, n, affine)
         : SL_DISPATCH(Normalise<false>)(x + at, y + at, n, affine);
  });
}

}  // namespace

const std::vector<NodeEntry> kNormalisationNodes = {
    {"BatchNormTraining", BatchNormTraining},
    {"BatchNormalization", BatchNormalization},
};

}  // namespace sightline

#else

namespace sightline {
namespace SL_NS {
namespace {

#include "lanes.h"
#include "normalise.h"

// Rows of many small channels, where every value has numbers of its own.
void AddRow(const float* x, const float* about, size_t count, double* sum, double* squares) {
  SL_EACH_APART
  for (size_t i = 0; i < count; ++i) {
    const double apart = static_cast<double>(x[i]) - about[i];
    sum[i] += apart;
    squares[i] += apart * apart;
  }
}

template <bool kRelu>
void NormaliseRow(const float* x, float* y, size_t count, const AffineRow& row) {
  const float *mean = row.mean.data(), *factor = row.factor.data(), *bias = row.bias.data();
  SL_EACH_APART
  for (size_t i = 0; i < count; ++i) {
    const float v = (x[i] - mean[i]) * factor[i] + bias[i];
    y[i] = kRelu ? (v < 0 ? 0.0f : v) : v;
  }
}

}  // namespace
}  // namespace SL_NS
}  // namespace sightline

#endif
