// Sums of values and their normalisation. Included inside a target's namespace (simd.h) behind lanes.h; no include guard:
// every target has its own.

// Adds to the lanes x - about and its square.
void SumAbout(const float* x, size_t count, float about, double* lanes) {
  const Lanes shift = Splat(about);
  Lanes sum = LoadLanes(lanes), squares = LoadLanes(lanes + 8), sum2 = Splat(0), squares2 = Splat(0);
  size_t i = 0;
  for (; i + 16 <= count; i += 16) {
    SL_PREFETCH(x + i + 512);
    const Lanes a = Widen(x + i) - shift, b = Widen(x + i + 8) - shift;
    sum += a;
    squares += a * a;
    sum2 += b;
    squares2 += b * b;
  }
  while (i < count) {
    float rest[8];
    for (size_t k = 0; k < 8; ++k) rest[k] = i + k < count ? x[i + k] : about;
    const Lanes a = Widen(rest) - shift;
    sum += a;
    squares += a * a;
    i += 8;
  }
  SaveLanes(sum + sum2, lanes);
  SaveLanes(squares + squares2, lanes + 8);
}

template <bool kRelu>
void Normalise(const float* x, float* y, size_t count, const Affine& affine) {
  const Affine a = affine;
  SL_EACH_APART
  for (size_t i = 0; i < count; ++i) {
    const float v = (x[i] - a.mean) * a.factor + a.bias;
    y[i] = kRelu ? (v < 0 ? 0.0f : v) : v;
  }
}
