// Elementary functions as plain arithmetic that compilers turn into vectors; within 2 units in the last place where not
// said otherwise. Included inside a target's namespace (simd.h); the same bits on all targets.
// No include guard: every target has its own.

// 2ⁿ for a whole n in [-126, 127].
SL_INLINE float PowerOfTwo(float n) {
  const int32_t bits = (static_cast<int32_t>(n) + 127) << 23;
  float power;
  std::memcpy(&power, &bits, 4);
  return power;
}

// eˣ; infinity above 88.73, subnormal numbers and 0 below -87.34; NaN stays.
SL_INLINE float FastExp(float x) {
  const float low = x < -104.0f ? -104.0f : x;
  const float clamped = low > 89.0f ? 89.0f : low;
  // Adding 1.5·2²³ rounds to a whole number.
  const float n = (clamped * 1.44269504f + 12582912.0f) - 12582912.0f;
  // ln 2 in two parts, the first exact in products with n.
  const float r = (clamped - n * 0.693359375f) + n * 2.12194440e-4f;
  float p = 1.0f / 5040;
  p = p * r + 1.0f / 720;
  p = p * r + 1.0f / 120;
  p = p * r + 1.0f / 24;
  p = p * r + 1.0f / 6;
  p = p * r + 0.5f;
  p = (p * r) * r + r + 1.0f;
  // In two steps: 2ⁿ itself may be no normal number.
  const float half = (n * 0.5f + 12582912.0f) - 12582912.0f;
  return (p * PowerOfTwo(half)) * PowerOfTwo(n - half);
}

SL_INLINE float FastSigmoid(float x) { return 1.0f / (1.0f + FastExp(-x)); }

SL_INLINE float FastTanh(float x) {
  const float size = x < 0 ? -x : x;
  const float e = FastExp(-2.0f * size);
  const float far = (1.0f - e) / (1.0f + e);
  // Near 0 the difference would cancel: the first terms of x·(1 + x²·…), after Moshier's Cephes (tanhf).
  const float z = x * x;
  float p = -5.70498872745e-3f;
  p = p * z + 2.06390887954e-2f;
  p = p * z + -5.37397155531e-2f;
  p = p * z + 1.33314422036e-1f;
  p = p * z + -3.33332819422e-1f;
  const float near = x + x * (z * p);
  return size < 0.625f ? near : x < 0 ? -far : far;
}
