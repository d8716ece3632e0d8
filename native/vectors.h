// Vectors of floats as wide as the target's registers, and the register tile of every matrix product. Included inside a
// target's namespace (simd.h). Tiles use fused multiply-adds, so results differ between targets in the last digits.
// No include guard: every target has its own.

#if defined(__GNUC__)
typedef float Vec __attribute__((vector_size(SL_VECTOR * 4)));
typedef float LooseVec __attribute__((vector_size(SL_VECTOR * 4), aligned(4)));
SL_INLINE Vec Load(const float* p) { return *reinterpret_cast<const LooseVec*>(p); }
SL_INLINE void Save(float* p, Vec v) { *reinterpret_cast<LooseVec*>(p) = v; }
SL_INLINE Vec Fill(float value) { return Vec{} + value; }
typedef int32_t Bits __attribute__((vector_size(SL_VECTOR * 4)));
// The lanes whose bits are set in the mask; 0 elsewhere, NaN included.
SL_INLINE Vec Kept(Vec v, Vec mask) { return reinterpret_cast<Vec>(reinterpret_cast<Bits>(v) & reinterpret_cast<Bits>(mask)); }
// GCC has clang's name for it only from version 12 on.
#if defined(__clang__)
#define SL_SHUFFLE(a, b, ...) __builtin_shufflevector(a, b, __VA_ARGS__)
#else
#define SL_SHUFFLE(a, b, ...) __builtin_shuffle(a, b, Bits{__VA_ARGS__})
#endif
// The first or the second half of both, lane by lane in turn; the even lanes of both, one after the other.
#if SL_VECTOR == 16
SL_INLINE Vec ZipLow(Vec a, Vec b) { return SL_SHUFFLE(a, b, 0, 16, 1, 17, 2, 18, 3, 19, 4, 20, 5, 21, 6, 22, 7, 23); }
SL_INLINE Vec ZipHigh(Vec a, Vec b) {
  return SL_SHUFFLE(a, b, 8, 24, 9, 25, 10, 26, 11, 27, 12, 28, 13, 29, 14, 30, 15, 31);
}
SL_INLINE Vec EvenOf(Vec a, Vec b) {
  return SL_SHUFFLE(a, b, 0, 2, 4, 6, 8, 10, 12, 14, 16, 18, 20, 22, 24, 26, 28, 30);
}
#elif SL_VECTOR == 8
SL_INLINE Vec ZipLow(Vec a, Vec b) { return SL_SHUFFLE(a, b, 0, 8, 1, 9, 2, 10, 3, 11); }
SL_INLINE Vec ZipHigh(Vec a, Vec b) { return SL_SHUFFLE(a, b, 4, 12, 5, 13, 6, 14, 7, 15); }
SL_INLINE Vec EvenOf(Vec a, Vec b) { return SL_SHUFFLE(a, b, 0, 2, 4, 6, 8, 10, 12, 14); }
#else
SL_INLINE Vec ZipLow(Vec a, Vec b) { return SL_SHUFFLE(a, b, 0, 4, 1, 5); }
SL_INLINE Vec ZipHigh(Vec a, Vec b) { return SL_SHUFFLE(a, b, 2, 6, 3, 7); }
SL_INLINE Vec EvenOf(Vec a, Vec b) { return SL_SHUFFLE(a, b, 0, 2, 4, 6); }
#endif
#undef SL_SHUFFLE
#else
struct Vec {
  float lane[SL_VECTOR];
};
SL_INLINE Vec Load(const float* p) { Vec v; std::memcpy(&v, p, sizeof v); return v; }
SL_INLINE void Save(float* p, Vec v) { std::memcpy(p, &v, sizeof v); }
SL_INLINE Vec Fill(float value) { Vec v; for (float& x : v.lane) x = value; return v; }
SL_INLINE Vec operator*(float s, Vec v) { for (float& x : v.lane) x *= s; return v; }
SL_INLINE Vec operator+(Vec a, Vec b) { for (int i = 0; i < SL_VECTOR; ++i) a.lane[i] += b.lane[i]; return a; }
SL_INLINE Vec operator*(Vec a, Vec b) { for (int i = 0; i < SL_VECTOR; ++i) a.lane[i] *= b.lane[i]; return a; }
SL_INLINE Vec& operator+=(Vec& a, Vec b) { return a = a + b; }
SL_INLINE Vec Kept(Vec v, Vec mask) {
  for (int i = 0; i < SL_VECTOR; ++i) {
    uint32_t bits, kept;
    std::memcpy(&bits, &v.lane[i], 4);
    std::memcpy(&kept, &mask.lane[i], 4);
    bits &= kept;
    std::memcpy(&v.lane[i], &bits, 4);
  }
  return v;
}
SL_INLINE Vec ZipLow(Vec a, Vec b) { Vec v; for (int i = 0; i < SL_VECTOR; ++i) v.lane[i] = (i % 2 ? b : a).lane[i / 2]; return v; }
SL_INLINE Vec ZipHigh(Vec a, Vec b) { Vec v; for (int i = 0; i < SL_VECTOR; ++i) v.lane[i] = (i % 2 ? b : a).lane[SL_VECTOR / 2 + i / 2]; return v; }
SL_INLINE Vec EvenOf(Vec a, Vec b) { Vec v; for (int i = 0; i < SL_VECTOR; ++i) v.lane[i] = (2 * i < SL_VECTOR ? a : b).lane[2 * i % SL_VECTOR]; return v; }
#endif

// What Kept takes: all bits of the first `count` lanes.
SL_INLINE Vec FirstLanes(size_t count) {
  int32_t bits[SL_VECTOR];
  for (size_t i = 0; i < SL_VECTOR; ++i) bits[i] = i < count ? -1 : 0;
  float lanes[SL_VECTOR];
  std::memcpy(lanes, bits, sizeof lanes);
  return Load(lanes);
}

// to[j * to_row + i] = from[i * from_row + j], SL_VECTOR × SL_VECTOR: log2 rounds of perfect shuffles.
SL_INLINE void TransposeSquare(const float* from, size_t from_row, float* to, size_t to_row) {
  Vec v[SL_VECTOR], w[SL_VECTOR];
#if defined(__GNUC__) && !defined(__clang__)
#pragma GCC unroll 16
#endif
  for (size_t i = 0; i < SL_VECTOR; ++i) v[i] = Load(from + i * from_row);
#if defined(__GNUC__) && !defined(__clang__)
#pragma GCC unroll 4
#endif
  for (size_t round = 1; round < SL_VECTOR; round *= 2) {
#if defined(__GNUC__) && !defined(__clang__)
#pragma GCC unroll 8
#endif
    for (size_t i = 0; i < SL_VECTOR / 2; ++i) {
      w[2 * i] = ZipLow(v[i], v[i + SL_VECTOR / 2]);
      w[2 * i + 1] = ZipHigh(v[i], v[i + SL_VECTOR / 2]);
    }
#if defined(__GNUC__) && !defined(__clang__)
#pragma GCC unroll 16
#endif
    for (size_t i = 0; i < SL_VECTOR; ++i) v[i] = w[i];
  }
#if defined(__GNUC__) && !defined(__clang__)
#pragma GCC unroll 16
#endif
  for (size_t i = 0; i < SL_VECTOR; ++i) Save(to + i * to_row, v[i]);
}

// to[j * to_row + i] = from[i * from_row + j] for i < rows, j < columns.
inline void Transpose(const float* from, size_t from_row, size_t rows, size_t columns, float* to, size_t to_row) {
  const size_t whole_rows = rows / SL_VECTOR * SL_VECTOR, whole_columns = columns / SL_VECTOR * SL_VECTOR;
  for (size_t i = 0; i < whole_rows; i += SL_VECTOR)
    for (size_t j = 0; j < whole_columns; j += SL_VECTOR)
      TransposeSquare(from + i * from_row + j, from_row, to + j * to_row + i, to_row);
  for (size_t j = whole_columns; j < columns; ++j)
    for (size_t i = 0; i < whole_rows; ++i) to[j * to_row + i] = from[i * from_row + j];
  for (size_t i = whole_rows; i < rows; ++i)
    for (size_t j = 0; j < columns; ++j) to[j * to_row + i] = from[i * from_row + j];
}

// Asks for memory that is about to be written, or that is to be read later.
SL_INLINE void PrefetchWrite(const float* p, int count) {
#if defined(__GNUC__)
  for (int i = 0; i < count; i += 16) __builtin_prefetch(p + i, 1, 3);
#endif
}
SL_INLINE void PrefetchRead(const float* p, int count) {
#if defined(__GNUC__)
  for (int i = 0; i < count; i += 16) __builtin_prefetch(p + i, 0, 2);
#endif
}

// The factor whose numbers are broadcast: row r, step k is data[r * row + k], where after `length` steps `gap` numbers
// are skipped, and after `runs` such runs `block_gap` more, `blocks` times over.
struct Strip {
  const float* data;
  ptrdiff_t row;
  size_t length, runs = 1, blocks = 1;
  ptrdiff_t gap = 0, block_gap = 0;
};

// c[r * c_row + …] = start + strip · b, for R rows and V vectors; b is [steps][V vectors]. `start`: c itself when
// `added`, else bias[r], or 0 where there is no bias.
template <int R, int V>
#if defined(__GNUC__) && !defined(__clang__)
__attribute__((noinline, optimize("fp-contract=fast")))
#endif
void Tile(const Strip& strip, const float* SL_RESTRICT b, float* SL_RESTRICT c, size_t c_row, bool added,
          const float* bias) {
#if defined(__clang__)
#pragma clang fp contract(fast)
#endif
  // The sums' place is on its way here while they are made.
  for (int r = 0; r < R; ++r) PrefetchWrite(c + r * c_row, V * SL_VECTOR);
  Vec sum[R][V];
  for (int r = 0; r < R; ++r)
    for (int v = 0; v < V; ++v) sum[r][v] = Fill(0.0f);
  // One pointer for three rows: the others are within reach of an address.
  constexpr int kBases = (R + 2) / 3;
  const ptrdiff_t row = strip.row;
  const float* base[kBases];
  for (int i = 0; i < kBases; ++i) base[i] = strip.data + 3 * i * row;
  for (size_t block = 0; block < strip.blocks; ++block) {
    for (size_t run = 0; run < strip.runs; ++run) {
      for (size_t k = 0; k < strip.length; ++k) {
        Vec line[V];
        for (int v = 0; v < V; ++v) line[v] = Load(b + v * SL_VECTOR);
        for (int r = 0; r < R; ++r) {
          const float scale = base[r / 3][(r % 3) * row];
          for (int v = 0; v < V; ++v) sum[r][v] += scale * line[v];
        }
        for (int i = 0; i < kBases; ++i) ++base[i];
        b += V * SL_VECTOR;
      }
      for (int i = 0; i < kBases; ++i) base[i] += strip.gap;
    }
    for (int i = 0; i < kBases; ++i) base[i] += strip.block_gap;
  }
  for (int r = 0; r < R; ++r) {
    float* to = c + r * c_row;
    const Vec shift = Fill(bias != nullptr ? bias[r] : 0.0f);
    for (int v = 0; v < V; ++v) Save(to + v * SL_VECTOR, sum[r][v] + (added ? Load(to + v * SL_VECTOR) : shift));
  }
}

using TileKernel = void (*)(const Strip&, const float*, float*, size_t, bool, const float*);

// Registers that a tile's sums may take.
#if SL_VECTOR == 16 || defined(__aarch64__)
constexpr int kSums = 28;
#else
constexpr int kSums = 12;
#endif

// Rows of the tallest tile of V vectors.
template <int V>
constexpr int kTileRows = kSums / V < 14 ? kSums / V : 14;

template <int V, int... R>
constexpr std::array<TileKernel, sizeof...(R)> TilesOf(std::integer_sequence<int, R...>) {
  return {Tile<R + 1, V>...};
}

// The tile of V vectors and `rows` rows, 1 to kTileRows<V>.
template <int V>
inline TileKernel TileOf(size_t rows) {
  static constexpr auto kTiles = TilesOf<V>(std::make_integer_sequence<int, kTileRows<V>>());
  return kTiles[rows - 1];
}

// Cuts `count` rows into the fewest tiles of at most `most` rows, as even as can be: calls f(begin, rows).
template <typename F>
SL_INLINE void EachTile(size_t count, size_t most, F f) {
  const size_t tiles = (count + most - 1) / most;
  for (size_t t = 0; t < tiles; ++t) {
    const size_t begin = count * t / tiles;
    f(begin, count * (t + 1) / tiles - begin);
  }
}
