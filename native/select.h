// Order statistics without sorting: a histogram finds the buckets that hold the ranks asked for, and only what lies in
// those is looked at further. Included inside a target's namespace, after lanes.h. No include guard: every target has its
// own. Needs <algorithm>, <cmath>, <cstddef> and <vector>.

constexpr size_t kBuckets = 1024;
constexpr size_t kBucketBlock = 512;
constexpr size_t kMostRanks = 10;
constexpr size_t kSortAtMost = 64;

// Bucket of each of count values between low and high. Both ends have one of their own: maps are often mostly 0, or 0 and
// 1. Between them rounding keeps the order, so that no value of a bucket exceeds one of the next.
SL_INLINE void BucketsOf(const float* SL_RESTRICT x, size_t count, double low, double high, int32_t* SL_RESTRICT bucket) {
  const double per = (kBuckets - 3) / (high - low);
  constexpr double kLast = kBuckets - 1;
  const Lanes least = Splat(low), most = Splat(high);
  const size_t whole = count / 8 * 8;
  for (size_t i = 0; i < whole; i += 8) {
    const Lanes v = Widen(x + i);
    const Lanes inner = (v - least) * Splat(per) + Splat(1);
    SaveTruncated(Where(v, least, least, Splat(0), Where(v, most, most, Splat(kLast), inner)), bucket + i);
  }
  for (size_t i = whole; i < count; ++i)
    bucket[i] = static_cast<int32_t>(x[i] == low ? 0 : x[i] == high ? kLast : (x[i] - low) * per + 1);
}

// Writes the values of `count` ranks (from 0, at most kMostRanks) among n finite values between low and high. `buckets`:
// scratch that calls share, because fresh memory costs as much as the work in it.
inline void Select(const float* SL_RESTRICT x, size_t n, float low, float high, const size_t* ranks, size_t count,
                   std::vector<uint16_t>* buckets, float* out) {
  if (low == high) {
    std::fill(out, out + count, low);
    return;
  }
  if (n <= kSortAtMost) {
    float sorted[kSortAtMost];
    std::copy(x, x + n, sorted);
    std::sort(sorted, sorted + n);
    for (size_t k = 0; k < count; ++k) out[k] = sorted[ranks[k]];
    return;
  }
  // Partial histograms: neighbouring pixels often share a bucket, and would wait for each other's store.
  constexpr size_t kPartial = 4;
  std::vector<uint32_t> scratch(kPartial * kBuckets);
  uint32_t* SL_RESTRICT partial = scratch.data();
  if (buckets->size() < n) buckets->resize(n);
  uint16_t* SL_RESTRICT bucket_of = buckets->data();
  int32_t bucket[kBucketBlock];
  for (size_t start = 0; start < n; start += kBucketBlock) {
    const size_t block = std::min(kBucketBlock, n - start);
    BucketsOf(x + start, block, low, high, bucket);
    for (size_t i = 0; i < block; ++i) bucket_of[start + i] = static_cast<uint16_t>(bucket[i]);
    size_t i = 0;
    for (; i + kPartial <= block; i += kPartial)
      for (size_t part = 0; part < kPartial; ++part) ++partial[part * kBuckets + static_cast<size_t>(bucket[i + part])];
    for (; i < block; ++i) ++partial[bucket[i]];
  }
  std::vector<size_t> before(kBuckets + 1);  // how many lie in lower buckets
  for (size_t k = 0; k < kBuckets; ++k) {
    size_t here = 0;
    for (size_t part = 0; part < kPartial; ++part) here += partial[part * kBuckets + k];
    before[k + 1] = before[k] + here;
  }

  // The buckets that hold a rank, each a slot from 1.
  uint8_t slot[kBuckets] = {};
  size_t held[kMostRanks], slots = 0, gathered = 0, first[kMostRanks + 1];
  for (size_t k = 0; k < count; ++k) {
    const size_t in = static_cast<size_t>(std::upper_bound(before.begin(), before.end(), ranks[k]) - before.begin()) - 1;
    if (in == 0 || in == kBuckets - 1) out[k] = in == 0 ? low : high;
    if (in == 0 || in == kBuckets - 1 || slot[in] != 0) continue;
    held[slots] = in;
    first[slots] = gathered;
    gathered += before[in + 1] - before[in];
    slot[in] = static_cast<uint8_t>(++slots);
  }
  std::vector<float> values(gathered);
  float* tail[kMostRanks + 1];
  for (size_t s = 0; s < slots; ++s) tail[s + 1] = values.data() + first[s];
  for (size_t i = 0; i < n; ++i) {
    const uint8_t to = slot[bucket_of[i]];
    if (to != 0) *tail[to]++ = x[i];
  }

  // Neither the lowest nor the highest value is in these buckets: each has fewer values than there were.
  for (size_t s = 0; s < slots; ++s) {
    const float* inside = values.data() + first[s];
    const size_t size = before[held[s] + 1] - before[held[s]];
    float least = inside[0], most = inside[0];
    for (size_t i = 1; i < size; ++i) {
      least = inside[i] < least ? inside[i] : least;
      most = inside[i] > most ? inside[i] : most;
    }
    size_t within[kMostRanks], target[kMostRanks], found = 0;
    float values_found[kMostRanks];
    for (size_t k = 0; k < count; ++k) {
      if (ranks[k] < before[held[s]] || ranks[k] >= before[held[s] + 1]) continue;
      within[found] = ranks[k] - before[held[s]];
      target[found++] = k;
    }
    Select(inside, size, least, most, within, found, buckets, values_found);
    for (size_t k = 0; k < found; ++k) out[target[k]] = values_found[k];
  }
}

// Quantiles of n finite values times scale between low and high, as numpy.quantile's default; at most kMostRanks / 2.
inline void Quantiles(const float* x, size_t n, float low, float high, double scale, const double* q, size_t count,
                      std::vector<uint16_t>* buckets, double* out) {
  size_t ranks[kMostRanks];
  float values[kMostRanks];
  for (size_t k = 0; k < count; ++k) {
    ranks[2 * k] = static_cast<size_t>(q[k] * static_cast<double>(n - 1));
    ranks[2 * k + 1] = std::min(ranks[2 * k] + 1, n - 1);
  }
  Select(x, n, low, high, ranks, 2 * count, buckets, values);
  for (size_t k = 0; k < count; ++k) {
    const double t = q[k] * static_cast<double>(n - 1) - static_cast<double>(ranks[2 * k]);
    const double a = values[2 * k] * scale, b = values[2 * k + 1] * scale;
    out[k] = t < 0.5 ? a + (b - a) * t : b - (b - a) * (1 - t);
  }
}
