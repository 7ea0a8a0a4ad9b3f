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

static int64_t nanoseconds() {
  using namespace std::chrono;
  return duration_cast<std::chrono::nanoseconds>(
             steady_clock::now().time_since_epoch())
      .count();
}

static void futex(std::atomic<uint32_t> &word, int operation, uint32_t value) {
  static_assert(sizeof(word) == sizeof(uint32_t));
  syscall(SYS_futex, &word, operation | FUTEX_PRIVATE_FLAG, value, nullptr,
          nullptr, 0);
}

/// Looks at the word for a while; its last value. In one order with all other
/// accesses that say who is inside: the caller that closed a piece looks here.
template <typename KeepWaiting>
static uint32_t spin(const std::atomic<uint32_t> &word, int64_t duration,
                     KeepWaiting keepWaiting) {
  uint32_t value = word.load(std::memory_order_seq_cst);
  if (!keepWaiting(value) || duration <= 0)
    return value;
  int64_t end = nanoseconds() + duration;
  do {
    for (int i = 0; i < 16 && keepWaiting(value); ++i) {
      relax();
      value = word.load(std::memory_order_seq_cst);
    }
  } while (keepWaiting(value) && nanoseconds() < end);
  return value;
}

template <typename KeepWaiting>
uint32_t ThreadPool::Sleepers::wait(std::atomic<uint32_t> &word,
                                    int64_t spinNanoseconds,
                                    KeepWaiting keepWaiting) {
  // Who is woken too late for one step spins again, to be there for the next.
  while (true) {
    uint32_t value = spin(word, spinNanoseconds, keepWaiting);
    if (!keepWaiting(value))
      return value;
    // Either this thread sees the change, or the one that made it sees the
    // count, and the word differs from `value` or it wakes us.
    count_.fetch_add(1, std::memory_order_seq_cst);
    value = word.load(std::memory_order_seq_cst);
    if (keepWaiting(value))
      futex(word, FUTEX_WAIT, value);
    count_.fetch_sub(1, std::memory_order_seq_cst);
  }
}

void ThreadPool::Sleepers::wake(std::atomic<uint32_t> &word) {
  if (count_.load(std::memory_order_seq_cst) != 0)
    futex(word, FUTEX_WAKE, INT_MAX);
}

ThreadPool::Turns::Turns() {
  places_[0].ticket = 0;
  for (uint32_t i = 1; i < kPlaces; ++i)
    places_[i].ticket = i - kPlaces;
}

void ThreadPool::Turns::take() {
  uint32_t ticket = tickets_.fetch_add(1, std::memory_order_relaxed);
  Place &place = places_[ticket % kPlaces];
  // Asleep at once: who is at work needs the processors.
  place.sleepers.wait(place.ticket, 0,
                      [&](uint32_t called) { return called != ticket; });
  called_ = ticket;
}

void ThreadPool::Turns::give() {
  uint32_t next = called_ + 1;
  Place &place = places_[next % kPlaces];
  place.ticket.store(next, std::memory_order_seq_cst);
  place.sleepers.wake(place.ticket);
}

namespace {
/// While it lives, threads that are made take no signals: those are for the
/// program's own, but for those that a thread brings upon itself.
class NoSignals {
public:
  NoSignals() {
    sigset_t all;
    sigfillset(&all);
    for (int own : {SIGSEGV, SIGBUS, SIGFPE, SIGILL, SIGTRAP, SIGSYS})
      sigdelset(&all, own);
    pthread_sigmask(SIG_SETMASK, &all, &before_);
  }
  ~NoSignals() { pthread_sigmask(SIG_SETMASK, &before_, nullptr); }
  NoSignals(const NoSignals &) = delete;
  NoSignals &operator=(const NoSignals &) = delete;

private:
  sigset_t before_;
};
} // namespace

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
  pool->shares_.reset(new (std::nothrow) Shares[threads]);
  pool->ended_.reset(new (std::nothrow) std::atomic<uint32_t>[kMaxJobs]);
  if (!pool->shares_ || !pool->ended_)
    return outOfMemory("cannot get memory for " + std::to_string(threads) +
                       " threads");

  pool->workers_.reserve(threads - 1);
  pool->scratch_.reserve(threads - 1);
  NoSignals quiet;
  for (unsigned i = 1; i < threads; ++i) {
    MAMBA_ASSIGN_OR_RETURN(
        Memory scratch,
        Memory::allocate(scratchBytes, "a thread's scratch memory"));
    try {
      pool->workers_.emplace_back(&ThreadPool::workerMain, pool.get(), i,
                                  scratch.data(), scratchBytes);
      pool->scratch_.push_back(std::move(scratch));
    } catch (const std::system_error &error) {
      return ioError("cannot start thread " + std::to_string(i + 1) + " of " +
                     std::to_string(threads) + ": " + error.code().message() +
                     ", ask for fewer threads");
    }
  }
  return pool;
}

ThreadPool::~ThreadPool() {
  stop_.store(true, std::memory_order_relaxed);
  epoch_.fetch_add(1, std::memory_order_seq_cst); // Odd: workers come.
  forWork_.wake(epoch_);
  for (std::thread &worker : workers_)
    worker.join();
}

void ThreadPool::workerMain(unsigned thread, uint8_t *scratch,
                            uint64_t scratchBytes) {
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
      work(thread, scratch);
      seen = epoch;
    }
    leave();
  }
}

void ThreadPool::leave() {
  if (active_.fetch_sub(1, std::memory_order_seq_cst) == 1)
    forLeaving_.wake(active_);
}

std::optional<uint32_t> ThreadPool::Share::takeFirst() {
  uint64_t ends = ends_.fetch_add(1, std::memory_order_relaxed);
  auto first = static_cast<uint32_t>(ends);
  if (first >= ends >> 32)
    return {};
  return first - kBias;
}

std::optional<uint32_t> ThreadPool::Share::takeLast() {
  auto isEmpty = [](uint64_t ends) {
    return static_cast<uint32_t>(ends) >= ends >> 32;
  };
  // Looking costs its owner less than taking.
  if (isEmpty(ends_.load(std::memory_order_relaxed)))
    return {};
  uint64_t ends = ends_.fetch_sub(uint64_t(1) << 32, std::memory_order_relaxed);
  if (isEmpty(ends))
    return {};
  return static_cast<uint32_t>(ends >> 32) - 1 - kBias;
}

/// As many tiles as there are left for the thread, and how many those were.
uint32_t ThreadPool::runTiles(unsigned thread, size_t job, void *scratch) {
  MambaKernel kernel = jobs_[job].kernel;
  MambaKernelArgs args = *jobs_[job].args;
  args.scratch = scratch;
  uint32_t ended = 0;
  Share &own = shares_[thread].of[job];
  while (std::optional<uint32_t> tile = own.takeFirst()) {
    kernel(&args, *tile);
    ++ended;
  }
  for (unsigned i = 1, count = threads(); i < count; ++i) {
    Share &other = shares_[(thread + i) % count].of[job];
    while (std::optional<uint32_t> tile = other.takeLast()) {
      kernel(&args, *tile);
      ++ended;
    }
  }
  return ended;
}

void ThreadPool::work(unsigned thread, void *scratch) {
  bool isTimed = !times_.empty();
  int64_t start = isTimed ? nanoseconds() : 0;
  for (size_t j = 0; j < jobs_.size(); ++j) {
    uint32_t tiles = jobs_[j].tiles, ran = runTiles(thread, j, scratch);
    if (isTimed)
      std::atomic_ref<int64_t>(times_[j].worked)
          .fetch_add(nanoseconds() - start, std::memory_order_relaxed);
    if (ran != 0 &&
        ended_[j].fetch_add(ran, std::memory_order_seq_cst) + ran == tiles)
      forTiles_.wake(ended_[j]);
    else
      forTiles_.wait(ended_[j], spinNanoseconds_,
                     [&](uint32_t ended) { return ended != tiles; });
    if (isTimed) {
      int64_t end = nanoseconds();
      if (thread == 0)
        times_[j].elapsed = end - start;
      start = end;
    }
  }
}

static void runAlone(std::span<const ThreadPool::Job> jobs, void *scratch,
                     std::span<ThreadPool::JobTime> times) {
  for (size_t j = 0; j < jobs.size(); ++j) {
    int64_t start = times.empty() ? 0 : nanoseconds();
    MambaKernelArgs args = *jobs[j].args;
    args.scratch = scratch;
    for (uint32_t tile = 0; tile < jobs[j].tiles; ++tile)
      jobs[j].kernel(&args, tile);
    if (!times.empty())
      times[j].elapsed = times[j].worked = nanoseconds() - start;
  }
}

void ThreadPool::run(std::span<const Job> jobs, void *callerScratch,
                     std::span<JobTime> times) {
  FloatMode mode;
  bool hasWork = std::any_of(jobs.begin(), jobs.end(),
                             [](const Job &job) { return job.tiles > 1; });
  if (workers_.empty() || !hasWork)
    return runAlone(jobs, callerScratch, times);
  turns_.take();
  for (size_t first = 0; first < jobs.size(); first += kMaxJobs) {
    size_t count = std::min(kMaxJobs, jobs.size() - first);
    runShared(jobs.subspan(first, count), callerScratch,
              times.empty() ? times : times.subspan(first, count));
  }
  turns_.give();
}

void ThreadPool::runShared(std::span<const Job> jobs, void *callerScratch,
                           std::span<JobTime> times) {
  jobs_ = jobs;
  times_ = times;
  uint64_t count = threads();
  for (uint64_t thread = 0; thread < count; ++thread)
    for (size_t j = 0; j < jobs.size(); ++j)
      shares_[thread].of[j].assign(jobs[j].tiles * thread / count,
                                   jobs[j].tiles * (thread + 1) / count);
  for (size_t j = 0; j < jobs.size(); ++j)
    ended_[j].store(0, std::memory_order_relaxed);
  epoch_.fetch_add(1, std::memory_order_seq_cst);
  forWork_.wake(epoch_);
  work(0, callerScratch);
  epoch_.fetch_add(1, std::memory_order_seq_cst);
  forLeaving_.wait(active_, spinNanoseconds_,
                   [](uint32_t active) { return active != 0; });
}
