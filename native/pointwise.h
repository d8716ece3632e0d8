// What single elements go through; the ops of nodes_pointwise.cc by name.
#pragma once

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
