// Pairwise distances, and the nearest centre without the matrix; definitions in src/kernels/{pairwise,nearest}.ts.
//
// |a−b|² = |a|² + |b|² − 2a·b turns distances into a matrix product, which runs near the CPU's peak when it is
// blocked: rows and centres are packed into panels that stay in cache, and a register tile of kRows × 2 vectors
// accumulates over the depth. Both are taken relative to the mean of b, so that what all rows share, as the features of
// a network do, is not subtracted from itself. Where the subtraction cancels (near-duplicate rows) the entry is computed again
// directly in double precision, so that identical rows are at distance exactly 0.
#ifndef SL_NS

#include <algorithm>
#include <cmath>
#include <cstring>
#include <limits>
#include <vector>

#include "kernels.h"
#include "simd.h"

namespace sightline {
namespace {

enum Metric { kL2 = 0, kSquared = 1, kCosine = 2 };

// Depth per block: two panels of it stay in the first-level cache. Partial sums are added block by block.
constexpr size_t kDepth = 256;
// Below this share of |a|² + |b|² the expansion has lost too many digits.
constexpr float kCancelled = 0.05f;
// Up to as many rows of b, memory is what a direct pass waits for.
constexpr size_t kFew = 4;
// Below it, 1 − cos in double precision has lost digits that a float would show.
constexpr double kParallel = 1e-6;

// One of the two operands: rows [count, depth], what is subtracted from each of them [depth], and the squared norms of that.
struct Rows {
  const float* data;
  size_t count, depth;
  const float* origin;
  std::vector<double> norms;  // squared
};

// What becomes of a finished tile of dot products.
struct Sink {
  const Rows& a;
  const Rows& b;
  int metric;
  const float* norms_a;  // |a|² (L2), or 1/|a| (cosine; 0 for a zero row), padded to whole tiles
  const float* norms_b;
  float* distances;   // [N,M], or null when only the nearest is wanted
  uint32_t* index;    // [N]
  float* best;        // [N]
};

}  // namespace
}  // namespace sightline

#define SL_FILE "pairwise.cc"
#include "foreach_target.h"

namespace sightline {
namespace {

Rows MakeRows(const float* data, size_t count, size_t depth, const std::vector<float>& origin) {
  Rows rows{data, count, depth, origin.data(), std::vector<double>(count)};
  ParallelFor(count, count * depth * 4, [&](size_t begin, size_t end) {
    for (size_t i = begin; i < end; ++i) rows.norms[i] = SL_DISPATCH(SquaredNorm)(data + i * depth, origin.data(), depth);
  });
  return rows;
}

// The mean row to eight binary digits, so that differences from small whole numbers are exact; zeros where it is not finite.
std::vector<float> MeanOf(const float* data, size_t count, size_t depth) {
  std::vector<double> sums(depth, 0.0);
  for (size_t i = 0; i < count; ++i)
    for (size_t k = 0; k < depth; ++k) sums[k] += data[i * depth + k];
  std::vector<float> mean(depth);
  for (size_t k = 0; k < depth; ++k) {
    mean[k] = static_cast<float>(sums[k] / count);
    if (!std::isfinite(mean[k])) return std::vector<float>(depth, 0.0f);
    uint32_t bits;
    std::memcpy(&bits, &mean[k], sizeof bits);
    bits &= 0xffff0000u;
    std::memcpy(&mean[k], &bits, sizeof bits);
  }
  return mean;
}

// Squared norms as the tiles read them: floats, or reciprocal lengths for cosine.
std::vector<float> TileNorms(const Rows& rows, int metric) {
  std::vector<float> out(rows.count + 64, 0.0f);
  for (size_t i = 0; i < rows.count; ++i) {
    const double n = rows.norms[i];
    out[i] = static_cast<float>(metric != kCosine ? n : n == 0 ? 0 : 1 / std::sqrt(n));
  }
  return out;
}

void Distances(const Call& call, const char* other, float* distances, uint32_t* index, float* best) {
  const size_t depth = call.Size("D");
  const int metric = static_cast<int>(call.Number("metric"));
  if (call.Size("M") <= kFew) {
    const size_t rows = call.Size("N"), few = call.Size("M");
    const Rows a{call.In<float>("a"), rows, depth, nullptr, {}}, b{call.In<float>(other), few, depth, nullptr, {}};
    const Sink sink{a, b, metric, nullptr, nullptr, distances, index, best};
    ParallelFor(rows, rows * depth * 4 * few, [&](size_t begin, size_t end) { SL_DISPATCH(Direct)(sink, begin, end); });
    return;
  }
  // Angles are seen from zero.
  const std::vector<float> origin =
      metric == kCosine ? std::vector<float>(depth, 0.0f) : MeanOf(call.In<float>(other), call.Size("M"), depth);
  const Rows a = MakeRows(call.In<float>("a"), call.Size("N"), depth, origin);
  const Rows b = MakeRows(call.In<float>(other), call.Size("M"), depth, origin);
  const std::vector<float> norms_a = TileNorms(a, metric), norms_b = TileNorms(b, metric);
  const Sink sink{a, b, metric, norms_a.data(), norms_b.data(), distances, index, best};
  const std::vector<float> packed = SL_DISPATCH(PackCentres)(b);
  // Parts begin at whole groups of rows, so that tiles do not depend on the thread count.
  constexpr size_t kGroup = 84;  // a multiple of every target's tile height
  const size_t groups = (a.count + kGroup - 1) / kGroup;
  ParallelFor(groups, a.count * (depth + b.count) * 4 + a.count * b.count * depth / 8, [&](size_t begin, size_t end) {
    SL_DISPATCH(Block)(sink, packed.data(), begin * kGroup, std::min(end * kGroup, a.count));
  });
}

}  // namespace

void Pairwise(const Call& call) { Distances(call, "b", call.Out<float>("distances"), nullptr, nullptr); }

void Nearest(const Call& call) { Distances(call, "centres", nullptr, call.Out<uint32_t>("index"), call.Out<float>("distance")); }

}  // namespace sightline

#else

namespace sightline {
namespace SL_NS {

#include "lanes.h"


namespace {

double Dot(const float* x, const float* y, size_t depth) {
  const size_t whole = depth / 8 * 8;
  Lanes sum = Splat(0);
  for (size_t k = 0; k < whole; k += 8) sum += Widen(x + k) * Widen(y + k);
  double total = SumOf(sum);
  for (size_t k = whole; k < depth; ++k) total += static_cast<double>(x[k]) * y[k];
  return total;
}

// Σ (scale_x x − scale_y y)².
double SquaredDifference(const float* x, double scale_x, const float* y, double scale_y, size_t depth) {
  const size_t whole = depth / 8 * 8;
  const Lanes sx = Splat(scale_x), sy = Splat(scale_y);
  Lanes sum = Splat(0);
  for (size_t k = 0; k < whole; k += 8) {
    const Lanes d = Widen(x + k) * sx - Widen(y + k) * sy;
    sum += d * d;
  }
  double total = SumOf(sum);
  for (size_t k = whole; k < depth; ++k) {
    const double d = x[k] * scale_x - y[k] * scale_y;
    total += d * d;
  }
  return total;
}

// Cosine distance of two rows from their squared norms xx and yy.
float ExactCosine(const float* x, const float* y, size_t depth, double xx, double yy) {
  const double norms = xx * yy;
  if (norms != norms) return std::numeric_limits<float>::quiet_NaN();
  if (norms == 0) return 1.0f;
  // 1 − cos = |x/|x| − y/|y||² / 2 keeps its digits when the rows are nearly parallel. Equal rows give exactly 0.
  const double half = SquaredDifference(x, 1 / std::sqrt(xx), y, 1 / std::sqrt(yy), depth) / 2;
  // In this order min keeps a NaN (a row with an infinity).
  return static_cast<float>(std::min(half, 2.0));
}

// Distance of one pair computed directly.
float Exact(const Rows& a, size_t i, const Rows& b, size_t j, int metric) {
  const float* x = a.data + i * a.depth;
  const float* y = b.data + j * b.depth;
  if (metric == kCosine) return ExactCosine(x, y, a.depth, a.norms[i], b.norms[j]);
  const double squared = SquaredDifference(x, 1, y, 1, a.depth);
  return static_cast<float>(metric == kSquared ? squared : std::sqrt(squared));
}

}  // namespace

double SquaredNorm(const float* row, const float* origin, size_t depth) {
  return SquaredDifference(row, 1, origin, 1, depth);
}

// Rows [begin, end) of a against a few rows.
void Direct(const Sink& sink, size_t begin, size_t end) {
  const size_t depth = sink.a.depth, few = sink.b.count;
  double norms[kFew] = {};
  if (sink.metric == kCosine)
    for (size_t j = 0; j < few; ++j) norms[j] = Dot(sink.b.data + j * depth, sink.b.data + j * depth, depth);
  for (size_t i = begin; i < end; ++i) {
    const float* x = sink.a.data + i * depth;
    const double norm = sink.metric == kCosine ? Dot(x, x, depth) : 0;
    float best = std::numeric_limits<float>::quiet_NaN();
    uint32_t index = 0;
    for (size_t j = 0; j < few; ++j) {
      const float* y = sink.b.data + j * depth;
      float distance;
      if (sink.metric == kCosine) {
        const double d = 1 - Dot(x, y, depth) / std::sqrt(norm * norms[j]);
        distance = d > kParallel ? static_cast<float>(std::min(d, 2.0)) : ExactCosine(x, y, depth, norm, norms[j]);
      } else {
        distance = Exact(sink.a, i, sink.b, j, sink.metric);
      }
      if (sink.distances != nullptr) sink.distances[i * few + j] = distance;
      // A NaN loses to everything.
      if (distance < best || (best != best && distance == distance)) {
        best = distance;
        index = static_cast<uint32_t>(j);
      }
    }
    if (sink.index == nullptr) continue;
    sink.index[i] = index;
    sink.best[i] = best;
  }
}

namespace {

#if defined(__GNUC__)
typedef float Vec __attribute__((vector_size(SL_VECTOR * 4)));
typedef float LooseVec __attribute__((vector_size(SL_VECTOR * 4), aligned(4)));
SL_INLINE Vec Load(const float* p) { return *reinterpret_cast<const LooseVec*>(p); }
SL_INLINE void Save(float* p, Vec v) { *reinterpret_cast<LooseVec*>(p) = v; }
// Whether a comparison holds in every lane.
typedef int32_t Held __attribute__((vector_size(SL_VECTOR * 4)));
SL_INLINE bool All(Held held) {
  int32_t all = -1;
  for (int i = 0; i < SL_VECTOR; ++i) all &= held[i];
  return all != 0;
}
#else
struct Vec {
  float lane[SL_VECTOR];
};
SL_INLINE Vec Load(const float* p) { Vec v; std::memcpy(&v, p, sizeof v); return v; }
SL_INLINE void Save(float* p, Vec v) { std::memcpy(p, &v, sizeof v); }
SL_INLINE Vec operator*(float s, Vec v) { for (float& x : v.lane) x *= s; return v; }
SL_INLINE Vec operator*(Vec a, Vec b) { for (int i = 0; i < SL_VECTOR; ++i) a.lane[i] *= b.lane[i]; return a; }
SL_INLINE Vec operator+(float s, Vec v) { for (float& x : v.lane) x += s; return v; }
SL_INLINE Vec operator-(float s, Vec v) { for (float& x : v.lane) x = s - x; return v; }
SL_INLINE Vec operator-(Vec a, Vec b) { for (int i = 0; i < SL_VECTOR; ++i) a.lane[i] -= b.lane[i]; return a; }
SL_INLINE Vec& operator+=(Vec& a, Vec b) { for (int i = 0; i < SL_VECTOR; ++i) a.lane[i] += b.lane[i]; return a; }
SL_INLINE bool operator>=(Vec a, float s) { bool all = true; for (float x : a.lane) all &= x >= s; return all; }
SL_INLINE bool operator>(Vec a, float s) { bool all = true; for (float x : a.lane) all &= x > s; return all; }
SL_INLINE bool operator>=(Vec a, Vec b) { bool all = true; for (int i = 0; i < SL_VECTOR; ++i) all &= a.lane[i] >= b.lane[i]; return all; }
SL_INLINE bool All(bool held) { return held; }
#endif

// Register tile: kRows × (2 vectors). AVX-512 has 32 registers, the others 16.
constexpr size_t kRows = SL_VECTOR == 16 ? 14 : 6;
constexpr size_t kColumns = 2 * SL_VECTOR;

// tile[kRows][kColumns] += a panel [depth][kRows] · b panel [depth][kColumns].
#if defined(__GNUC__) && !defined(__clang__)
__attribute__((optimize("fp-contract=fast")))
#endif
void Tile(const float* SL_RESTRICT a, const float* SL_RESTRICT b, size_t depth, float* SL_RESTRICT tile) {
#if defined(__clang__)
#pragma clang fp contract(fast)
#endif
  Vec sum[kRows][2];
  for (size_t r = 0; r < kRows; ++r) {
    sum[r][0] = Load(tile + r * kColumns);
    sum[r][1] = Load(tile + r * kColumns + SL_VECTOR);
  }
  for (size_t k = 0; k < depth; ++k) {
    const Vec b0 = Load(b), b1 = Load(b + SL_VECTOR);
    for (size_t r = 0; r < kRows; ++r) {
      sum[r][0] += a[r] * b0;
      sum[r][1] += a[r] * b1;
    }
    a += kRows;
    b += kColumns;
  }
  for (size_t r = 0; r < kRows; ++r) {
    Save(tile + r * kColumns, sum[r][0]);
    Save(tile + r * kColumns + SL_VECTOR, sum[r][1]);
  }
}

// Distances of one row of a tile from its dot products, squared for L2. True when one is too small to be trusted.
SL_INLINE bool FinishRow(const float* SL_RESTRICT dot, const float* SL_RESTRICT nb, float na, bool cosine,
                         float* SL_RESTRICT line) {
  const Vec b0 = Load(nb), b1 = Load(nb + SL_VECTOR), dot0 = Load(dot), dot1 = Load(dot + SL_VECTOR);
  if (cosine) {
    const Vec d0 = 1.0f - na * (dot0 * b0), d1 = 1.0f - na * (dot1 * b1);
    Save(line, d0);
    Save(line + SL_VECTOR, d1);
    return !All((d0 >= kCancelled) & (d1 >= kCancelled));
  }
  const Vec sum0 = na + b0, sum1 = na + b1;
  const Vec d0 = sum0 - 2.0f * dot0, d1 = sum1 - 2.0f * dot1;
  Save(line, d0);
  Save(line + SL_VECTOR, d1);
  return !All((d0 >= kCancelled * sum0) & (d0 > 0.0f) & (d1 >= kCancelled * sum1) & (d1 > 0.0f));
}

SL_INLINE void Roots(const float* SL_RESTRICT squared, float* SL_RESTRICT out) {
  for (size_t c = 0; c < kColumns; ++c) out[c] = __builtin_sqrtf(squared[c]);
}

// Turns a tile of dot products into distances, and writes them or keeps each row's nearest.
void Finish(const Sink& sink, const float* SL_RESTRICT tile, size_t row, size_t rows, size_t column, size_t columns) {
  const bool cosine = sink.metric == kCosine;
  const float* SL_RESTRICT nb = sink.norms_b + column;
  float line[kColumns];
  for (size_t r = 0; r < rows; ++r) {
    const size_t i = row + r;
    const float na = sink.norms_a[i];
    if (FinishRow(tile + r * kColumns, nb, na, cosine, line)) {
      for (size_t c = 0; c < columns; ++c) {
        const float limit = cosine ? kCancelled : kCancelled * (na + nb[c]);
        if (!(line[c] >= limit) || !(line[c] > 0.0f))
          line[c] = Exact(sink.a, i, sink.b, column + c, cosine ? kCosine : kSquared);
      }
    }
    if (cosine)
      for (size_t c = 0; c < kColumns; ++c) line[c] = line[c] > 2.0f ? 2.0f : line[c];
    if (sink.distances != nullptr) {
      float* SL_RESTRICT out = sink.distances + i * sink.b.count + column;
      const bool root = sink.metric == kL2;
      if (columns == kColumns && root) {
        Roots(line, out);
      } else {
        for (size_t c = 0; c < columns; ++c) out[c] = root ? __builtin_sqrtf(line[c]) : line[c];
      }
    } else {
      for (size_t c = 0; c < columns; ++c) {
        if (line[c] < sink.best[i]) {
          sink.best[i] = line[c];
          sink.index[i] = static_cast<uint32_t>(column + c);
        }
      }
    }
  }
}

}  // namespace

// Centres as panels: [panel][block of depth][depth][kColumns], zero-padded.
std::vector<float> PackCentres(const Rows& b) {
  const size_t panels = (b.count + kColumns - 1) / kColumns;
  std::vector<float> packed(panels * b.depth * kColumns, 0.0f);
  for (size_t p = 0; p < panels; ++p) {
    float* out = packed.data() + p * b.depth * kColumns;
    const size_t columns = std::min(kColumns, b.count - p * kColumns);
    for (size_t c = 0; c < columns; ++c) {
      const float* row = b.data + (p * kColumns + c) * b.depth;
      for (size_t k = 0; k < b.depth; ++k) out[k * kColumns + c] = row[k] - b.origin[k];
    }
  }
  return packed;
}

// Rows [begin, end) of a against all centres.
void Block(const Sink& sink, const float* packed, size_t begin, size_t end) {
  const size_t depth = sink.a.depth;
  const size_t panels = (sink.b.count + kColumns - 1) / kColumns;
  // A group of row panels shares each centre panel while that is in cache.
  constexpr size_t kPanels = SL_VECTOR == 16 ? 6 : 14;
  std::vector<float> rows(kPanels * kRows * depth);
  std::vector<float> tiles(kPanels * kRows * kColumns);
  if (sink.index != nullptr) {
    for (size_t i = begin; i < end; ++i) {
      sink.index[i] = 0;
      sink.best[i] = std::numeric_limits<float>::infinity();
    }
  }
  for (size_t group = begin; group < end; group += kPanels * kRows) {
    const size_t count = std::min(kPanels * kRows, end - group);
    const size_t row_panels = (count + kRows - 1) / kRows;
    std::fill(rows.begin(), rows.end(), 0.0f);
    for (size_t q = 0; q < row_panels; ++q) {
      const float* from = sink.a.data + (group + q * kRows) * depth;
      const size_t filled = std::min(kRows, count - q * kRows);
      float* out = rows.data() + q * kRows * depth;
      for (size_t k = 0; k < depth; ++k, out += kRows)
        for (size_t r = 0; r < filled; ++r) out[r] = from[r * depth + k] - sink.a.origin[k];
    }
    for (size_t p = 0; p < panels; ++p) {
      std::fill(tiles.begin(), tiles.end(), 0.0f);
      for (size_t k = 0; k < depth; k += kDepth) {
        const size_t deep = std::min(kDepth, depth - k);
        for (size_t q = 0; q < row_panels; ++q) {
          Tile(rows.data() + (q * depth + k) * kRows, packed + (p * depth + k) * kColumns, deep, tiles.data() + q * kRows * kColumns);
        }
      }
      for (size_t q = 0; q < row_panels; ++q) {
        Finish(sink, tiles.data() + q * kRows * kColumns, group + q * kRows, std::min(kRows, count - q * kRows), p * kColumns,
               std::min(kColumns, sink.b.count - p * kColumns));
      }
    }
  }
  if (sink.index == nullptr) return;
  for (size_t i = begin; i < end; ++i) {
    // All distances NaN or infinite: nothing was smaller than the start.
    for (size_t j = 0; sink.best[i] == std::numeric_limits<float>::infinity() && j < sink.b.count; ++j) {
      const float distance = Exact(sink.a, i, sink.b, j, sink.metric == kL2 ? kSquared : sink.metric);
      if (distance == distance) {
        sink.best[i] = distance;
        sink.index[i] = static_cast<uint32_t>(j);
        break;
      }
      if (j + 1 == sink.b.count) sink.best[i] = distance;
    }
    if (sink.metric == kL2) sink.best[i] = std::sqrt(sink.best[i]);
  }
}

}  // namespace SL_NS
}  // namespace sightline

#endif
