#pragma once

#include <cstddef>

namespace sightline {

// A matrix in memory: element (i, j) is data[i · row + j · column].
struct Matrix {
  const float* data;
  size_t row, column;
};

// out[rows, columns] = alpha · a[rows, depth] · b[depth, columns], row-major and dense. Spreads over threads by itself; the
// result does not depend on how many.
void MultiplyMatrices(const Matrix& a, const Matrix& b, size_t rows, size_t depth, size_t columns, float alpha, float* out);

// out[columns, rows] = the transpose of a[rows, columns], both row-major and dense. Spreads over threads by itself.
void TransposeMatrix(const float* a, size_t rows, size_t columns, float* out);

}  // namespace sightline
