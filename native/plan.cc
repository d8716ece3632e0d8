#include <chrono>
#include <cstdlib>
#include <new>
#include <stdexcept>
#ifdef _WIN32
#include <malloc.h>
#endif
#ifdef __linux__
#include <sys/mman.h>
#endif

#include "plan_run.h"

namespace sightline {
namespace {

constexpr size_t kAlignment = 64;
// Large memory begins at a page of this size, so that the system can map it in few pieces: the first run touches
// gigabytes, and by pages of 4 KiB that alone takes a second.
constexpr size_t kHugePage = 2 << 20;

void Bind(const std::vector<int>& indices, const std::vector<char*>& pointers, std::vector<PlanValue>* values) {
  for (size_t i = 0; i < indices.size(); ++i)
    if (indices[i] >= 0) (*values)[i].data = pointers[indices[i]];
}

}  // namespace

AlignedBytes::AlignedBytes(size_t bytes) {
  const bool huge = bytes >= 4 * kHugePage;
  const size_t alignment = huge ? kHugePage : kAlignment;
  const size_t whole = (bytes + alignment - 1) / alignment * alignment;
  if (whole < bytes) throw std::bad_alloc();
#ifdef _WIN32
  data_ = _aligned_malloc(whole == 0 ? alignment : whole, alignment);
#else
  data_ = std::aligned_alloc(alignment, whole == 0 ? alignment : whole);
#endif
  if (data_ == nullptr) throw std::bad_alloc();
#ifdef __linux__
  if (huge) madvise(data_, whole, MADV_HUGEPAGE);
#endif
}

AlignedBytes::~AlignedBytes() {
#ifdef _WIN32
  _aligned_free(data_);
#else
  std::free(data_);
#endif
}

Plan::Plan(std::vector<PlanStep> steps, std::vector<PlacedValue> values, AlignedBytes constants, size_t arena_bytes)
    : steps_(std::move(steps)),
      values_(std::move(values)),
      constants_(std::move(constants)),
      arena_bytes_(arena_bytes),
      nanoseconds_(steps_.size()) {
  const auto shaped = [&](const std::vector<int>& indices) {
    std::vector<PlanValue> list(indices.size());
    for (size_t i = 0; i < indices.size(); ++i) {
      if (indices[i] < 0) continue;
      const PlacedValue& value = values_.at(indices[i]);
      list[i].dims = value.dims;
      list[i].kind = value.kind;
    }
    return list;
  };
  for (PlanStep& step : steps_) {
    const NodeKernel kernel = FindNode(step.node.op);
    if (kernel == nullptr) throw std::invalid_argument("no kernel for " + step.node.op + " node '" + step.name + "'");
    kernels_.push_back(kernel);
    step.node.inputs = shaped(step.inputs);
    step.node.outputs = shaped(step.outputs);
  }
}

void Plan::Run(const std::vector<void*>& inputs, const std::vector<void*>& outputs) {
  if (arena_.data() == nullptr) {
    try {
      arena_ = AlignedBytes(arena_bytes_);
    } catch (const std::bad_alloc&) {
      throw ArenaRefused(std::to_string(arena_bytes_));
    }
  }
  // A value without elements may lie nowhere, but to a kernel null means that it is not given.
  static char nothing[kAlignment];
  std::vector<char*> pointers(values_.size());
  for (size_t i = 0; i < values_.size(); ++i) {
    const PlacedValue& value = values_[i];
    switch (value.place) {
      case Place::kInput: pointers[i] = static_cast<char*>(inputs.at(value.at)); break;
      case Place::kOutput: pointers[i] = static_cast<char*>(outputs.at(value.at)); break;
      case Place::kConstant: pointers[i] = constants_.data() + value.at; break;
      case Place::kArena: pointers[i] = arena_.data() + value.at; break;
    }
    if (pointers[i] == nullptr) pointers[i] = nothing;
  }
  auto before = std::chrono::steady_clock::now();
  for (size_t i = 0; i < steps_.size(); ++i) {
    PlanStep& step = steps_[i];
    Bind(step.inputs, pointers, &step.node.inputs);
    Bind(step.outputs, pointers, &step.node.outputs);
    try {
      kernels_[i](step.node);
    } catch (const std::exception& error) {
      throw std::runtime_error(step.node.op + " node '" + step.name + "': " + error.what());
    }
    const auto after = std::chrono::steady_clock::now();
    nanoseconds_[i].fetch_add(std::chrono::duration_cast<std::chrono::nanoseconds>(after - before).count(),
                              std::memory_order_relaxed);
    before = after;
  }
  runs_.fetch_add(1, std::memory_order_relaxed);
}

}  // namespace sightline
