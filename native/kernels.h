// What every kernel file shares: the call it receives, the threads it may use, the CPU target it runs on.
#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <stdexcept>
#include <string>
#include <utility>
#include <vector>

namespace sightline {

// A typed array as JavaScript handed it over. The arrays outlive the call: the worker holds references.
struct Array {
  std::string name;
  void* data = nullptr;
  size_t length = 0;    // in elements
  size_t element = 0;   // bytes per element
};

// One kernel call: arrays and numbers by name, copied out of JavaScript before the work leaves its thread.
struct Call {
  std::vector<Array> inputs;
  std::vector<Array> outputs;
  std::vector<std::pair<std::string, double>> numbers;

  template <typename T>
  const T* In(const char* name) const { return static_cast<const T*>(Find(inputs, name, sizeof(T)).data); }
  template <typename T>
  T* Out(const char* name) const { return static_cast<T*>(Find(outputs, name, sizeof(T)).data); }

  const Array& Input(const char* name) const { return Find(inputs, name, 0); }

  double Number(const char* name) const {
    for (const auto& [key, value] : numbers)
      if (key == name) return value;
    throw std::invalid_argument(std::string("missing number ") + name);
  }
  double NumberOr(const char* name, double otherwise) const {
    for (const auto& [key, value] : numbers)
      if (key == name) return value;
    return otherwise;
  }
  size_t Size(const char* name) const { return static_cast<size_t>(Number(name)); }

 private:
  static const Array& Find(const std::vector<Array>& arrays, const char* name, size_t element) {
    for (const Array& array : arrays) {
      if (array.name != name) continue;
      if (element != 0 && array.element != element) throw std::invalid_argument(std::string("wrong element size of ") + name);
      return array;
    }
    throw std::invalid_argument(std::string("missing array ") + name);
  }
};

// Runs body(begin, end) over [0, count), split into contiguous parts on up to Threads() threads. A part's
// result must not depend on where it begins: that keeps results independent of the thread count.
// `bytes`: memory touched by the whole range; little work stays on the calling thread.
void ParallelFor(size_t count, size_t bytes, const std::function<void(size_t, size_t)>& body);

// Threads of the process; a call on a thread with a limit of its own uses no more than that.
int Threads();
void SetThreads(int count);

// Limits the calls of this thread, for as long as it lives; 0 limits nothing.
class ThreadLimit {
 public:
  explicit ThreadLimit(int count);
  ~ThreadLimit();
  ThreadLimit(const ThreadLimit&) = delete;
  ThreadLimit& operator=(const ThreadLimit&) = delete;
};

// The kernels: one function a file, listed in addon.cc.
void Dice(const Call& call);
void DropoutMask(const Call& call);
void FirstOrder(const Call& call);
void ForestFit(const Call& call);
void ForestPredict(const Call& call);
void Glcm(const Call& call);
void GradCam(const Call& call);
void GradientNorm(const Call& call);
void Histogram(const Call& call);
void Nearest(const Call& call);
void OptimiserStep(const Call& call);
void Pairwise(const Call& call);
void Quantile(const Call& call);
void Resize(const Call& call);
void Shape2d(const Call& call);
void Warp(const Call& call);

}  // namespace sightline
