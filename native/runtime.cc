// Threads and CPU target: process-wide settings, atomics only, so that any worker thread may read them.
#include <algorithm>
#include <atomic>
#include <cstdlib>
#include <cstring>
#include <thread>

#include "kernels.h"
#include "simd.h"
#include "thread_pool.h"

namespace sightline {
namespace {

CpuTarget BestTarget() {
#if SL_X86_TARGETS
  __builtin_cpu_init();
  if (__builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512bw") && __builtin_cpu_supports("avx512dq") &&
      __builtin_cpu_supports("avx512vl")) {
    return CpuTarget::kAvx512;
  }
  if (__builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma")) return CpuTarget::kAvx2;
#endif
  return CpuTarget::kBaseline;
}

bool Parse(const char* name, CpuTarget* target) {
  for (CpuTarget t : {CpuTarget::kBaseline, CpuTarget::kAvx2, CpuTarget::kAvx512}) {
    if (std::strcmp(name, TargetName(t)) == 0) return *target = t, true;
  }
  return false;
}

CpuTarget InitialTarget() {
  CpuTarget best = BestTarget();
  CpuTarget asked;
  const char* name = std::getenv("SIGHTLINE_CPU_TARGET");
  return name != nullptr && Parse(name, &asked) ? std::min(asked, best) : best;
}

int InitialThreads() {
  const char* text = std::getenv("SIGHTLINE_THREADS");
  const int asked = text != nullptr ? std::atoi(text) : 0;
  return asked > 0 ? asked : std::max(1, static_cast<int>(std::thread::hardware_concurrency()));
}

std::atomic<CpuTarget>& Target() {
  static std::atomic<CpuTarget> target{InitialTarget()};
  return target;
}

std::atomic<int>& ThreadCount() {
  static std::atomic<int> count{InitialThreads()};
  return count;
}

thread_local int thread_limit = 0;

}  // namespace

ThreadLimit::ThreadLimit(int count) { thread_limit = count; }
ThreadLimit::~ThreadLimit() { thread_limit = 0; }

CpuTarget ActiveTarget() { return Target().load(std::memory_order_relaxed); }

const char* TargetName(CpuTarget target) {
  return target == CpuTarget::kAvx512 ? "avx512" : target == CpuTarget::kAvx2 ? "avx2" : "baseline";
}

bool SetTarget(const char* name) {
  CpuTarget target;
  if (!Parse(name, &target) || target > BestTarget()) return false;
  Target().store(target, std::memory_order_relaxed);
  return true;
}

int Threads() { return ThreadCount().load(std::memory_order_relaxed); }
void SetThreads(int count) { ThreadCount().store(std::max(1, count), std::memory_order_relaxed); }

void ParallelFor(size_t count, size_t bytes, const std::function<void(size_t, size_t)>& body) {
  // Handing a part to a thread that looks out for it, and its memory to another core, costs about as much as reading this
  // many bytes.
  constexpr size_t kBytesPerThread = 128 * 1024;
  const int most = thread_limit > 0 ? std::min(thread_limit, Threads()) : Threads();
  RunParts(count, bytes, std::min({static_cast<size_t>(most), count, bytes / kBytesPerThread + 1}), body);
}

}  // namespace sightline
