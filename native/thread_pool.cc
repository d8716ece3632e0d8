// The threads behind ParallelFor. They are started when first needed and stay: a plan runs more than a thousand small
// steps, and starting a thread costs more than many of them. After a job they look out for the next one for a moment,
// then sleep.
#include <algorithm>
#include <atomic>
#include <chrono>
#include <condition_variable>
#include <exception>
#include <mutex>
#include <system_error>
#include <thread>
#include <vector>

#include "kernels.h"
#include "thread_pool.h"
#if defined(__x86_64__) || defined(_M_X64) || defined(__i386__)
#include <immintrin.h>
#endif

namespace sightline {
namespace {

// How long a thread looks out for work, or for the end of a job, before it sleeps.
constexpr std::chrono::microseconds kSpin{40};
// Beyond this much memory a thread started for the occasion is worth its price.
constexpr size_t kBytesPerSpawned = 256 * 1024;
// Parts of a job fit the 16 bits that its ticket has for them.
constexpr size_t kMostParts = 0xffff;

thread_local bool inside = false;  // on a thread that runs a part: what it calls runs serially

struct Inside {
  Inside() { inside = true; }
  ~Inside() { inside = false; }
};

void Relax() {
#if defined(__x86_64__) || defined(_M_X64) || defined(__i386__)
  _mm_pause();
#else
  std::this_thread::yield();
#endif
}

template <typename Done>
bool SpinUntil(const Done& done) {
  const auto start = std::chrono::steady_clock::now();
  do {
    for (int i = 0; i < 64; ++i) {
      if (done()) return true;
      Relax();
    }
  } while (std::chrono::steady_clock::now() - start < kSpin);
  return done();
}

// What a body threw: of several failures that of the first part, whichever was quicker.
class Failure {
 public:
  void Take(size_t part) {
    const std::lock_guard<std::mutex> lock(mutex_);
    if (failure_ && part > part_) return;
    part_ = part;
    failure_ = std::current_exception();
  }
  void Rethrow() {
    if (failure_) std::rethrow_exception(failure_);
  }

 private:
  std::mutex mutex_;
  std::exception_ptr failure_;
  size_t part_ = 0;
};

struct Job {
  const std::function<void(size_t, size_t)>* body;
  size_t count;
  size_t parts;
  Failure failure;

  void Run(size_t part) {
    const Inside scope;
    try {
      (*body)(count * part / parts, count * (part + 1) / parts);
    } catch (...) {
      failure.Take(part);
    }
  }
};

// One job at a time. Its ticket holds a serial number, how many parts there are and how many are taken; whoever moves
// the ticket on by one has the part, and the job stays until all that were taken are done. So a thread that wakes up
// late finds nothing to take, and nothing waits for it.
class Pool {
 public:
  // False: another thread's job is running, or no environment is left; the caller has to look after itself.
  bool Run(Job& job) {
    if (busy_.exchange(true, std::memory_order_acquire)) return false;
    if (!Start(job.parts - 1)) {
      busy_.store(false, std::memory_order_release);
      return false;
    }
    job_ = &job;
    done_.store(0, std::memory_order_relaxed);
    serial_ = (serial_ + 1) & 0xffffffff;
    ticket_.store(serial_ << 32 | job.parts << 16, std::memory_order_seq_cst);
    Wake(job.parts - 1);
    while (Step()) {
    }
    const auto finished = [&] { return done_.load(std::memory_order_acquire) == job.parts; };
    if (!SpinUntil(finished)) {
      std::unique_lock<std::mutex> lock(mutex_);
      end_.wait(lock, finished);
    }
    job_ = nullptr;
    busy_.store(false, std::memory_order_release);
    return true;
  }

  void Enter() {
    const std::lock_guard<std::mutex> lock(starting_);
    ++environments_;
  }

  void Leave() {
    const std::lock_guard<std::mutex> lock(starting_);
    if (--environments_ > 0) return;
    {
      const std::lock_guard<std::mutex> sleeping(mutex_);
      stopping_.store(true, std::memory_order_seq_cst);
    }
    work_.notify_all();
    for (std::thread& thread : threads_) thread.join();
    threads_.clear();
    started_.store(0, std::memory_order_relaxed);
    stopping_.store(false, std::memory_order_seq_cst);
  }

 private:
  // At least `count` threads, or as many as the system gives.
  bool Start(size_t count) {
    if (started_.load(std::memory_order_relaxed) >= count) return true;
    // Leave holds this lock while threads end. Where they end after this, the caller runs all parts.
    const std::unique_lock<std::mutex> lock(starting_, std::try_to_lock);
    if (!lock.owns_lock() || environments_ == 0) return false;
    try {
      while (threads_.size() < count) threads_.emplace_back([this] { Loop(); });
    } catch (const std::system_error&) {
      // The parts that no thread takes are the caller's.
    }
    started_.store(threads_.size(), std::memory_order_relaxed);
    return !threads_.empty();
  }

  static bool Open(uint64_t ticket) { return (ticket & 0xffff) < (ticket >> 16 & 0xffff); }

  // Takes one part and runs it; false: there is none.
  bool Step() {
    uint64_t ticket = ticket_.load(std::memory_order_seq_cst);
    while (Open(ticket)) {
      if (!ticket_.compare_exchange_weak(ticket, ticket + 1, std::memory_order_acq_rel, std::memory_order_acquire)) continue;
      Job& job = *job_;
      const size_t parts = job.parts;
      job.Run(ticket & 0xffff);
      // After this the job may be gone.
      if (done_.fetch_add(1, std::memory_order_acq_rel) + 1 == parts) {
        { const std::lock_guard<std::mutex> lock(mutex_); }
        end_.notify_one();
      }
      return true;
    }
    return false;
  }

  void Wake(size_t count) {
    const size_t sleeping = sleeping_.load(std::memory_order_seq_cst);
    if (sleeping == 0) return;
    { const std::lock_guard<std::mutex> lock(mutex_); }
    if (count >= sleeping) return work_.notify_all();
    for (size_t i = 0; i < count; ++i) work_.notify_one();
  }

  void Loop() {
    const auto called = [this] {
      return stopping_.load(std::memory_order_seq_cst) || Open(ticket_.load(std::memory_order_seq_cst));
    };
    for (;;) {
      if (Step()) continue;
      if (stopping_.load(std::memory_order_seq_cst)) return;
      if (SpinUntil(called)) continue;
      std::unique_lock<std::mutex> lock(mutex_);
      sleeping_.fetch_add(1, std::memory_order_seq_cst);
      work_.wait(lock, called);
      sleeping_.fetch_sub(1, std::memory_order_seq_cst);
    }
  }

  std::atomic<bool> busy_{false};
  std::atomic<uint64_t> ticket_{0};
  std::atomic<size_t> done_{0};
  std::atomic<size_t> sleeping_{0};
  std::atomic<size_t> started_{0};
  std::atomic<bool> stopping_{false};
  uint64_t serial_ = 0;  // with job_: written by the thread that is `busy_`
  Job* job_ = nullptr;
  std::mutex mutex_;  // of the two conditions
  std::condition_variable work_;
  std::condition_variable end_;
  std::mutex starting_;  // of the two members below
  size_t environments_ = 0;
  std::vector<std::thread> threads_;
};

// Never destroyed: at the process's exit threads may still sleep on its conditions.
Pool& ThePool() {
  static Pool& pool = *new Pool;
  return pool;
}

void RunSpawned(Job& job) {
  std::vector<std::thread> others;
  others.reserve(job.parts - 1);
  size_t own = 1;
  try {
    for (; own < job.parts; ++own) others.emplace_back([&job, own] { job.Run(own); });
  } catch (const std::system_error&) {
    // No more threads: the rest is done here.
  }
  job.Run(0);
  for (; own < job.parts; ++own) job.Run(own);
  for (std::thread& thread : others) thread.join();
}

}  // namespace

void EnterEnvironment() { ThePool().Enter(); }
void LeaveEnvironment() { ThePool().Leave(); }

void RunParts(size_t count, size_t bytes, size_t threads, const std::function<void(size_t, size_t)>& body) {
  if (count == 0) return;
  if (threads <= 1 || inside) return body(0, count);
  Job job{&body, count, std::min(threads, kMostParts), {}};
  if (!ThePool().Run(job)) {
    job.parts = std::min(job.parts, bytes / kBytesPerSpawned + 1);
    if (job.parts <= 1) return body(0, count);
    RunSpawned(job);
  }
  job.failure.Rethrow();
}

}  // namespace sightline
