// Working memory of a kernel: one growing buffer a thread and purpose, given back when it was large.
#pragma once

#include <cstddef>
#include <cstdlib>
#include <memory>
#include <new>

namespace sightline {

class Scratch {
 public:
  // Room for `count` floats, aligned to a cache line, of unknown content. Valid until the next call.
  float* Floats(size_t count) {
    if (count > held_) {
      memory_.reset();
      held_ = 0;
      memory_.reset(new float[count + kAlignment]);
      held_ = count;
    }
    const size_t past = reinterpret_cast<size_t>(memory_.get()) / sizeof(float) % kAlignment;
    return memory_.get() + (kAlignment - past) % kAlignment;
  }
  // Called when the work is done: memory that is worth having back is released.
  void Trim() {
    if (held_ <= kKept) return;
    memory_.reset();
    held_ = 0;
  }

 private:
  static constexpr size_t kAlignment = 16;      // floats of a cache line
  static constexpr size_t kKept = 1024 * 1024;  // floats
  std::unique_ptr<float[]> memory_;
  size_t held_ = 0;
};

}  // namespace sightline
