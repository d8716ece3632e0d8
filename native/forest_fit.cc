// Random forests; definition in src/kernels/forest_fit.ts.
#include <algorithm>
#include <cmath>
#include <stdexcept>
#include <string>
#include <vector>

#include "forest_draws.h"
#include "forest_ranks.h"
#include "forest_tree.h"
#include "kernels.h"

namespace sightline {
namespace {

// By basic arithmetic, as the definition: library logarithms differ in their last bit.
double Log2(double n) {
  int exponent = 0;
  double m = n;
  while (m >= 1.4142135623730951) {
    m /= 2;
    ++exponent;
  }
  const double s = (m - 1) / (m + 1);
  double series = 0;
  for (int k = 25; k >= 1; k -= 2) series = series * s * s + 1.0 / k;
  return exponent + 2 * s * series / 0.6931471805599453;
}

// 2^24 n log2 n, rounded, for n up to `count`.
std::vector<double> XLog2X(size_t count) {
  std::vector<double> table(count + 1, 0.0);
  for (size_t n = 1; n <= count; ++n) {
    const double x = static_cast<double>(n);
    table[n] = std::floor(x * Log2(x) * 0x1p24 + 0.5);
  }
  return table;
}

struct Outputs {
  uint32_t* node_counts;
  int32_t* features;
  float* thresholds;
  uint32_t* children;
  uint32_t* entry_counts;
  uint32_t* leaf_classes;
  uint32_t* leaf_counts;
  double* gains;
  uint32_t* in_bag;
};

void Bag(const Call& call, uint32_t tree, std::vector<uint32_t>& weights) {
  const uint32_t samples = static_cast<uint32_t>(weights.size());
  if (call.Number("bootstrap") == 0) {
    std::fill(weights.begin(), weights.end(), 1u);
    return;
  }
  std::fill(weights.begin(), weights.end(), 0u);
  const uint32_t low = static_cast<uint32_t>(call.Number("seedLow"));
  const uint32_t high = static_cast<uint32_t>(call.Number("seedHigh"));
  TreeDraws draws(low, high, tree, TreeDraws::kBootstrap);
  for (uint32_t i = 0; i < samples; ++i) ++weights[draws.Int(samples)];
}

template <class Items, bool kEntropy>
void GrowTrees(const Call& call, const TreeSettings& settings, const Outputs& out) {
  const size_t samples = call.Size("N"), width = call.Size("D"), trees = call.Size("trees");
  const size_t nodes = call.Size("nodes"), words = call.Size("words");
  const uint32_t first = static_cast<uint32_t>(call.Number("firstTree"));
  const uint32_t low = static_cast<uint32_t>(call.Number("seedLow"));
  const uint32_t high = static_cast<uint32_t>(call.Number("seedHigh"));
  const uint32_t* labels = call.In<uint32_t>("labels");
  const RankedSamples<typename Items::Rank> data(call.In<float>("samples"), samples, width);
  ParallelFor(trees, trees * samples * settings.max_features * 64, [&](size_t begin, size_t end) {
    TreeGrower<Items, kEntropy> grower(data, labels, settings);
    std::vector<uint32_t> weights(samples);
    for (size_t t = begin; t < end; ++t) {
      const uint32_t id = first + static_cast<uint32_t>(t);
      Bag(call, id, weights);
      TreeRows rows{out.features + t * nodes,         out.thresholds + t * nodes,
                    out.children + t * nodes,         out.leaf_classes + t * samples,
                    out.leaf_counts + t * samples,    out.gains + t * width};
      std::fill(rows.gains, rows.gains + width, 0.0);
      const TreeDraws draws(low, high, id, TreeDraws::kSplits);
      if (*std::max_element(weights.begin(), weights.end()) > Items::kMaxWeight) {
        // Of probability 1 / 256! at most.
        const std::string most = std::to_string(Items::kMaxWeight);
        throw std::runtime_error("a bootstrap drew one sample more than " + most + " times");
      }
      grower.Grow(weights, draws, rows);
      out.node_counts[t] = static_cast<uint32_t>(rows.nodes);
      out.entry_counts[t] = static_cast<uint32_t>(rows.entries);
      std::fill(rows.features + rows.nodes, rows.features + nodes, 0);
      std::fill(rows.thresholds + rows.nodes, rows.thresholds + nodes, 0.0f);
      std::fill(rows.children + rows.nodes, rows.children + nodes, 0u);
      std::fill(rows.leaf_classes + rows.entries, rows.leaf_classes + samples, 0u);
      std::fill(rows.leaf_counts + rows.entries, rows.leaf_counts + samples, 0u);
      uint32_t* bag = out.in_bag + t * words;
      std::fill(bag, bag + words, 0u);
      for (size_t i = 0; i < samples; ++i) bag[i / 32] |= static_cast<uint32_t>(weights[i] > 0) << i % 32;
    }
  });
}

}  // namespace

void ForestFit(const Call& call) {
  const Outputs out{call.Out<uint32_t>("nodeCounts"),  call.Out<int32_t>("features"),
                    call.Out<float>("thresholds"),     call.Out<uint32_t>("children"),
                    call.Out<uint32_t>("entryCounts"), call.Out<uint32_t>("leafClasses"),
                    call.Out<uint32_t>("leafCounts"),  call.Out<double>("gains"),
                    call.Out<uint32_t>("inBag")};
  const size_t samples = call.Size("N"), classes = call.Size("classes");
  const uint32_t* labels = call.In<uint32_t>("labels");
  for (size_t i = 0; i < samples; ++i) {
    if (labels[i] < classes) continue;
    const std::string label = "label " + std::to_string(labels[i]) + " of row " + std::to_string(i);
    throw std::invalid_argument(label + " is not below " + std::to_string(classes));
  }
  const bool entropy = call.Number("criterion") != 0;
  const std::vector<double> table = entropy ? XLog2X(samples) : std::vector<double>();
  const TreeSettings settings{classes,
                              call.Size("maxFeatures"),
                              call.Size("minSamplesSplit"),
                              call.Size("minSamplesLeaf"),
                              call.Number("maxDepth"),
                              table.data()};
  const bool narrow = samples <= NarrowItems::kMaxSamples && classes <= NarrowItems::kMaxClasses;
  if (narrow && entropy) GrowTrees<NarrowItems, true>(call, settings, out);
  else if (narrow) GrowTrees<NarrowItems, false>(call, settings, out);
  else if (entropy) GrowTrees<WideItems, true>(call, settings, out);
  else GrowTrees<WideItems, false>(call, settings, out);
}

}  // namespace sightline
