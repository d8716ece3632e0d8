// The one place where code meets an instruction set. A kernel file has two parts: code that runs per target,
// and a plain wrapper that picks the target at run time. The file includes foreach_target.h, which includes it
// again once per target with SL_NS naming the target's namespace:
//
//   #ifndef SL_NS
//   #include "simd.h"
//   #define SL_FILE "dice.cc"
//   #include "foreach_target.h"
//   namespace sightline { void Dice(const Call& call) { ... SL_DISPATCH(DiceOne)(...); } }
//   #else
//   namespace sightline::SL_NS { ... plain loops, or SL_VECTOR-wide vectors ... }
//   #endif
//
// Reductions keep a fixed number of lanes whatever the target, and contraction into FMA is off by default,
// so that every target gives the same bits; only pairwise.cc and the products of vectors.h ask for FMA, for speed.
#pragma once

namespace sightline {

enum class CpuTarget { kBaseline, kAvx2, kAvx512 };

// The target in use: the best one of this CPU, or a lower one that was forced.
CpuTarget ActiveTarget();
const char* TargetName(CpuTarget target);
// False when this CPU or this build lacks the target.
bool SetTarget(const char* name);

}  // namespace sightline

#if (defined(__x86_64__) || defined(__i386__)) && (defined(__GNUC__) || defined(__clang__))
#define SL_X86_TARGETS 1
#define SL_DISPATCH(function)                                                   \
  (ActiveTarget() == CpuTarget::kAvx512 ? avx512::function                      \
   : ActiveTarget() == CpuTarget::kAvx2 ? avx2::function                        \
                                        : baseline::function)
#else
#define SL_X86_TARGETS 0
#define SL_DISPATCH(function) baseline::function
#endif

#if defined(_MSC_VER)
#define SL_INLINE __forceinline
#define SL_RESTRICT __restrict
#else
#define SL_INLINE inline __attribute__((always_inline))
#define SL_RESTRICT __restrict__
#endif
