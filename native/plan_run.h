// A compiled graph: steps in order over one arena. Made once from plain data, run many times; every shape is known.
#pragma once

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <stdexcept>
#include <string>
#include <utility>
#include <vector>

#include "plan.h"

namespace sightline {

// Where a value of a plan lies.
enum class Place : uint8_t {
  kInput,     // `at`: index of the run's input array
  kOutput,    // `at`: index of the run's output array
  kConstant,  // `at`: bytes from the beginning of the constants
  kArena,     // `at`: bytes from the beginning of the arena
};

struct PlacedValue {
  std::vector<int64_t> dims;
  ElementKind kind = ElementKind::kFloat;
  Place place = Place::kArena;
  size_t at = 0;
};

// Indices of values; -1 = an optional one that is not given.
struct PlanStep {
  PlanNode node;
  std::string name;
  std::vector<int> inputs;
  std::vector<int> outputs;
};

// Memory that begins at a multiple of 64 bytes, untouched until it is used.
class AlignedBytes {
 public:
  AlignedBytes() = default;
  explicit AlignedBytes(size_t bytes);  // throws std::bad_alloc
  ~AlignedBytes();
  AlignedBytes(AlignedBytes&& other) noexcept : data_(other.data_) { other.data_ = nullptr; }
  AlignedBytes& operator=(AlignedBytes&& other) noexcept {
    std::swap(data_, other.data_);
    return *this;
  }
  char* data() const { return static_cast<char*>(data_); }

 private:
  void* data_ = nullptr;
};

// Thrown when the arena cannot be had.
struct ArenaRefused : std::runtime_error {
  using std::runtime_error::runtime_error;
};

class Plan {
 public:
  // Throws std::invalid_argument: an op without a kernel, a step that reads a value that is not there.
  Plan(std::vector<PlanStep> steps, std::vector<PlacedValue> values, AlignedBytes constants, size_t arena_bytes);

  // One run, on the calling thread and those of ParallelFor. Arrays in the order of inputs and outputs, already checked.
  // Runs must not overlap. Throws std::exception naming the step.
  void Run(const std::vector<void*>& inputs, const std::vector<void*>& outputs);

  // Returns the arena to the system; the next run takes a new one.
  void Release() { arena_ = AlignedBytes(); }

  const std::vector<PlacedValue>& values() const { return values_; }
  // Nanoseconds of each step, over all runs.
  const std::vector<std::atomic<uint64_t>>& nanoseconds() const { return nanoseconds_; }
  uint64_t runs() const { return runs_.load(std::memory_order_relaxed); }

  // Set by the JavaScript thread from the call to the end of a run.
  bool busy = false;
  // Close was called during a run: the arena goes at its end.
  bool closing = false;

 private:
  std::vector<PlanStep> steps_;
  std::vector<NodeKernel> kernels_;  // one a step
  std::vector<PlacedValue> values_;
  AlignedBytes constants_;
  size_t arena_bytes_;
  AlignedBytes arena_;
  std::vector<std::atomic<uint64_t>> nanoseconds_;
  std::atomic<uint64_t> runs_{0};
};

}  // namespace sightline
