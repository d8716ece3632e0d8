// The search for the best split of a node; definition in src/kernels/forest_tree.ts.
#pragma once

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <utility>
#include <vector>

namespace sightline {

struct TreeSettings {
  size_t classes, max_features, min_split, min_leaf;
  double max_depth;
  // 2^24 n log2 n by n, where the criterion is entropy.
  const double* xlog2x;
};

// How a sample is packed: an item is its number and its payload, class and weight; a key is its rank in one feature and
// the payload. Sorted keys are all that the search for a split needs to read.
struct NarrowItems {
  using Word = uint32_t;
  using Rank = uint16_t;
  static constexpr int kShift = 16, kClass = 8;
  static constexpr uint32_t kMaxClasses = 256, kMaxWeight = 255;
  static constexpr size_t kMaxSamples = 65536;
};
struct WideItems {
  using Word = uint64_t;
  using Rank = uint32_t;
  static constexpr int kShift = 32, kClass = 16;
  static constexpr uint32_t kMaxClasses = 65536, kMaxWeight = 65535;
  static constexpr size_t kMaxSamples = size_t{1} << 31;
};

template <typename Rank>
struct Split {
  double score = -INFINITY;
  size_t feature = 0;
  Rank low = 0, high = 0;  // neighbouring ranks on either side
};

template <class Items, bool kEntropy>
class SplitSearch {
 public:
  using Word = typename Items::Word;
  using Rank = typename Items::Rank;

  SplitSearch(size_t samples, const TreeSettings& settings)
      : settings_(settings),
        keys_(samples),
        other_(samples),
        counts_(settings.classes),
        left_(settings.classes),
        cells_(samples) {}

  static uint32_t ClassOf(Word word) { return static_cast<uint32_t>(word & kPayload) >> Items::kClass; }
  static uint32_t WeightOf(Word word) { return static_cast<uint32_t>(word) & kWeight; }

  // The node that is searched. Returns how many classes it has.
  size_t SetNode(const Word* items, size_t count) {
    std::fill(counts_.begin(), counts_.end(), 0);
    for (size_t i = 0; i < count; ++i) counts_[ClassOf(items[i])] += WeightOf(items[i]);
    size_t present = 0;
    weight_ = 0;
    squares_ = 0;
    for (const int64_t c : counts_) {
      present += c > 0;
      weight_ += c;
      squares_ += c * c;
    }
    return present;
  }

  // Weight in the node, by class.
  const std::vector<int64_t>& Counts() const { return counts_; }

  // Improves `best` where a split by this feature is better; false when the feature is constant in the node.
  bool Try(const Word* items, size_t count, const Rank* ranks, size_t feature, Split<Rank>* best) {
    Word* keys = keys_.data();
    Rank low = ranks[items[0] >> Items::kShift], high = low;
    for (size_t i = 0; i < count; ++i) {
      const Rank rank = ranks[items[i] >> Items::kShift];
      low = std::min(low, rank);
      high = std::max(high, rank);
      keys[i] = static_cast<Word>(rank) << Items::kShift | (items[i] & kPayload);
    }
    if (low == high) return false;
    const double score = best->score;
    if ((size_t{high} - low + 1) * settings_.classes <= count) {
      ScanCells(keys, count, low, high, best);
    } else {
      Sort(count, low, high);
      if (settings_.classes == 2) ScanTwoClasses(keys_.data(), count, best);
      else ScanKeys(keys_.data(), count, best);
    }
    if (best->score > score) best->feature = feature;
    return true;
  }

  // Impurity x weight of the node, less that of its children.
  double GainOf(double score) const {
    if (kEntropy) return (score - (Terms(counts_.data()) - settings_.xlog2x[weight_])) / 0x1p24;
    return score - static_cast<double>(squares_) / static_cast<double>(weight_);
  }

 private:
  static constexpr Word kPayload = (Word{1} << Items::kShift) - 1;
  static constexpr uint32_t kWeight = (1u << Items::kClass) - 1;

  // Sorts keys_ by rank.
  void Sort(size_t count, Rank low, Rank high) {
    Word* keys = keys_.data();
    if (count <= 24) {
      for (size_t i = 1; i < count; ++i) {
        const Word key = keys[i];
        size_t j = i;
        for (; j > 0 && keys[j - 1] > key; --j) keys[j] = keys[j - 1];
        keys[j] = key;
      }
      return;
    }
    int bits = 0;
    while ((size_t{high} - low) >> bits) ++bits;
    const int passes = (bits + 7) / 8;
    const int digit = (bits + passes - 1) / passes;
    const uint32_t mask = (1u << digit) - 1;
    uint32_t starts[4][257];
    for (int p = 0; p < passes; ++p) std::fill(starts[p], starts[p] + mask + 1, 0u);
    for (size_t i = 0; i < count; ++i) {
      const uint32_t rank = static_cast<uint32_t>((keys[i] >> Items::kShift) - low);
      for (int p = 0; p < passes; ++p) ++starts[p][rank >> p * digit & mask];
    }
    for (int p = 0; p < passes; ++p) {
      uint32_t sum = 0;
      for (uint32_t d = 0; d <= mask; ++d) sum += std::exchange(starts[p][d], sum);
      const Word* from = keys_.data();
      Word* to = other_.data();
      for (size_t i = 0; i < count; ++i) {
        const uint32_t rank = static_cast<uint32_t>((from[i] >> Items::kShift) - low);
        to[starts[p][rank >> p * digit & mask]++] = from[i];
      }
      keys_.swap(other_);
    }
  }

  // Candidates between sorted keys; the sums of squares on both sides follow each sample that changes sides.
  void ScanKeys(const Word* keys, size_t count, Split<Rank>* best) {
    int64_t* left = left_.data();
    const int64_t* all = counts_.data();
    std::fill(left_.begin(), left_.end(), 0);
    int64_t weight = 0, low = 0, high = kEntropy ? 0 : squares_;
    double low_terms = 0, high_terms = kEntropy ? Terms(all) : 0;
    for (size_t i = 0; i + 1 < count; ++i) {
      const uint32_t k = ClassOf(keys[i]);
      const int64_t w = WeightOf(keys[i]), before = left[k], rest = all[k] - before;
      left[k] = before + w;
      weight += w;
      if (kEntropy) {
        low_terms += settings_.xlog2x[before + w] - settings_.xlog2x[before];
        high_terms += settings_.xlog2x[rest - w] - settings_.xlog2x[rest];
      } else {
        low += w * (2 * before + w);
        high -= w * (2 * rest - w);
      }
      if ((keys[i] ^ keys[i + 1]) >> Items::kShift == 0 || !Allowed(i + 1, count)) continue;
      Propose(Score(weight, low, high, low_terms, high_terms), RankOf(keys[i]), RankOf(keys[i + 1]), best);
    }
  }

  // The same for two classes without a table: the count of one tells that of the other.
  void ScanTwoClasses(const Word* keys, size_t count, Split<Rank>* best) {
    const int64_t zeros = counts_[0], ones = counts_[1];
    int64_t weight = 0, one = 0;
    for (size_t i = 0; i + 1 < count; ++i) {
      const int64_t w = WeightOf(keys[i]);
      weight += w;
      one += ClassOf(keys[i]) ? w : 0;
      if ((keys[i] ^ keys[i + 1]) >> Items::kShift == 0 || !Allowed(i + 1, count)) continue;
      const int64_t l0 = weight - one, r0 = zeros - l0, r1 = ones - one;
      double score;
      if (kEntropy) {
        const double* t = settings_.xlog2x;
        score = Score(weight, 0, 0, t[l0] + t[one], t[r0] + t[r1]);
      } else {
        score = Score(weight, l0 * l0 + one * one, r0 * r0 + r1 * r1, 0, 0);
      }
      Propose(score, RankOf(keys[i]), RankOf(keys[i + 1]), best);
    }
  }

  // Few distinct ranks for many samples: weights by rank and class, without sorting.
  void ScanCells(const Word* keys, size_t count, Rank low, Rank high, Split<Rank>* best) {
    const size_t classes = settings_.classes;
    const size_t levels = size_t{high} - low + 1;
    uint64_t* cells = cells_.data();  // samples in the upper half, their weight in the lower
    std::fill(cells, cells + levels * classes, uint64_t{0});
    for (size_t i = 0; i < count; ++i) {
      cells[(RankOf(keys[i]) - low) * classes + ClassOf(keys[i])] += uint64_t{1} << 32 | WeightOf(keys[i]);
    }
    std::fill(left_.begin(), left_.end(), 0);
    size_t samples = 0, last = levels;
    for (size_t level = 0; level < levels; ++level) {
      const uint64_t* cell = cells + level * classes;
      uint64_t sum = 0;
      for (size_t k = 0; k < classes; ++k) sum += cell[k];
      if (sum == 0) continue;
      if (last < levels && Allowed(samples, count)) {
        ProposeCounts(static_cast<Rank>(low + last), static_cast<Rank>(low + level), best);
      }
      for (size_t k = 0; k < classes; ++k) left_[k] += static_cast<uint32_t>(cell[k]);
      samples += sum >> 32;
      last = level;
    }
  }

  void ProposeCounts(Rank at, Rank next, Split<Rank>* best) const {
    int64_t weight = 0, low = 0, high = 0;
    double low_terms = 0, high_terms = 0;
    for (size_t k = 0; k < counts_.size(); ++k) {
      const int64_t l = left_[k], r = counts_[k] - l;
      weight += l;
      low += l * l;
      high += r * r;
      if (kEntropy) {
        low_terms += settings_.xlog2x[l];
        high_terms += settings_.xlog2x[r];
      }
    }
    Propose(Score(weight, low, high, low_terms, high_terms), at, next, best);
  }

  static Rank RankOf(Word key) { return static_cast<Rank>(key >> Items::kShift); }

  bool Allowed(size_t left, size_t count) const {
    return left >= settings_.min_leaf && count - left >= settings_.min_leaf;
  }

  // Everything here is a whole number, exact in a double, up to the one division.
  double Score(int64_t left, int64_t low, int64_t high, double low_terms, double high_terms) const {
    const int64_t right = weight_ - left;
    if (kEntropy) return low_terms - settings_.xlog2x[left] + (high_terms - settings_.xlog2x[right]);
    const double l = static_cast<double>(left), r = static_cast<double>(right);
    return (static_cast<double>(low) * r + static_cast<double>(high) * l) / (l * r);
  }

  static void Propose(double score, Rank low, Rank high, Split<Rank>* best) {
    if (!(score > best->score)) return;
    best->score = score;
    best->low = low;
    best->high = high;
  }

  double Terms(const int64_t* counts) const {
    double sum = 0;
    for (size_t k = 0; k < counts_.size(); ++k) sum += settings_.xlog2x[counts[k]];
    return sum;
  }

  const TreeSettings& settings_;
  std::vector<Word> keys_, other_;
  std::vector<int64_t> counts_, left_;  // weight by class: in the node, left of a candidate
  std::vector<uint64_t> cells_;
  int64_t weight_ = 0, squares_ = 0;
};

}  // namespace sightline
