#include "runtime/device/cpu/ThreadPool.h"

#include "runtime/device/cpu/FloatMode.h"

#include <algorithm>
#include <chrono>
#include <climits>
#include <csignal>
#include <cstring>
#include <linux/futex.h>
#include <new>
#include <pthread.h>
#include <sys/syscall.h>
#include <system_error>
#include <unistd.h>

using namespace mamba;

/// Longer than the gap between two steps of a decode loop, shorter than what
/// a user notices on a battery.
static constexpr int64_t kSpinNanoseconds = 40'000;

static void relax() {
#if defined(__x86_64__)
  __builtin_ia32_pause();
#elif defined(__aarch64__)
  __asm__ volatile("isb");
#endif
}

static void futex(std::atomic<uint32_t> &word, int operation, uint32_t value) {
  static_assert(sizeof(word) == sizeof(uint32_t));
  syscall(SYS_futex, &word, operation | FUTEX_PRIVATE_FLAG, value, nullptr,
          nullptr, 0);
}

template <typename KeepWaiting>
uint32_t ThreadPool::Sleepers::wait(std::atomic<uint32_t> &word,
                                    int64_t spinNanoseconds,
                                    KeepWaiting keepWaiting) {
  using Clock = std::chrono::steady_clock;
  uint32_t value = word.load(std::memory_order_acquire);
  if (keepWaiting(value) && spinNanoseconds > 0) {
    auto end = Clock::now() + std::chrono::nanoseconds(spinNanoseconds);
    do {
      for (int i = 0; i < 16 && keepWaiting(value); ++i) {
        relax();
        value = word.load(std::memory_order_acquire);
      }
    } while (keepWaiting(value) && Clock::now() < end);
  }
  while (keepWaiting(value)) {
    // Either this thread sees the change, or the one that made it sees the
    // count, and the word differs from `value` or it wakes us.
    count_.fetch_add(1, std::memory_order_seq_cst);
    value = word.load(std::memory_order_seq_cst);
    if (keepWaiting(value))
      futex(word, FUTEX_WAIT, value);
    count_.fetch_sub(1, std::memory_order_seq_cst);
    value = word.load(std::memory_order_acquire);
  }
  return value;
}

void ThreadPool::Sleepers::wake(std::atomic<uint32_t> &word) {
  if (count_.load(std::memory_order_seq_cst) != 0)
    futex(word, FUTEX_WAKE, INT_MAX);
}

Result<std::unique_ptr<ThreadPool>> ThreadPool::create(unsigned threads,
                                                       uint64_t scratchBytes) {
  unsigned processors = availableProcessors();
  if (threads == 0)
    threads = processors;
  MAMBA_RETURN_IF_ERROR(checkThreads(threads));
  std::unique_ptr<ThreadPool> pool(new ThreadPool());
  if (threads == 1)
    return pool;
  // With more threads than processors, who spins keeps others from working.
  pool->spinNanoseconds_ = threads <= processors ? kSpinNanoseconds : 0;
  pool->progress_.reset(new (std::nothrow) Progress[kMaxJobs]);
  if (!pool->progress_)
    return outOfMemory("cannot get memory for " + std::to_string(threads) +
                       " threads");

  // Signals are for the program's own threads.
  sigset_t all, before;
  sigfillset(&all);
  pthread_sigmask(SIG_SETMASK, &all, &before);
  Status status;
  pool->workers_.reserve(threads - 1);
  pool->scratch_.reserve(threads - 1);
  for (unsigned i = 1; i < threads && status.ok(); ++i) {
    Result<Memory> scratch =
        Memory::allocate(scratchBytes, "a thread's scratch memory");
    if (!scratch.ok()) {
      status = scratch.status();
      break;
    }
    try {
      pool->workers_.emplace_back(&ThreadPool::workerMain, pool.get(),
                                  scratch->data(), scratchBytes);
      pool->scratch_.push_back(*std::move(scratch));
    } catch (const std::system_error &error) {
      status = ioError("cannot start thread " + std::to_string(i + 1) + " of " +
                       std::to_string(threads) + ": " + error.code().message() +
                       ", ask for fewer threads");
    }
  }
  pthread_sigmask(SIG_SETMASK, &before, nullptr);
  if (!status.ok())
    return status;
  return pool;
}

ThreadPool::~ThreadPool() {
  stop_.store(true, std::memory_order_relaxed);
  epoch_.fetch_add(1, std::memory_order_seq_cst); // Odd: workers come.
  forWork_.wake(epoch_);
  for (std::thread &worker : workers_)
    worker.join();
}

void ThreadPool::workerMain(uint8_t *scratch, uint64_t scratchBytes) {
  // Its pages come to lie near the processor that touches them first.
  if (scratchBytes != 0)
    std::memset(scratch, 0, scratchBytes);
  pthread_setname_np(pthread_self(), "mamba-worker");
  FloatMode mode;
  uint32_t seen = 0;
  for (;;) {
    uint32_t epoch =
        forWork_.wait(epoch_, spinNanoseconds_, [&](uint32_t value) {
          return value % 2 == 0 || value == seen;
        });
    if (stop_.load(std::memory_order_relaxed))
      return;
    // Either this thread sees that the piece is closed, or the caller, after
    // closing it, sees this thread.
    active_.fetch_add(1, std::memory_order_seq_cst);
    if (epoch_.load(std::memory_order_seq_cst) == epoch) {
      work(scratch);
      seen = epoch;
    }
    leave();
  }
}

void ThreadPool::leave() {
  if (active_.fetch_sub(1, std::memory_order_seq_cst) == 1)
    forLeaving_.wake(active_);
}

void ThreadPool::work(void *scratch) {
  for (size_t j = 0; j < jobs_.size(); ++j) {
    const Job &job = jobs_[j];
    Progress &progress = progress_[j];
    MambaKernelArgs args = *job.args;
    args.scratch = scratch;
    // `next` passes `tiles` by the number of threads at most, which kMaxTiles
    // leaves room for.
    uint32_t ended = 0;
    for (;;) {
      uint32_t tile = progress.next.fetch_add(1, std::memory_order_relaxed);
      if (tile >= job.tiles)
        break;
      job.kernel(&args, tile);
      ++ended;
    }
    if (ended != 0 &&
        progress.done.fetch_add(ended, std::memory_order_seq_cst) + ended ==
            job.tiles) {
      forTiles_.wake(progress.done);
      continue;
    }
    forTiles_.wait(progress.done, spinNanoseconds_,
                   [&](uint32_t done) { return done != job.tiles; });
  }
}

static void runAlone(std::span<const ThreadPool::Job> jobs, void *scratch) {
  for (const ThreadPool::Job &job : jobs) {
    MambaKernelArgs args = *job.args;
    args.scratch = scratch;
    for (uint32_t tile = 0; tile < job.tiles; ++tile)
      job.kernel(&args, tile);
  }
}

void ThreadPool::run(std::span<const Job> jobs, void *callerScratch) {
  FloatMode mode;
  bool hasWork = std::any_of(jobs.begin(), jobs.end(),
                             [](const Job &job) { return job.tiles > 1; });
  if (workers_.empty() || !hasWork)
    return runAlone(jobs, callerScratch);
  std::lock_guard<std::mutex> lock(mutex_);
  for (; !jobs.empty(); jobs = jobs.subspan(std::min(kMaxJobs, jobs.size())))
    runShared(jobs.first(std::min(kMaxJobs, jobs.size())), callerScratch);
}

void ThreadPool::runShared(std::span<const Job> jobs, void *callerScratch) {
  jobs_ = jobs;
  for (size_t j = 0; j < jobs.size(); ++j) {
    progress_[j].next.store(0, std::memory_order_relaxed);
    progress_[j].done.store(0, std::memory_order_relaxed);
  }
  epoch_.fetch_add(1, std::memory_order_seq_cst);
  forWork_.wake(epoch_);
  work(callerScratch);
  epoch_.fetch_add(1, std::memory_order_seq_cst);
  forLeaving_.wait(active_, spinNanoseconds_,
                   [](uint32_t active) { return active != 0; });
}
