// Matrix products of a plan, as ONNX defines them.
#include <algorithm>
#include <stdexcept>

#include "matrix_product.h"
#include "plan.h"

namespace sightline {
namespace {

size_t Size(int64_t value) { return static_cast<size_t>(value); }

// Row-major and dense, or its transpose.
Matrix MatrixOf(const float* data, size_t columns, bool transposed) {
  return transposed ? Matrix{data, 1, columns} : Matrix{data, columns, 1};
}

// numpy.matmul: leading axes are broadcast; a vector is a row on the left, a column on the right.
void MatMul(const PlanNode& node) {
  std::vector<int64_t> a = node.inputs[0].dims, b = node.inputs[1].dims;
  if (a.empty() || b.empty()) throw std::invalid_argument("a factor has no axes");
  if (a.size() == 1) a.insert(a.begin(), 1);
  if (b.size() == 1) b.push_back(1);
  const size_t rows = Size(a[a.size() - 2]), depth = Size(a.back()), columns = Size(b.back());
  if (Size(b[b.size() - 2]) != depth) throw std::invalid_argument("inner sizes differ");
  const size_t axes = std::max(a.size(), b.size()) - 2;
  a.insert(a.begin(), axes + 2 - a.size(), 1);
  b.insert(b.begin(), axes + 2 - b.size(), 1);
  size_t count = 1, a_count = 1, b_count = 1;
  for (size_t i = 0; i < axes; ++i) {
    if (a[i] != b[i] && a[i] != 1 && b[i] != 1) throw std::invalid_argument("leading sizes do not broadcast");
    count *= Size(a[i] == 1 ? b[i] : a[i]);
    a_count *= Size(a[i]);
    b_count *= Size(b[i]);
  }
  if (Size(node.outputs[0].Count()) != count * rows * columns) throw std::invalid_argument("the output has other dims");
  const float *x = node.inputs[0].Floats(), *y = node.inputs[1].Floats();
  float* out = node.outputs[0].Floats();
  if (b_count == 1 && a_count == count) {
    // One matrix on the right: the rows of all on the left are one matrix.
    MultiplyMatrices(MatrixOf(x, depth, false), MatrixOf(y, columns, false), count * rows, depth, columns, 1.0f, out);
    return;
  }
  for (size_t i = 0; i < count; ++i) {
    size_t a_at = 0, b_at = 0, a_step = 1, b_step = 1, rest = i;
    for (size_t axis = axes; axis-- > 0;) {
      const size_t size = Size(a[axis] == 1 ? b[axis] : a[axis]), at = rest % size;
      rest /= size;
      if (a[axis] != 1) a_at += at * a_step;
      if (b[axis] != 1) b_at += at * b_step;
      a_step *= Size(a[axis]);
      b_step *= Size(b[axis]);
    }
    MultiplyMatrices(MatrixOf(x + a_at * rows * depth, depth, false), MatrixOf(y + b_at * depth * columns, columns, false),
                     rows, depth, columns, 1.0f, out + i * rows * columns);
  }
}

// alpha · A' · B' + beta · C.
void Gemm(const PlanNode& node) {
  const auto &a = node.inputs[0].dims, &b = node.inputs[1].dims;
  if (a.size() != 2 || b.size() != 2) throw std::invalid_argument("a factor is not a matrix");
  const bool turn_a = node.Number("transA", 0) != 0, turn_b = node.Number("transB", 0) != 0;
  const size_t rows = Size(a[turn_a]), depth = Size(a[!turn_a]), columns = Size(b[!turn_b]);
  if (Size(b[turn_b]) != depth) throw std::invalid_argument("inner sizes differ");
  float* out = node.outputs[0].Floats();
  MultiplyMatrices(MatrixOf(node.inputs[0].Floats(), Size(a[1]), turn_a), MatrixOf(node.inputs[1].Floats(), Size(b[1]), turn_b),
                   rows, depth, columns, static_cast<float>(node.Number("alpha", 1)), out);
  const float beta = static_cast<float>(node.Number("beta", 1));
  if (!node.Has(2) || beta == 0.0f) return;
  // C is a scalar, a row, a column or a matrix.
  std::vector<int64_t> c = node.inputs[2].dims;
  if (c.size() > 2) throw std::invalid_argument("C has more than two axes");
  c.insert(c.begin(), 2 - c.size(), 1);
  if ((c[0] != 1 && Size(c[0]) != rows) || (c[1] != 1 && Size(c[1]) != columns)) {
    throw std::invalid_argument("C does not broadcast");
  }
  const size_t row_step = c[0] == 1 ? 0 : Size(c[1]), column_step = c[1] == 1 ? 0 : 1;
  for (size_t i = 0; i < rows; ++i)
    for (size_t j = 0; j < columns; ++j)
      out[i * columns + j] += beta * node.inputs[2].Floats()[i * row_step + j * column_step];
}

}  // namespace

const std::vector<NodeEntry> kLinearNodes = {
    {"MatMul", MatMul},
    {"Gemm", Gemm},
};

}  // namespace sightline
