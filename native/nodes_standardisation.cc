// Normalisation by statistics of a sample's own: of its last axes, of each channel, of groups of channels.
#ifndef SL_NS

#include "affine.h"
#include "each_apart.h"
#include "simd.h"

#define SL_FILE "nodes_standardisation.cc"
#include "foreach_target.h"

namespace sightline {
namespace {

struct RowStatistics {
  double mean, inverse;  // 1 over the standard deviation
};

// Of `count` values: about the first of them, so that nothing cancels.
RowStatistics StatisticsOf(const float* x, size_t count, double epsilon) {
  double lanes[16] = {};
  SL_DISPATCH(SumAbout)(x, count, x[0], lanes);
  double sum = 0, squares = 0;
  for (int i = 0; i < 8; ++i) {
    sum += lanes[i];
    squares += lanes[8 + i];
  }
  const double shift = sum / static_cast<double>(count), variance = squares / static_cast<double>(count) - shift * shift;
  return {x[0] + shift, 1 / std::sqrt((variance < 0 ? 0 : variance) + epsilon)};
}

// x as rows of `count` values that are standardised together; row(r, statistics).
template <typename Row>
void EachRow(const PlanValue& x, size_t count, double epsilon, Row row) {
  if (count == 0) throw std::invalid_argument("no values to normalise");
  const size_t total = static_cast<size_t>(x.Count());
  ParallelFor(total / count, 8 * total, [&](size_t begin, size_t end) {
    for (size_t r = begin; r < end; ++r) row(r, StatisticsOf(x.Floats() + r * count, count, epsilon));
  });
}

// y, mean and inverse standard deviation (the latter two where they are wanted) over the axes from `axis`.
void LayerNormalization(const PlanNode& node) {
  const PlanValue& x = node.Input(0);
  const int64_t rank = static_cast<int64_t>(x.dims.size());
  int64_t axis = static_cast<int64_t>(node.Number("axis", -1));
  axis += axis < 0 ? rank : 0;
  if (axis < 0 || axis >= rank) throw std::invalid_argument("axis does not fit the values");
  size_t count = 1;
  for (int64_t i = axis; i < rank; ++i) count *= static_cast<size_t>(x.dims[static_cast<size_t>(i)]);
  const float* scale = PerChannel(node.inputs, 1, count, "scale");
  const float* bias = node.Has(2) ? PerChannel(node.inputs, 2, count, "bias") : nullptr;
  float* y = Whole(node.outputs, 0, x);
  float* const kept[2] = {node.outputs.size() > 1 ? node.outputs[1].Floats() : nullptr,
                          node.outputs.size() > 2 ? node.outputs[2].Floats() : nullptr};
  EachRow(x, count, Epsilon(node), [&](size_t r, const RowStatistics& s) {
    SL_DISPATCH(NormaliseRow)(x.Floats() + r * count, scale, bias, y + r * count, count, static_cast<float>(s.mean),
                              static_cast<float>(s.inverse));
    if (kept[0]) kept[0][r] = static_cast<float>(s.mean);
    if (kept[1]) kept[1][r] = static_cast<float>(s.inverse);
  });
}

// `groups` of a sample's channels; scale and bias for every channel, or (before operator set 21) for every group.
void NormaliseGroups(const PlanNode& node, size_t groups) {
  const PlanValue& x = node.Input(0);
  if (x.dims.size() < 2 || x.Count() == 0) throw std::invalid_argument("expected values [N, C, ...]");
  const size_t channels = static_cast<size_t>(x.dims[1]), batch = static_cast<size_t>(x.dims[0]);
  if (groups == 0 || channels % groups != 0) throw std::invalid_argument("channels do not make groups of the same size");
  const size_t pixels = static_cast<size_t>(x.Count()) / (batch * channels), members = channels / groups;
  const size_t parameters = static_cast<size_t>(node.Input(1).Count()), each = parameters == channels ? 1 : members;
  if (parameters != channels && parameters != groups) throw std::invalid_argument("expected a scale for every channel");
  const float* scale = node.inputs[1].Floats();
  const float* bias = PerChannel(node.inputs, 2, parameters, "bias");
  float* y = Whole(node.outputs, 0, x);
  EachRow(x, members * pixels, Epsilon(node), [&](size_t r, const RowStatistics& s) {
    for (size_t m = 0; m < members; ++m) {
      const size_t c = r % groups * members + m, at = (r * members + m) * pixels;
      const Affine affine{static_cast<float>(s.mean), static_cast<float>(scale[c / each] * s.inverse), bias[c / each]};
      SL_DISPATCH(Normalise<false>)(x.Floats() + at, y + at, pixels, affine);
    }
  });
}

void InstanceNormalization(const PlanNode& node) {
  const PlanValue& x = node.Input(0);
  NormaliseGroups(node, x.dims.size() > 1 ? static_cast<size_t>(x.dims[1]) : 0);
}

void GroupNormalization(const PlanNode& node) {
  NormaliseGroups(node, static_cast<size_t>(std::fmax(0, node.Number("num_groups", 0))));
}

}  // namespace

const std::vector<NodeEntry> kStandardisationNodes = {
    {"GroupNormalization", GroupNormalization},
    {"InstanceNormalization", InstanceNormalization},
    {"LayerNormalization", LayerNormalization},
};

}  // namespace sightline

#else

namespace sightline {
namespace SL_NS {
namespace {

#include "lanes.h"
#include "normalise.h"

void NormaliseRow(const float* x, const float* scale, const float* bias, float* y, size_t count, float mean, float inverse) {
  if (bias != nullptr) {
    SL_EACH_APART
    for (size_t i = 0; i < count; ++i) y[i] = (x[i] - mean) * inverse * scale[i] + bias[i];
  } else {
    SL_EACH_APART
    for (size_t i = 0; i < count; ++i) y[i] = (x[i] - mean) * inverse * scale[i];
  }
}

}  // namespace
}  // namespace SL_NS
}  // namespace sightline

#endif
