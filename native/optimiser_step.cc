// SGD, Adam and AdamW over all tensors of a model; definition in src/kernels/optimiser_step.ts.
#ifndef SL_NS

#include <algorithm>
#include <cmath>

#include "each_apart.h"
#include "kernels.h"
#include "segments.h"
#include "simd.h"

namespace sightline {
namespace {

// The numbers of one tensor.
struct Step {
  double scale, clip, rate, decay;
  double momentum, fresh;  // of the buffer and of the gradient in the new buffer
  bool nesterov;
  double beta1, beta2, size, root, epsilon;
};

// From and to where; state that a rule lacks is null.
struct Span {
  const float* parameters;
  const float* gradients;
  const float* first;
  const float* second;
  float* new_parameters;
  float* new_first;
  float* new_second;
};

}  // namespace
}  // namespace sightline

#define SL_FILE "optimiser_step.cc"
#include "foreach_target.h"

namespace sightline {
namespace {

// Settings that are the same for all tensors, and what makes a tensor's own numbers of them.
struct Rule {
  int rule;
  double rate, decay, beta1, beta2, epsilon, momentum, dampening, scale, clip;
  bool nesterov;

  Step Of(double rate_factor, double decay_factor, uint32_t count) const {
    Step step{};
    step.scale = scale;
    step.clip = clip;
    step.rate = rate * rate_factor;
    step.decay = decay * decay_factor;
    step.momentum = momentum;
    step.fresh = 1 - dampening;
    step.nesterov = nesterov;
    step.beta1 = beta1;
    step.beta2 = beta2;
    step.size = step.rate / (1 - std::pow(beta1, count));
    step.root = 1 / std::sqrt(1 - std::pow(beta2, count));
    step.epsilon = epsilon;
    return step;
  }

  void Run(const Step& step, bool initial, const Span& span, size_t count) const {
    if (rule == 1) return SL_DISPATCH(Adam<false>)(step, span, count);
    if (rule == 2) return SL_DISPATCH(Adam<true>)(step, span, count);
    if (momentum == 0) return SL_DISPATCH(Sgd)(step, span, count);
    if (initial) return SL_DISPATCH(Momentum<true>)(step, span, count);
    SL_DISPATCH(Momentum<false>)(step, span, count);
  }
};

template <typename T>
T* Shift(T* p, size_t by) {
  return p == nullptr ? p : p + by;
}

void CopyApart(const float* from, float* to, size_t count) {
  if (from != to) std::copy(from, from + count, to);
}

}  // namespace

void OptimiserStep(const Call& call) {
  const Segments segments(call);
  const float* rates = call.In<float>("rates");
  const float* decays = call.In<float>("decays");
  const uint32_t* steps = call.In<uint32_t>("steps");
  for (size_t s = 0; s < segments.count; ++s) {
    if (!(rates[s] >= 0 && decays[s] >= 0 && std::isfinite(rates[s]) && std::isfinite(decays[s])))
      throw std::invalid_argument("tensor " + std::to_string(s) + " needs a rate and a decay from 0");
    if (rates[s] != 0 && steps[s] == 0) throw std::invalid_argument("tensor " + std::to_string(s) + " has no step count");
  }
  const Rule rule{static_cast<int>(call.Number("rule")),
                  call.Number("learningRate"),
                  call.Number("weightDecay"),
                  call.Number("beta1"),
                  call.Number("beta2"),
                  call.Number("epsilon"),
                  call.Number("momentum"),
                  call.Number("dampening"),
                  call.Number("gradientScale"),
                  call.Number("clipValue"),
                  call.Number("nesterov") != 0};
  const size_t firsts = call.Size("F"), seconds = call.Size("V");
  const Span whole{call.In<float>("parameters"),
                   call.In<float>("gradients"),
                   firsts ? call.In<float>("first") : nullptr,
                   seconds ? call.In<float>("second") : nullptr,
                   call.Out<float>("newParameters"),
                   firsts ? call.Out<float>("newFirst") : nullptr,
                   seconds ? call.Out<float>("newSecond") : nullptr};
  ParallelFor(segments.elements, 4 * (3 * segments.elements + 2 * firsts + 2 * seconds), [&](size_t begin, size_t end) {
    for (size_t s = segments.At(begin); begin < end; ++s) {
      const size_t count = std::min(end, segments.End(s)) - begin;
      const Span span{Shift(whole.parameters, begin),     Shift(whole.gradients, begin), Shift(whole.first, begin),
                      Shift(whole.second, begin),         Shift(whole.new_parameters, begin),
                      Shift(whole.new_first, begin),      Shift(whole.new_second, begin)};
      if (rates[s] != 0) {
        rule.Run(rule.Of(rates[s], decays[s], steps[s]), steps[s] == 1, span, count);
      } else {
        CopyApart(span.parameters, span.new_parameters, count);
        if (span.first) CopyApart(span.first, span.new_first, count);
        if (span.second) CopyApart(span.second, span.new_second, count);
      }
      begin += count;
    }
  });
}

}  // namespace sightline

#else

namespace sightline {
namespace SL_NS {

SL_INLINE double Clipped(float gradient, double scale, double clip) {
  const double g = gradient * scale;
  return g > clip ? clip : g < -clip ? -clip : g;
}

void Sgd(const Step& step, const Span& x, size_t count) {
  const Step a = step;
  const Span at = x;
  SL_EACH_APART
  for (size_t i = 0; i < count; ++i) {
    const double p = at.parameters[i], raw = Clipped(at.gradients[i], a.scale, a.clip);
    const double g = a.decay != 0 ? raw + a.decay * p : raw;
    at.new_parameters[i] = static_cast<float>(p - a.rate * g);
  }
}

template <bool kInitial>
void Momentum(const Step& step, const Span& x, size_t count) {
  const Step a = step;
  const Span at = x;
  SL_EACH_APART
  for (size_t i = 0; i < count; ++i) {
    const double p = at.parameters[i], raw = Clipped(at.gradients[i], a.scale, a.clip);
    const double g = a.decay != 0 ? raw + a.decay * p : raw;
    const float b = static_cast<float>(kInitial ? g : a.momentum * at.first[i] + a.fresh * g);
    at.new_first[i] = b;
    at.new_parameters[i] = static_cast<float>(p - a.rate * (a.nesterov ? g + a.momentum * b : b));
  }
}

template <bool kDecoupled>
void Adam(const Step& step, const Span& x, size_t count) {
  const Step a = step;
  const Span at = x;
  // In float32, and so its product, as in PyTorch: the difference would grow with every step.
  const float keep = static_cast<float>(1 - a.rate * a.decay);
  const double rest1 = 1 - a.beta1, rest2 = 1 - a.beta2;
  const float root = static_cast<float>(a.root), epsilon = static_cast<float>(a.epsilon);
  SL_EACH_APART
  for (size_t i = 0; i < count; ++i) {
    const float before = at.parameters[i];
    const double raw = Clipped(at.gradients[i], a.scale, a.clip);
    const double p = kDecoupled ? before * keep : before;
    const double g = !kDecoupled && a.decay != 0 ? raw + a.decay * p : raw;
    const float m = static_cast<float>(at.first[i] + rest1 * (g - at.first[i]));
    const float v = static_cast<float>(a.beta2 * at.second[i] + rest2 * g * g);
    at.new_first[i] = m;
    at.new_second[i] = v;
    // In float32: half the time of the step would go into the float64 root and quotient.
    const float update = m / (std::sqrt(v) * root + epsilon);
    at.new_parameters[i] = static_cast<float>(p - a.size * update);
  }
}

}  // namespace SL_NS
}  // namespace sightline

#endif
