// Grows one tree of a forest; definition in src/kernels/forest_tree.ts.
#pragma once

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <utility>
#include <vector>

#include "forest_draws.h"
#include "forest_ranks.h"
#include "forest_split.h"

namespace sightline {

// Where a tree goes: rows of the op's outputs.
struct TreeRows {
  int32_t* features;
  float* thresholds;
  uint32_t* children;
  uint32_t* leaf_classes;
  uint32_t* leaf_counts;
  double* gains;
  size_t nodes = 0, entries = 0;
};

template <class Items, bool kEntropy>
class TreeGrower {
 public:
  using Word = typename Items::Word;
  using Rank = typename Items::Rank;

  TreeGrower(const RankedSamples<Rank>& data, const uint32_t* labels, const TreeSettings& settings)
      : data_(data),
        labels_(labels),
        settings_(settings),
        search_(data.samples, settings),
        items_(data.samples),
        right_(data.samples),
        order_(data.width),
        constant_(data.width) {
    known_.reserve(data.width);
  }

  // `weights` of all samples; those of 0 are not in the bag.
  void Grow(const std::vector<uint32_t>& weights, TreeDraws draws, TreeRows& rows) {
    size_t count = 0;
    for (size_t i = 0; i < data_.samples; ++i) {
      if (weights[i] == 0) continue;
      const Word payload = static_cast<Word>(labels_[i]) << Items::kClass | weights[i];
      items_[count++] = static_cast<Word>(i) << Items::kShift | payload;
    }
    for (size_t f = 0; f < data_.width; ++f) order_[f] = static_cast<uint32_t>(f);
    Forget(0);
    pending_.assign(1, {0, 0, count, 0, 0});
    rows.nodes = 1;
    while (!pending_.empty()) {
      const Task task = pending_.back();
      pending_.pop_back();
      Forget(task.known);
      GrowNode(task, draws, rows);
    }
  }

 private:
  struct Task {
    size_t node, begin, end;
    double depth;
    size_t known;  // features known to be constant here: the first ones of known_
  };
  // A feature that is constant in a node is so below it: those found on the way down are not looked at again.
  void Forget(size_t known) {
    while (known_.size() > known) {
      constant_[known_.back()] = 0;
      known_.pop_back();
    }
  }

  void GrowNode(const Task& task, TreeDraws& draws, TreeRows& rows) {
    const size_t count = task.end - task.begin;
    const size_t present = search_.SetNode(items_.data() + task.begin, count);
    Split<Rank> split;
    const bool small = count < std::max(settings_.min_split, 2 * settings_.min_leaf);
    const bool leaf = task.depth >= settings_.max_depth || small || present == 1;
    if (leaf || !Search(task, draws, &split)) return StoreLeaf(task.node, present, rows);

    const size_t left = rows.nodes;
    rows.nodes += 2;
    const float* values = data_.values.data() + split.feature * data_.samples;
    rows.features[task.node] = static_cast<int32_t>(split.feature);
    rows.thresholds[task.node] = Midpoint(values[split.low], values[split.high]);
    rows.children[task.node] = static_cast<uint32_t>(left);
    rows.gains[split.feature] += search_.GainOf(split.score);
    const size_t middle = Partition(task, split);
    pending_.push_back({left + 1, middle, task.end, task.depth + 1, known_.size()});
    pending_.push_back({left, task.begin, middle, task.depth + 1, known_.size()});
  }

  void StoreLeaf(size_t node, size_t present, TreeRows& rows) const {
    rows.features[node] = -static_cast<int32_t>(present);
    rows.thresholds[node] = 0;
    rows.children[node] = static_cast<uint32_t>(rows.entries);
    const std::vector<int64_t>& counts = search_.Counts();
    for (size_t k = 0; k < counts.size(); ++k) {
      if (counts[k] == 0) continue;
      rows.leaf_classes[rows.entries] = static_cast<uint32_t>(k);
      rows.leaf_counts[rows.entries++] = static_cast<uint32_t>(counts[k]);
    }
  }

  bool Search(const Task& task, TreeDraws& draws, Split<Rank>* best) {
    const size_t width = data_.width;
    size_t varying = 0;
    for (size_t drawn = 0; drawn < width && (drawn < settings_.max_features || varying == 0); ++drawn) {
      std::swap(order_[drawn], order_[drawn + draws.Int(static_cast<uint32_t>(width - drawn))]);
      const size_t feature = order_[drawn];
      if (constant_[feature]) continue;
      const Rank* ranks = data_.ranks.data() + feature * data_.samples;
      if (search_.Try(items_.data() + task.begin, task.end - task.begin, ranks, feature, best)) {
        ++varying;
      } else {
        constant_[feature] = 1;
        known_.push_back(static_cast<uint32_t>(feature));
      }
    }
    return best->score > -INFINITY;
  }

  // Keeps the order on both sides: samples are then visited in the order in which they lie in memory.
  size_t Partition(const Task& task, const Split<Rank>& split) {
    const Rank* ranks = data_.ranks.data() + split.feature * data_.samples;
    Word* items = items_.data();
    Word* right = right_.data();
    size_t middle = task.begin, moved = 0;
    for (size_t i = task.begin; i < task.end; ++i) {
      const Word item = items[i];
      const bool left = ranks[item >> Items::kShift] <= split.low;
      items[middle] = item;
      right[moved] = item;
      middle += left;
      moved += !left;
    }
    std::copy(right, right + moved, items + middle);
    return middle;
  }

  // The largest float not above the middle.
  static float Midpoint(float low, float high) {
    const double middle = static_cast<double>(low) / 2 + static_cast<double>(high) / 2;
    const float rounded = static_cast<float>(middle);
    return static_cast<double>(rounded) > middle ? std::nextafter(rounded, -INFINITY) : rounded;
  }

  const RankedSamples<Rank>& data_;
  const uint32_t* labels_;
  const TreeSettings& settings_;
  SplitSearch<Items, kEntropy> search_;
  std::vector<Word> items_, right_;
  std::vector<uint32_t> order_, known_;
  std::vector<uint8_t> constant_;
  std::vector<Task> pending_;
};

}  // namespace sightline
