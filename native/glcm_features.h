// The features of one co-occurrence matrix from its marginals; definition in src/kernels/glcm_features.ts.
#pragma once

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <vector>

namespace sightline {

constexpr size_t kGlcmFeatures = 24;
constexpr size_t kGlcmMcc = 19;

// Side of a table that up to 15 levels, and 0 for the outside, fit.
constexpr size_t kSmallTable = 16;

// Marginals of the last matrix; px and py are sums of counts, not divided.
struct GlcmScratch {
  std::vector<double> px, py, plus, minus;
};

inline void AddTranspose(double* matrix, size_t n) {
  for (size_t i = 0; i < n; ++i)
    for (size_t j = 0; j <= i; ++j) matrix[i * n + j] = matrix[j * n + i] = matrix[i * n + j] + matrix[j * n + i];
}

inline double EntropyTerm(double p) { return p > 0 ? -p * std::log2(p + 2.220446049250313e-16) : 0; }

// Bits of the distribution counts/total.
inline double EntropyOf(const std::vector<double>& counts, double total) {
  double entropy = 0;
  for (const double c : counts) entropy += EntropyTerm(c / total);
  return entropy;
}

// All features but MCC, in the order of glcmFeatures. matrix: [n,n] counts; values: [n] the level of each row and
// column; highest: Ng. False when there is no pair.
inline bool GlcmFeatures(const double* matrix, const double* values, size_t n, double highest, GlcmScratch& scratch,
                         double* out) {
  auto& [px, py, plus, minus] = scratch;
  const size_t levels = static_cast<size_t>(highest);
  px.assign(n, 0);
  py.assign(n, 0);
  plus.assign(2 * levels + 1, 0);
  minus.assign(levels, 0);
  double total = 0;
  for (size_t i = 0; i < n; ++i) {
    for (size_t j = 0; j < n; ++j) {
      const double c = matrix[i * n + j];
      px[i] += c;
      py[j] += c;
      plus[static_cast<size_t>(values[i] + values[j])] += c;
      minus[static_cast<size_t>(std::fabs(values[i] - values[j]))] += c;
    }
    total += px[i];
  }
  if (total == 0) return false;

  double most = 0, energy = 0, joint = 0;
  for (size_t i = 0; i < n * n; ++i) {
    if (matrix[i] == 0) continue;
    const double p = matrix[i] / total;
    most = std::max(most, p);
    energy += p * p;
    joint += EntropyTerm(p);
  }
  double mean_x = 0, mean_y = 0, variance_x = 0, variance_y = 0;
  size_t occupied_x = 0, occupied_y = 0;
  for (size_t i = 0; i < n; ++i) {
    mean_x += values[i] * px[i] / total;
    mean_y += values[i] * py[i] / total;
    occupied_x += px[i] > 0;
    occupied_y += py[i] > 0;
  }
  for (size_t i = 0; i < n; ++i) {
    variance_x += (values[i] - mean_x) * (values[i] - mean_x) * px[i] / total;
    variance_y += (values[i] - mean_y) * (values[i] - mean_y) * py[i] / total;
  }
  double average = 0, second = 0, sum2 = 0, sum3 = 0, sum4 = 0;
  for (size_t k = 2; k < plus.size(); ++k) {
    const double p = plus[k] / total, value = static_cast<double>(k), d = value - mean_x - mean_y;
    average += value * p;
    second += value * value * p;
    sum2 += d * d * p;
    sum3 += d * d * d * p;
    sum4 += d * d * d * d * p;
  }
  double difference = 0, contrast = 0, inverse = 0, id = 0, idm = 0, idn = 0, idmn = 0;
  for (size_t k = 0; k < minus.size(); ++k) {
    const double p = minus[k] / total, value = static_cast<double>(k), square = value * value;
    difference += value * p;
    contrast += square * p;
    if (k > 0) inverse += p / square;
    id += p / (1 + value);
    idm += p / (1 + square);
    idn += p / (1 + value / highest);
    idmn += p / (1 + square / (highest * highest));
  }
  double difference_variance = 0;
  for (size_t k = 0; k < minus.size(); ++k) {
    const double d = static_cast<double>(k) - difference;
    difference_variance += d * d * minus[k] / total;
  }

  // Σ p log(px py) and Σ px py log(px py) are both the sum of the marginals' entropies: HXY1 = HXY2 = HX + HY.
  const double entropy_x = EntropyOf(px, total), entropy_y = EntropyOf(py, total);
  const double shared = entropy_x + entropy_y - joint;
  const double divisor = std::max(entropy_x, entropy_y);
  // Var(i + j) − Var(i − j) is four times the covariance.
  const double apart = contrast - (mean_x - mean_y) * (mean_x - mean_y);
  const double sigmas = std::sqrt(variance_x * variance_y);
  const bool spread = occupied_x > 1 && occupied_y > 1 && sigmas > 0;
  const double values_out[kGlcmFeatures] = {
      (second - contrast) / 4,
      sum4,
      sum3,
      sum2,
      contrast,
      spread ? (sum2 - apart) / 4 / sigmas : 1,
      difference,
      EntropyOf(minus, total),
      difference_variance,
      id,
      idm,
      idmn,
      idn,
      divisor > 0 ? -shared / divisor : 0,
      shared > 0 ? std::sqrt(-std::expm1(-2 * shared)) : 0,
      inverse,
      mean_x,
      energy,
      joint,
      0,
      most,
      average,
      EntropyOf(plus, total),
      variance_x,
  };
  std::copy(values_out, values_out + kGlcmFeatures, out);
  return true;
}

}  // namespace sightline
