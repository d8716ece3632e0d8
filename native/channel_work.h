// Sums over the channels of [N, C, ...] and what is then done with them, so that a channel is still in the cache when it
// is read again. The order of additions depends on the shape alone.
#pragma once

#include <algorithm>
#include <vector>

#include "affine.h"
#include "plan.h"

namespace sightline {

class ChannelWork {
 public:
  // Two sums of a channel, eight lanes each (lanes.h).
  static constexpr size_t kLanes = 16;

  // `arrays`: how many of x's size the work touches.
  ChannelWork(const PlanValue& x, size_t arrays) : arrays_(arrays) {
    if (x.dims.size() < 2 || x.Count() == 0) throw std::invalid_argument("expected values [N, C, ...]");
    batch_ = static_cast<size_t>(x.dims[0]);
    channels_ = static_cast<size_t>(x.dims[1]);
    pixels_ = static_cast<size_t>(x.Count()) / (batch_ * channels_);
    // Small planes go in groups that lie side by side: a page at a time, not a few lines here and there.
    group_ = std::max<size_t>(1, std::min(kRun / pixels_, channels_ / kGroups));
    // Few channels of huge maps: every channel is split.
    pieces_ = channels_ < kGroups ? (Count() + kPiece - 1) / kPiece : 1;
  }

  size_t Channels() const { return channels_; }
  size_t Pixels() const { return pixels_; }
  // Values of a channel.
  size_t Count() const { return batch_ * pixels_; }

  // sum(channel, offset, count, lanes) adds a run of values to the lanes; finish(channel, first, second) takes a channel's
  // two sums; apply(channel, offset, count) follows for all its runs.
  template <typename Sum, typename Finish, typename Apply>
  void Run(Sum sum, Finish finish, Apply apply) const {
    const size_t groups = (channels_ + group_ - 1) / group_, bytes = 4 * arrays_ * Count() * channels_;
    std::vector<double> split(pieces_ > 1 ? channels_ * pieces_ * kLanes : 0);
    if (pieces_ == 1) {
      ParallelFor(groups, bytes, [&](size_t begin, size_t end) {
        std::vector<double> lanes(group_ * kLanes);
        for (size_t g = begin; g < end; ++g) {
          const size_t from = g * group_, to = std::min(channels_, from + group_);
          std::fill(lanes.begin(), lanes.end(), 0.0);
          Runs(from, to, 0, Count(), [&](size_t c, size_t at, size_t count) { sum(c, at, count, &lanes[(c - from) * kLanes]); });
          for (size_t c = from; c < to; ++c) finish(c, Total(&lanes[(c - from) * kLanes]), Total(&lanes[(c - from) * kLanes + 8]));
          Runs(from, to, 0, Count(), apply);
        }
      });
      return;
    }
    const auto piece = [&](size_t i, auto run) {
      const size_t c = i / pieces_, from = i % pieces_ * kPiece;
      Runs(c, c + 1, from, std::min(Count(), from + kPiece), run);
    };
    ParallelFor(channels_ * pieces_, bytes, [&](size_t begin, size_t end) {
      for (size_t i = begin; i < end; ++i)
        piece(i, [&](size_t c, size_t at, size_t count) { sum(c, at, count, &split[i * kLanes]); });
    });
    for (size_t c = 0; c < channels_; ++c) {
      double first = 0, second = 0;
      for (size_t i = c * pieces_; i < (c + 1) * pieces_; ++i) {
        first += Total(&split[i * kLanes]);
        second += Total(&split[i * kLanes + 8]);
      }
      finish(c, first, second);
    }
    ParallelFor(channels_ * pieces_, bytes, [&](size_t begin, size_t end) {
      for (size_t i = begin; i < end; ++i) piece(i, apply);
    });
  }

  // Maps so small that a run of one channel is mostly overhead: rows of many channels instead, a number per value.
  bool Small() const { return pixels_ < kSmall; }

  // body(from, to) for groups of channels that together fill rows of about kRow values.
  template <typename Body>
  void Rows(Body body) const {
    const size_t group = std::max<size_t>(1, kRow / pixels_);
    ParallelFor((channels_ + group - 1) / group, 4 * arrays_ * Count() * channels_, [&](size_t begin, size_t end) {
      for (size_t g = begin; g < end; ++g) body(g * group, std::min(channels_, (g + 1) * group));
    });
  }

  // row(offset) for the values of channels [from, to) in every image: (to - from) * Pixels() of them side by side.
  template <typename Row>
  void EachRow(size_t from, Row row) const {
    for (size_t n = 0; n < batch_; ++n) row((n * channels_ + from) * pixels_);
  }

  // value(c) for every value of a row of channels [from, to).
  template <typename Value>
  std::vector<float> Spread(size_t from, size_t to, Value value) const {
    std::vector<float> row((to - from) * pixels_);
    for (size_t c = from; c < to; ++c) std::fill_n(row.begin() + (c - from) * pixels_, pixels_, value(c));
    return row;
  }

  // The sum of a channel's values in a row of sums.
  double TotalOf(const std::vector<double>& row, size_t index) const {
    double total = 0;
    for (size_t i = index * pixels_; i < (index + 1) * pixels_; ++i) total += row[i];
    return total;
  }

  // apply(channel, offset, count) for every run.
  template <typename Apply>
  void Each(Apply apply) const {
    const size_t planes = batch_ * channels_, cuts = (pixels_ + kPiece - 1) / kPiece;
    ParallelFor(planes * cuts, 4 * arrays_ * Count() * channels_, [&](size_t begin, size_t end) {
      for (size_t i = begin; i < end; ++i) {
        const size_t plane = i / cuts, from = i % cuts * kPiece;
        apply(plane % channels_, plane * pixels_ + from, std::min(pixels_ - from, kPiece));
      }
    });
  }

 private:
  static constexpr size_t kSmall = 32;      // floats
  static constexpr size_t kRow = 256;       // floats
  static constexpr size_t kRun = 1024;      // floats
  static constexpr size_t kGroups = 16;     // that threads share
  static constexpr size_t kPiece = 1 << 16; // floats

  static double Total(const double* v) { return ((v[0] + v[1]) + (v[2] + v[3])) + ((v[4] + v[5]) + (v[6] + v[7])); }

  // The values [begin, end) of channels [from, to), counted through the batch.
  template <typename F>
  void Runs(size_t from, size_t to, size_t begin, size_t end, F run) const {
    while (begin < end) {
      const size_t n = begin / pixels_, low = begin % pixels_, count = std::min(pixels_ - low, end - begin);
      for (size_t c = from; c < to; ++c) run(c, (n * channels_ + c) * pixels_ + low, count);
      begin += count;
    }
  }

  size_t arrays_, batch_, channels_, pixels_, group_, pieces_;
};

// A normalisation per value of a row (ChannelWork::Rows).
struct AffineRow {
  template <typename Of>
  AffineRow(const ChannelWork& work, size_t from, size_t to, Of of)
      : mean(work.Spread(from, to, [&](size_t c) { return of(c).mean; })),
        factor(work.Spread(from, to, [&](size_t c) { return of(c).factor; })),
        bias(work.Spread(from, to, [&](size_t c) { return of(c).bias; })) {}
  std::vector<float> mean, factor, bias;
};

}  // namespace sightline
