// Products of matrices: panels of columns of b meet all rows of a, a block of depth at a time.
#ifndef SL_NS

#include <algorithm>
#include <array>
#include <cstring>
#include <utility>
#include <vector>

#include "kernels.h"
#include "matrix_product.h"
#include "scratch.h"
#include "simd.h"

namespace sightline {
namespace {

constexpr size_t kDepth = 256;

struct Product {
  Matrix a, b;  // columns of a are 1 apart
  size_t rows, depth, columns;
  float* out;
};

thread_local Scratch panel_scratch, sums_scratch, rows_scratch;

}  // namespace
}  // namespace sightline

#define SL_FILE "matrix_product.cc"
#include "foreach_target.h"

namespace sightline {

void MultiplyMatrices(const Matrix& a, const Matrix& b, size_t rows, size_t depth, size_t columns, float alpha, float* out) {
  if (rows == 0 || columns == 0) return;
  Product product{a, b, rows, depth, columns, out};
  if (a.column != 1 || alpha != 1.0f) {
    float* copy = rows_scratch.Floats(rows * depth);
    for (size_t i = 0; i < rows; ++i)
      for (size_t k = 0; k < depth; ++k) copy[i * depth + k] = alpha * a.data[i * a.row + k * a.column];
    product.a = {copy, depth, 1};
  }
  const size_t wide = SL_DISPATCH(ColumnsAtOnce)(), panels = (columns + wide - 1) / wide;
  const size_t bytes = rows * depth * columns / 4;
  if (panels >= 2 * static_cast<size_t>(Threads())) {
    ParallelFor(panels, bytes, [&](size_t begin, size_t end) {
      SL_DISPATCH(Multiply)(product, 0, rows, begin * wide, std::min(end * wide, columns));
    });
  } else {
    constexpr size_t kRows = 8;
    ParallelFor((rows + kRows - 1) / kRows, bytes, [&](size_t begin, size_t end) {
      SL_DISPATCH(Multiply)(product, begin * kRows, std::min(end * kRows, rows), 0, columns);
    });
  }
  rows_scratch.Trim();
}

void TransposeMatrix(const float* a, size_t rows, size_t columns, float* out) {
  constexpr size_t kColumns = 64;
  ParallelFor((columns + kColumns - 1) / kColumns, rows * columns * 2 * sizeof(float), [&](size_t begin, size_t end) {
    SL_DISPATCH(TransposeColumns)(a, rows, columns, begin * kColumns, std::min(end * kColumns, columns), out);
  });
}

}  // namespace sightline

#else

namespace sightline {
namespace SL_NS {

#include "vectors.h"

namespace {

constexpr int kWide = 3;
constexpr size_t kColumns = kWide * SL_VECTOR;

}  // namespace

void TransposeColumns(const float* a, size_t rows, size_t columns, size_t begin, size_t end, float* out) {
  Transpose(a + begin, columns, rows, end - begin, out + begin * rows, rows);
}

size_t ColumnsAtOnce() { return kColumns; }

void Multiply(const Product& product, size_t first_row, size_t last_row, size_t first_column, size_t last_column) {
  const Matrix &a = product.a, &b = product.b;
  const size_t rows = last_row - first_row;
  float* panel = panel_scratch.Floats(kDepth * kColumns);
  float* sums = sums_scratch.Floats(rows * kColumns);
  for (size_t column = first_column; column < last_column; column += kColumns) {
    const size_t columns = std::min(kColumns, last_column - column);
    if (product.depth == 0) std::fill(sums, sums + rows * kColumns, 0.0f);
    if (columns < kColumns) std::fill(panel, panel + kDepth * kColumns, 0.0f);
    for (size_t k = 0; k < product.depth; k += kDepth) {
      const size_t deep = std::min(kDepth, product.depth - k);
      const float* from = b.data + k * b.row + column * b.column;
      if (b.column == 1) {
        for (size_t i = 0; i < deep; ++i) std::memcpy(panel + i * kColumns, from + i * b.row, columns * sizeof(float));
      } else if (b.row == 1) {
        Transpose(from, b.column, columns, deep, panel, kColumns);
      } else {
        for (size_t i = 0; i < deep; ++i)
          for (size_t j = 0; j < columns; ++j) panel[i * kColumns + j] = from[i * b.row + j * b.column];
      }
      EachTile(rows, kTileRows<kWide>, [&](size_t begin, size_t tall) {
        const Strip strip{a.data + (first_row + begin) * a.row + k, static_cast<ptrdiff_t>(a.row), deep};
        TileOf<kWide>(tall)(strip, panel, sums + begin * kColumns, kColumns, k > 0, nullptr);
      });
    }
    for (size_t r = 0; r < rows; ++r)
      std::memcpy(product.out + (first_row + r) * product.columns + column, sums + r * kColumns, columns * sizeof(float));
  }
  panel_scratch.Trim();
  sums_scratch.Trim();
}

}  // namespace SL_NS
}  // namespace sightline

#endif
