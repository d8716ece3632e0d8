// Counts of pairs of grey levels (glcm.cc). Included inside a target's namespace. No include guard: every target has
// its own.

// Neighbouring pixels often have the same levels, and would wait for each other's store: counts go to several tables in
// turn. Blocks of indices first, in vectors; then the counting, one by one.
constexpr size_t kCountBlock = 2048;

// Pairs at two offsets at once, of up to 15 levels: counts of (pixel, first neighbour, second neighbour), 4 bits each,
// summed over either neighbour. `matrices`: two of [n,n].
template <typename Level>
inline void CountTriples(const Level* image, const Padded& padded, ptrdiff_t step_a, ptrdiff_t step_b, size_t n,
                         std::vector<uint32_t>& tables, double* matrices) {
  constexpr size_t kTable = kSmallTable * kSmallTable * kSmallTable, kTables = 4;
  tables.assign(kTables * kTable, 0);
  uint32_t* SL_RESTRICT table = tables.data();
  uint16_t index[kCountBlock];
  const size_t end = padded.size - padded.first;
  for (size_t start = padded.first; start < end; start += kCountBlock) {
    const size_t count = std::min(kCountBlock, end - start);
    const Level* SL_RESTRICT pixel = image + start;
    const Level* SL_RESTRICT a = pixel + step_a;
    const Level* SL_RESTRICT b = pixel + step_b;
    for (size_t i = 0; i < count; ++i) index[i] = static_cast<uint16_t>((pixel[i] * 16 + a[i]) * 16 + b[i]);
    size_t i = 0;
    for (; i + kTables <= count; i += kTables)
      for (size_t part = 0; part < kTables; ++part) ++table[part * kTable + index[i + part]];
    for (; i < count; ++i) ++table[index[i]];
  }
  std::fill(matrices, matrices + 2 * n * n, 0.0);
  for (size_t i = 1; i <= n; ++i) {
    uint32_t of_b[kSmallTable] = {};
    for (size_t j = 0; j <= n; ++j) {
      uint32_t of_a = 0;
      for (size_t k = 0; k < kSmallTable; ++k) {
        uint32_t sum = 0;
        for (size_t part = 0; part < kTables; ++part) sum += table[part * kTable + (i * 16 + j) * 16 + k];
        of_a += sum;
        of_b[k] += sum;
      }
      if (j > 0) matrices[(i - 1) * n + j - 1] = of_a;
    }
    for (size_t k = 1; k <= n; ++k) matrices[n * n + (i - 1) * n + k - 1] = of_b[k];
  }
}

// Pairs at one offset. `matrix`: [n,n].
template <typename Level>
inline void CountPairs(const Level* image, const Padded& padded, ptrdiff_t step, size_t n,
                       std::vector<uint32_t>& tables, double* matrix) {
  const size_t stride = n + 1;
  const size_t parts = stride <= 40 ? 4 : stride <= 90 ? 2 : 1;
  const size_t size = stride * stride;
  tables.assign(parts * size, 0);
  uint32_t* SL_RESTRICT table = tables.data();
  uint32_t index[kCountBlock];
  const size_t end = padded.size - padded.first;
  const uint32_t width = static_cast<uint32_t>(stride);
  for (size_t start = padded.first; start < end; start += kCountBlock) {
    const size_t count = std::min(kCountBlock, end - start);
    const Level* SL_RESTRICT pixel = image + start;
    const Level* SL_RESTRICT neighbour = pixel + step;
    for (size_t i = 0; i < count; ++i) index[i] = pixel[i] * width + neighbour[i];
    size_t i = 0;
    for (; i + 4 <= count; i += 4)
      for (size_t k = 0; k < 4; ++k) ++table[(k & (parts - 1)) * size + index[i + k]];
    for (; i < count; ++i) ++table[index[i]];
  }
  for (size_t i = 0; i < n; ++i) {
    for (size_t j = 0; j < n; ++j) {
      uint32_t sum = 0;
      for (size_t part = 0; part < parts; ++part) sum += table[part * size + (i + 1) * stride + j + 1];
      matrix[i * n + j] = sum;
    }
  }
}
