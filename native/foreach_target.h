// Includes SL_FILE once per CPU target (see simd.h). SL_VECTOR is the target's vector width in floats.
// No include guard: every kernel file includes this once.

#if SL_X86_TARGETS

#define SL_NS avx512
#define SL_VECTOR 16
#if defined(__clang__)
#pragma clang attribute push(__attribute__((target("avx512f,avx512bw,avx512dq,avx512vl,avx2,fma"))), apply_to = function)
#else
#pragma GCC push_options
#pragma GCC target("avx512f,avx512bw,avx512dq,avx512vl,avx2,fma,prefer-vector-width=512")
#endif
#include SL_FILE
#if defined(__clang__)
#pragma clang attribute pop
#else
#pragma GCC pop_options
#endif
#undef SL_NS
#undef SL_VECTOR

#define SL_NS avx2
#define SL_VECTOR 8
#if defined(__clang__)
#pragma clang attribute push(__attribute__((target("avx2,fma"))), apply_to = function)
#else
#pragma GCC push_options
#pragma GCC target("avx2,fma")
#endif
#include SL_FILE
#if defined(__clang__)
#pragma clang attribute pop
#else
#pragma GCC pop_options
#endif
#undef SL_NS
#undef SL_VECTOR

#endif  // SL_X86_TARGETS

#define SL_NS baseline
#define SL_VECTOR 4
#include SL_FILE
#undef SL_NS
#undef SL_VECTOR
