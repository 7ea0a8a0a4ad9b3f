// Runs the tiles of kernels on several threads, with a barrier after each
// kernel. Made for many small dispatches in a row: threads of one run() walk
// through its list by themselves and meet at counters, not at the caller.
#pragma once

#include "runtime/device/Memory.h"
#include "runtime/device/Processors.h"
#include "runtime/pack/KernelABI.h"
#include "runtime/support/Status.h"

#include <array>
#include <atomic>
#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <thread>
#include <tuple>
#include <vector>

namespace mamba {

class ThreadPool {
public:
  /// One kernel over tiles 0 to tiles - 1. `args->scratch` is ignored.
  struct Job {
    MambaKernel kernel;
    const MambaKernelArgs *args; // Borrowed during run().
    uint32_t tiles;              // At most kMaxTiles.
  };

  /// `threads` counts the caller of run(); 0 is availableProcessors(). Every
  /// thread but the caller gets its own scratch memory of `scratchBytes`.
  static Result<std::unique_ptr<ThreadPool>> create(unsigned threads,
                                                    uint64_t scratchBytes);
  ~ThreadPool();

  unsigned threads() const { return workers_.size() + 1; }

  /// How long a job took, in nanoseconds.
  struct JobTime {
    int64_t elapsed = 0; // as the caller saw it, until all had ended
    int64_t worked = 0;  // of all threads in its tiles
  };

  /// Runs the jobs in order, each after the one before has ended; the caller
  /// takes part with its scratch memory. Any thread may call; with more than
  /// one thread in the pool, callers take turns in the order of their calls.
  /// Looks at no clock unless `times` has a place for each job.
  void run(std::span<const Job> jobs, void *callerScratch,
           std::span<JobTime> times = {});

private:
  // Tiles of one job that are some thread's own: it takes them from the front,
  // and who has run out of its own from the back. So in every step a thread
  // reads the same panels, on lines that others seldom touch.
  class Share {
  public:
    void assign(uint32_t begin, uint32_t end) {
      ends_.store((uint64_t(end) + kBias) << 32 | (begin + kBias),
                  std::memory_order_relaxed);
    }
    std::optional<uint32_t> takeFirst();
    std::optional<uint32_t> takeLast();

  private:
    // Who finds it empty moves an end beyond the other, once.
    static constexpr uint32_t kBias = 2 * kMaxDeviceThreads;
    std::atomic<uint64_t> ends_{0}; // From the lower half to the upper one.
  };
  // Of one thread by job; no line is two threads'.
  struct alignas(64) Shares {
    std::array<Share, 512> of;
  };
  // A word that threads wait for, spinning first, then asleep.
  class Sleepers {
  public:
    /// Returns the first value seen for which keepWaiting is false.
    template <typename KeepWaiting>
    uint32_t wait(std::atomic<uint32_t> &word, int64_t spinNanoseconds,
                  KeepWaiting keepWaiting);
    /// After a seq_cst change of the word.
    void wake(std::atomic<uint32_t> &word);

  private:
    alignas(64) std::atomic<uint32_t> count_{0};
  };
  // Lets callers in one at a time, in the order in which they came.
  class Turns {
  public:
    Turns();
    void take();
    void give();

  private:
    // Tickets are dealt out over the places, so that few are woken for nothing.
    struct Place {
      alignas(64) std::atomic<uint32_t> ticket; // the last that was called here
      Sleepers sleepers;
    };
    static constexpr uint32_t kPlaces = 16;
    std::array<Place, kPlaces> places_;
    alignas(64) std::atomic<uint32_t> tickets_{0};
    uint32_t called_ = 0; // Of the caller whose turn it is.
  };

  ThreadPool() = default;
  void workerMain(unsigned thread, uint8_t *scratch, uint64_t scratchBytes);
  void runShared(std::span<const Job> jobs, void *callerScratch,
                 std::span<JobTime> times);
  void work(unsigned thread, void *scratch);
  uint32_t runTiles(unsigned thread, size_t job, void *scratch);
  void leave();

  // More are run in several pieces.
  static constexpr size_t kMaxJobs = std::tuple_size_v<decltype(Shares::of)>;

  Turns turns_; // Taken by the caller of run().
  std::vector<std::thread> workers_;
  std::vector<Memory> scratch_; // Of workers_.
  int64_t spinNanoseconds_ = 0;
  std::atomic<bool> stop_{false};

  // Written while no worker is inside.
  std::span<const Job> jobs_;
  std::span<JobTime> times_; // Empty or of jobs_.
  std::unique_ptr<Shares[]> shares_;               // by thread
  std::unique_ptr<std::atomic<uint32_t>[]> ended_; // by job, its tiles

  // Odd while jobs_ may be entered; changes with every piece.
  alignas(64) std::atomic<uint32_t> epoch_{0};
  // Workers inside, those that are about to find it closed too.
  alignas(64) std::atomic<uint32_t> active_{0};
  Sleepers forWork_, forTiles_, forLeaving_;
};

} // namespace mamba
