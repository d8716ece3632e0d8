#pragma once

// Loops whose output may be one of the inputs, element by element: nothing is carried from one turn to the next.
#if defined(_MSC_VER)
#define SL_SAME_INDEX __pragma(loop(ivdep))
#elif defined(__clang__)
#define SL_SAME_INDEX _Pragma("clang loop vectorize(assume_safety)")
#else
#define SL_SAME_INDEX _Pragma("GCC ivdep")
#endif

namespace sightline {

enum class Unary {
  kNeg, kAbs, kSign, kSqrt, kExp, kLog, kRelu, kLeakyRelu, kSigmoid, kHardSigmoid, kHardSwish, kTanh, kErf, kGelu,
  kGeluTanh, kSoftplus, kElu, kReciprocal, kFloor, kCeil, kClip,
};

// `a` and `b`: the op's numbers (alpha, beta; bounds).
struct UnaryOp {
  Unary op;
  float a = 0;
  float b = 0;
};

enum class Binary { kAdd, kSub, kMul, kDiv, kPow, kMax, kMin };

}  // namespace sightline
