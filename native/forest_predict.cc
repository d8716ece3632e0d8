// Predictions of random forests; definition in src/kernels/forest_predict.ts.
#include <algorithm>
#include <limits>
#include <stdexcept>
#include <string>
#include <vector>

#include "kernels.h"

namespace sightline {
namespace {

struct Trees {
  const uint32_t* node_starts;
  const int32_t* features;
  const float* thresholds;
  const uint32_t* children;
  const uint32_t* entry_starts;
  const uint32_t* leaf_classes;
  const uint32_t* leaf_counts;
  size_t trees, nodes, entries, width, classes;

  size_t NodeEnd(size_t t) const { return t + 1 < trees ? node_starts[t + 1] : nodes; }
  size_t EntryEnd(size_t t) const { return t + 1 < trees ? entry_starts[t + 1] : entries; }
};

// A walk must stay inside the arrays and end: children lie behind their parent.
void Check(const Trees& forest) {
  const auto refuse = [](size_t t, size_t n, const char* what) {
    throw std::invalid_argument("tree " + std::to_string(t) + ": node " + std::to_string(n) + " " + what);
  };
  for (size_t t = 0; t < forest.trees; ++t) {
    const size_t start = forest.node_starts[t], end = forest.NodeEnd(t);
    const size_t first = forest.entry_starts[t], last = forest.EntryEnd(t);
    if (!(start < end && end <= forest.nodes && first < last && last <= forest.entries)) refuse(t, 0, "is missing");
    for (size_t n = 0; n < end - start; ++n) {
      const int64_t feature = forest.features[start + n];
      const size_t child = forest.children[start + n];
      if (feature >= 0) {
        if (static_cast<size_t>(feature) >= forest.width) refuse(t, n, "splits by a feature that is missing");
        if (child <= n || child + 1 >= end - start) refuse(t, n, "has a child that is missing");
        continue;
      }
      const size_t count = static_cast<size_t>(-feature);
      if (count > forest.classes || first + child + count > last) refuse(t, n, "has classes that are missing");
      for (size_t e = first + child; e < first + child + count; ++e) {
        if (forest.leaf_classes[e] < forest.classes && forest.leaf_counts[e] > 0) continue;
        refuse(t, n, "holds a class that is missing");
      }
    }
  }
}

// A node as a walk reads it. A leaf leads to itself: its threshold is infinite, so that walks of different lengths go
// on side by side until all have arrived.
struct Node {
  float threshold;
  uint32_t feature;
  uint32_t child;
};

// Tree t, repacked; shares of the classes in its leaves.
void Unpack(const Trees& forest, size_t t, std::vector<Node>& nodes, std::vector<double>& shares) {
  const size_t start = forest.node_starts[t], count = forest.NodeEnd(t) - start, first = forest.entry_starts[t];
  nodes.resize(count);
  shares.resize(forest.EntryEnd(t) - first);
  for (size_t n = 0; n < count; ++n) {
    const int32_t feature = forest.features[start + n];
    const uint32_t child = forest.children[start + n];
    if (feature >= 0) {
      nodes[n] = {forest.thresholds[start + n], static_cast<uint32_t>(feature), child};
      continue;
    }
    nodes[n] = {std::numeric_limits<float>::infinity(), 0, static_cast<uint32_t>(n)};
    const size_t classes = static_cast<size_t>(-static_cast<int64_t>(feature));
    double total = 0;
    for (size_t e = child; e < child + classes; ++e) total += forest.leaf_counts[first + e];
    for (size_t e = child; e < child + classes; ++e) shares[e] = forest.leaf_counts[first + e] / total;
  }
}

// Samples that walk side by side: their steps do not wait for each other.
constexpr size_t kLanes = 16;

void Walk(const Node* nodes, const float* const* rows, uint32_t* at) {
  uint32_t node[kLanes] = {};
  for (uint32_t moved = 1; moved != 0;) {
    moved = 0;
    for (size_t l = 0; l < kLanes; ++l) {
      const Node& here = nodes[node[l]];
      const uint32_t next = here.child + (rows[l][here.feature] > here.threshold);
      moved |= next ^ node[l];
      node[l] = next;
    }
  }
  std::copy(node, node + kLanes, at);
}

// Samples that a tree is unpacked for: their sums stay in a near cache.
constexpr size_t kBlock = 4096;

}  // namespace

void ForestPredict(const Call& call) {
  const float* samples = call.In<float>("samples");
  const uint32_t* excluded = call.In<uint32_t>("excluded");
  float* probabilities = call.Out<float>("probabilities");
  const size_t count = call.Size("N"), width = call.Size("D"), words = call.Size("words");
  const size_t classes = call.Size("classes");
  const Trees forest{call.In<uint32_t>("nodeStarts"),
                     call.In<int32_t>("features"),
                     call.In<float>("thresholds"),
                     call.In<uint32_t>("children"),
                     call.In<uint32_t>("entryStarts"),
                     call.In<uint32_t>("leafClasses"),
                     call.In<uint32_t>("leafCounts"),
                     call.Size("T"),
                     call.Size("M"),
                     call.Size("E"),
                     width,
                     classes};
  Check(forest);
  const size_t work = count * (forest.trees + 1) * 128 + forest.nodes;
  ParallelFor(count, work, [&](size_t begin, size_t end) {
    const size_t most = std::min(kBlock, end - begin);
    std::vector<double> sums(most * classes), shares;
    std::vector<uint32_t> asked(most), list(most + kLanes);
    std::vector<Node> nodes;
    for (size_t block = begin; block < end; block += kBlock) {
      const size_t size = std::min(kBlock, end - block);
      std::fill(sums.begin(), sums.end(), 0.0);
      std::fill(asked.begin(), asked.end(), 0u);
      for (size_t t = 0; t < forest.trees; ++t) {
        Unpack(forest, t, nodes, shares);
        size_t listed = 0;
        for (size_t i = 0; i < size; ++i) {
          const size_t sample = block + i;
          list[listed] = static_cast<uint32_t>(i);
          listed += words == 0 || !(excluded[t * words + sample / 32] >> sample % 32 & 1);
        }
        const int32_t* features = forest.features + forest.node_starts[t];
        const uint32_t* children = forest.children + forest.node_starts[t];
        const uint32_t* leaf_classes = forest.leaf_classes + forest.entry_starts[t];
        for (size_t group = 0; group < listed; group += kLanes) {
          const size_t lanes = std::min(kLanes, listed - group);
          const float* rows[kLanes];
          uint32_t leaves[kLanes];
          for (size_t l = 0; l < kLanes; ++l) {
            rows[l] = samples + (block + list[group + std::min(l, lanes - 1)]) * width;
          }
          Walk(nodes.data(), rows, leaves);
          for (size_t l = 0; l < lanes; ++l) {
            const uint32_t i = list[group + l], leaf = leaves[l];
            const uint32_t first = children[leaf], last = first + static_cast<uint32_t>(-features[leaf]);
            for (uint32_t e = first; e < last; ++e) sums[i * classes + leaf_classes[e]] += shares[e];
            ++asked[i];
          }
        }
      }
      float* out = probabilities + block * classes;
      for (size_t i = 0; i < size * classes; ++i) out[i] = static_cast<float>(sums[i] / asked[i / classes]);
    }
  });
}

}  // namespace sightline
