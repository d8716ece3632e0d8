// Spectral radius of a symmetric matrix, without iterations that may fail to converge. Included inside a target's
// namespace. No include guard: every target has its own. Needs <algorithm>, <cmath> and <cstddef>.

// Householder reduction to tridiagonal form (Golub and Van Loan, 8.3.1). a: [n,n], both triangles, destroyed; d: [n]
// its diagonal; e: [n] the one beside it, squared, e[0] unused; v, w: [n] scratch.
inline void Tridiagonalise(double* SL_RESTRICT a, size_t n, double* SL_RESTRICT d, double* SL_RESTRICT e,
                           double* SL_RESTRICT v, double* SL_RESTRICT w) {
  for (size_t k = 0; k + 1 < n; ++k) {
    d[k] = a[k * n + k];
    const double* column = a + k * n;  // symmetric: the row
    double rest = 0;
    for (size_t i = k + 2; i < n; ++i) rest += column[i] * column[i];
    const double first = column[k + 1];
    const double norm2 = rest + first * first;
    e[k + 1] = norm2;
    if (rest == 0) continue;
    // Reflect the column onto the axis k + 1: A ← A − v wᵀ − w vᵀ on what is left.
    for (size_t i = k + 1; i < n; ++i) v[i] = column[i];
    v[k + 1] += first < 0 ? -std::sqrt(norm2) : std::sqrt(norm2);
    const double beta = 2 / (v[k + 1] * v[k + 1] + rest);
    std::fill(w + k + 1, w + n, 0.0);
    for (size_t i = k + 1; i < n; ++i) {
      const double f = beta * v[i];
      const double* row = a + i * n;
      for (size_t j = k + 1; j < n; ++j) w[j] += f * row[j];
    }
    double dot = 0;
    for (size_t i = k + 1; i < n; ++i) dot += v[i] * w[i];
    const double half = beta * dot / 2;
    for (size_t i = k + 1; i < n; ++i) w[i] -= half * v[i];
    for (size_t i = k + 1; i < n; ++i) {
      const double f = v[i], g = w[i];
      double* row = a + i * n;
      for (size_t j = k + 1; j < n; ++j) row[j] -= f * w[j] + g * v[j];
    }
  }
  d[n - 1] = a[(n - 1) * n + n - 1];
  e[0] = 0;
}

// Whether an eigenvalue of the tridiagonal matrix is outside (−t, t): signs of the Sturm sequences at both ends.
inline bool ReachesOut(const double* d, const double* e, size_t n, double t) {
  double below = d[0] - t, above = d[0] + t;
  for (size_t i = 1; below < 0 && above > 0; ++i) {
    if (i == n) return false;
    below = d[i] - t - e[i] / below;
    above = d[i] + t - e[i] / above;
  }
  return true;
}

// Largest |eigenvalue| of a: [n,n] symmetric, n >= 1, destroyed; scratch: [4n]. To about 1e-15 of the matrix's norm.
inline double SpectralRadius(double* a, size_t n, double* scratch) {
  double* d = scratch;
  double* e = d + n;
  Tridiagonalise(a, n, d, e, e + n, e + 2 * n);
  double high = 0;  // Gershgorin's bound
  for (size_t i = 0; i < n; ++i) {
    const double beside = std::sqrt(e[i]) + (i + 1 < n ? std::sqrt(e[i + 1]) : 0);
    high = std::max(high, std::fabs(d[i]) + beside);
  }
  double low = 0;
  for (int step = 0; step < 50 && high > 0; ++step) {
    const double middle = (low + high) / 2;
    (ReachesOut(d, e, n, middle) ? low : high) = middle;
  }
  return (low + high) / 2;
}
