// Before a loop whose arrays are apart or the very same: no element is written before another iteration reads it.
#pragma once

#if defined(__clang__)
// Where a body calls what has no form for vectors, the loop stays as it is: no news.
#pragma clang diagnostic ignored "-Wpass-failed"
#define SL_EACH_APART _Pragma("clang loop vectorize(assume_safety)")
#elif defined(__GNUC__)
#define SL_EACH_APART _Pragma("GCC ivdep")
#else
#define SL_EACH_APART __pragma(loop(ivdep))
#endif
