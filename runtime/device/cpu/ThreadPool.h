// Runs the tiles of kernels on several threads, with a barrier after each
// kernel. Made for many small dispatches in a row: threads of one run() walk
// through its list by themselves and meet at counters, not at the caller.
#pragma once

#include "runtime/device/Memory.h"
#include "runtime/device/Processors.h"
#include "runtime/pack/KernelABI.h"
#include "runtime/support/Status.h"

#include <atomic>
#include <cstdint>
#include <memory>
#include <mutex>
#include <span>
#include <thread>
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

  /// Runs the jobs in order, each after the one before has ended; the caller
  /// takes part with its scratch memory. Any thread may call; with more than
  /// one thread in the pool, callers wait for each other.
  void run(std::span<const Job> jobs, void *callerScratch);

private:
  // Of one job. On one cache line: who ends a tile asks for the next, and who
  // waits for the end asks for none.
  struct alignas(64) Progress {
    std::atomic<uint32_t> next{0}; // The tile to hand out.
    std::atomic<uint32_t> done{0}; // Tiles that have ended.
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

  ThreadPool() = default;
  void workerMain(uint8_t *scratch, uint64_t scratchBytes);
  void runShared(std::span<const Job> jobs, void *callerScratch);
  void work(void *scratch);
  void leave();

  static constexpr size_t kMaxJobs = 256; // More are run in several pieces.

  std::mutex mutex_; // Held by the caller of run().
  std::vector<std::thread> workers_;
  std::vector<Memory> scratch_; // Of workers_.
  int64_t spinNanoseconds_ = 0;
  std::atomic<bool> stop_{false};

  // Written while no worker is inside.
  std::span<const Job> jobs_;
  std::unique_ptr<Progress[]> progress_;

  // Odd while jobs_ may be entered; changes with every piece.
  alignas(64) std::atomic<uint32_t> epoch_{0};
  // Workers inside, those that are about to find it closed too.
  alignas(64) std::atomic<uint32_t> active_{0};
  Sleepers forWork_, forTiles_, forLeaving_;
};

} // namespace mamba
