// Eight doubles that are added to in step. Included inside a target's namespace (simd.h): the compiler splits them into
// that target's registers, and the order of additions, hence every bit of the result, is the same on all targets.
// No include guard: every target has its own.

#if defined(__GNUC__)

typedef double Lanes __attribute__((vector_size(64)));

// Eight floats, from any address.
SL_INLINE Lanes Widen(const float* p) {
  typedef float Floats __attribute__((vector_size(32), aligned(4)));
  return __builtin_convertvector(*reinterpret_cast<const Floats*>(p), Lanes);
}

// Eight bytes: 1 where one is not 0.
SL_INLINE Lanes WidenMask(const uint8_t* p) {
  typedef uint8_t Bytes __attribute__((vector_size(8), aligned(1)));
  typedef int8_t Signs __attribute__((vector_size(8)));
  const Signs set = (*reinterpret_cast<const Bytes*>(p) != 0) & 1;
  return __builtin_convertvector(set, Lanes);
}

SL_INLINE Lanes Splat(double value) { return Lanes{} + value; }
SL_INLINE Lanes Least(Lanes a, Lanes b) { return b < a ? b : a; }
SL_INLINE Lanes Most(Lanes a, Lanes b) { return b > a ? b : a; }

SL_INLINE void Narrow(Lanes lanes, float* p) {
  typedef float Floats __attribute__((vector_size(32), aligned(4)));
  *reinterpret_cast<Floats*>(p) = __builtin_convertvector(lanes, Floats);
}

SL_INLINE Lanes LoadLanes(const double* p) {
  typedef double Loose __attribute__((vector_size(64), aligned(8)));
  return *reinterpret_cast<const Loose*>(p);
}

SL_INLINE void SaveLanes(Lanes lanes, double* p) {
  typedef double Loose __attribute__((vector_size(64), aligned(8)));
  *reinterpret_cast<Loose*>(p) = lanes;
}

// `yes` where low <= v <= high, `no` elsewhere (NaN included).
SL_INLINE Lanes Where(Lanes v, Lanes low, Lanes high, Lanes yes, Lanes no) { return (v >= low) & (v <= high) ? yes : no; }

// Eight whole numbers, rounded towards zero.
SL_INLINE void SaveTruncated(Lanes lanes, int32_t* p) {
  typedef int32_t Ints __attribute__((vector_size(32)));
  typedef int32_t Loose __attribute__((vector_size(32), aligned(4)));
  *reinterpret_cast<Loose*>(p) = __builtin_convertvector(lanes, Ints);
}

#else

struct Lanes {
  double lane[8];
  double operator[](int i) const { return lane[i]; }
};
template <typename F>
SL_INLINE Lanes EachLane(F f) {
  Lanes out;
  for (int i = 0; i < 8; ++i) out.lane[i] = f(i);
  return out;
}
SL_INLINE Lanes Widen(const float* p) { return EachLane([=](int i) { return static_cast<double>(p[i]); }); }
SL_INLINE Lanes WidenMask(const uint8_t* p) { return EachLane([=](int i) { return p[i] != 0 ? 1.0 : 0.0; }); }
SL_INLINE Lanes Splat(double value) { return EachLane([=](int) { return value; }); }
SL_INLINE Lanes operator+(Lanes a, Lanes b) { return EachLane([&](int i) { return a.lane[i] + b.lane[i]; }); }
SL_INLINE Lanes operator-(Lanes a, Lanes b) { return EachLane([&](int i) { return a.lane[i] - b.lane[i]; }); }
SL_INLINE Lanes operator*(Lanes a, Lanes b) { return EachLane([&](int i) { return a.lane[i] * b.lane[i]; }); }
SL_INLINE Lanes operator/(Lanes a, Lanes b) { return EachLane([&](int i) { return a.lane[i] / b.lane[i]; }); }
SL_INLINE Lanes& operator+=(Lanes& a, Lanes b) { return a = a + b; }
SL_INLINE Lanes Least(Lanes a, Lanes b) { return EachLane([&](int i) { return b.lane[i] < a.lane[i] ? b.lane[i] : a.lane[i]; }); }
SL_INLINE Lanes Most(Lanes a, Lanes b) { return EachLane([&](int i) { return b.lane[i] > a.lane[i] ? b.lane[i] : a.lane[i]; }); }
SL_INLINE void Narrow(Lanes lanes, float* p) { for (int i = 0; i < 8; ++i) p[i] = static_cast<float>(lanes.lane[i]); }
SL_INLINE Lanes LoadLanes(const double* p) { return EachLane([=](int i) { return p[i]; }); }
SL_INLINE void SaveLanes(Lanes lanes, double* p) { for (int i = 0; i < 8; ++i) p[i] = lanes.lane[i]; }
SL_INLINE Lanes Where(Lanes v, Lanes low, Lanes high, Lanes yes, Lanes no) {
  return EachLane([&](int i) { return v.lane[i] >= low.lane[i] && v.lane[i] <= high.lane[i] ? yes.lane[i] : no.lane[i]; });
}
SL_INLINE void SaveTruncated(Lanes lanes, int32_t* p) { for (int i = 0; i < 8; ++i) p[i] = static_cast<int32_t>(lanes.lane[i]); }

#endif

SL_INLINE double SumOf(Lanes v) { return ((v[0] + v[1]) + (v[2] + v[3])) + ((v[4] + v[5]) + (v[6] + v[7])); }

SL_INLINE double LeastOf(Lanes v) {
  double least = v[0];
  for (int i = 1; i < 8; ++i) least = v[i] < least ? v[i] : least;
  return least;
}

SL_INLINE double MostOf(Lanes v) {
  double most = v[0];
  for (int i = 1; i < 8; ++i) most = v[i] > most ? v[i] : most;
  return most;
}
