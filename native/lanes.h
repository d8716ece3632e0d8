// Eight doubles that are added to in step. Included inside a target's namespace (simd.h): each target has them in its own
// registers, and the order of additions, hence every bit of the result, is the same on all.
// No include guard: every target has its own.

#if defined(__GNUC__)

// As registers of this target: GCC keeps longer vectors in memory, and compares and converts those lane by lane.
constexpr int kPartLanes = SL_VECTOR / 2;
constexpr int kLaneParts = 8 / kPartLanes;
typedef double Part __attribute__((vector_size(8 * kPartLanes)));
struct Lanes {
  Part part[kLaneParts];
  double operator[](int i) const { return part[i / kPartLanes][i % kPartLanes]; }
};
template <typename F>
SL_INLINE Lanes EachPart(F f) {
  Lanes out;
  for (int i = 0; i < kLaneParts; ++i) out.part[i] = f(i);
  return out;
}
SL_INLINE Lanes operator+(Lanes a, Lanes b) { return EachPart([&](int i) { return a.part[i] + b.part[i]; }); }
SL_INLINE Lanes operator-(Lanes a, Lanes b) { return EachPart([&](int i) { return a.part[i] - b.part[i]; }); }
SL_INLINE Lanes operator*(Lanes a, Lanes b) { return EachPart([&](int i) { return a.part[i] * b.part[i]; }); }
SL_INLINE Lanes operator/(Lanes a, Lanes b) { return EachPart([&](int i) { return a.part[i] / b.part[i]; }); }
SL_INLINE Lanes& operator+=(Lanes& a, Lanes b) { return a = a + b; }

// Eight floats, from any address.
SL_INLINE Lanes Widen(const float* p) {
  typedef float Floats __attribute__((vector_size(4 * kPartLanes), aligned(4)));
  return EachPart([&](int i) { return __builtin_convertvector(*reinterpret_cast<const Floats*>(p + kPartLanes * i), Part); });
}

// Eight bytes: 1 where one is not 0.
SL_INLINE Lanes WidenMask(const uint8_t* p) {
  typedef uint8_t Bytes __attribute__((vector_size(kPartLanes), aligned(1)));
  typedef int8_t Signs __attribute__((vector_size(kPartLanes)));
  return EachPart([&](int i) {
    const Signs set = (*reinterpret_cast<const Bytes*>(p + kPartLanes * i) != 0) & 1;
    return __builtin_convertvector(set, Part);
  });
}

SL_INLINE Lanes Splat(double value) {
  return EachPart([=](int) { return Part{} + value; });
}
SL_INLINE Lanes Least(Lanes a, Lanes b) {
  return EachPart([&](int i) { return b.part[i] < a.part[i] ? b.part[i] : a.part[i]; });
}
SL_INLINE Lanes Most(Lanes a, Lanes b) {
  return EachPart([&](int i) { return b.part[i] > a.part[i] ? b.part[i] : a.part[i]; });
}

SL_INLINE void Narrow(Lanes lanes, float* p) {
  typedef float Floats __attribute__((vector_size(4 * kPartLanes)));
  typedef float Loose __attribute__((vector_size(4 * kPartLanes), aligned(4)));
  for (int i = 0; i < kLaneParts; ++i)
    *reinterpret_cast<Loose*>(p + kPartLanes * i) = __builtin_convertvector(lanes.part[i], Floats);
}

SL_INLINE Lanes LoadLanes(const double* p) {
  typedef double Loose __attribute__((vector_size(8 * kPartLanes), aligned(8)));
  return EachPart([&](int i) -> Part { return *reinterpret_cast<const Loose*>(p + kPartLanes * i); });
}

SL_INLINE void SaveLanes(Lanes lanes, double* p) {
  typedef double Loose __attribute__((vector_size(8 * kPartLanes), aligned(8)));
  for (int i = 0; i < kLaneParts; ++i) *reinterpret_cast<Loose*>(p + kPartLanes * i) = lanes.part[i];
}

// `yes` where low <= v <= high, `no` elsewhere (NaN included).
SL_INLINE Lanes Where(Lanes v, Lanes low, Lanes high, Lanes yes, Lanes no) {
  return EachPart([&](int i) {
    return ((v.part[i] >= low.part[i]) & (v.part[i] <= high.part[i])) ? yes.part[i] : no.part[i];
  });
}

// Eight whole numbers, rounded towards zero.
SL_INLINE void SaveTruncated(Lanes lanes, int32_t* p) {
  typedef int32_t Ints __attribute__((vector_size(4 * kPartLanes)));
  typedef int32_t Loose __attribute__((vector_size(4 * kPartLanes), aligned(4)));
  for (int i = 0; i < kLaneParts; ++i)
    *reinterpret_cast<Loose*>(p + kPartLanes * i) = __builtin_convertvector(lanes.part[i], Ints);
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
