// Races between blocks, on a page of global memory. A block tells what it
// touched; the threads of its own are the business of AccessTable.
#pragma once

#include "runtime/device/sim/Races.h"

#include <atomic>
#include <cstdint>
#include <thread>
#include <vector>

namespace mamba::sim {

/// A lock that is held for nanoseconds, unless its holder lost the processor.
class SpinLock {
public:
  void lock() {
    for (unsigned tries = 1; flag_.test_and_set(std::memory_order_acquire); ++tries)
      if (tries % 64 == 0)
        std::this_thread::yield();
  }
  void unlock() { flag_.clear(std::memory_order_release); }

private:
  std::atomic_flag flag_;
};

/// While nothing orders blocks it is enough to know of each granule one block
/// that wrote and two that read, those with weak reads first. Blocks have stamps
/// that no other launch used, so that nothing has to be cleared between launches.
class GridPage {
public:
  static constexpr uint32_t bytes = 4096;
  /// Stamps of this launch: base to base + count - 1; others are dead.
  struct Stamps {
    uint32_t base = 0, count = 0;
  };

  GridPage() : records_(stride_ * arrayCount) {}
  /// Lanes of the clocks' block touch consecutive bytes of the page.
  void touch(const BlockClocks &clocks, const Toucher &who, Stamps stamps, const LaneRun &run,
             bool isWrite, AccessTable::Answer &answer);
  /// Whether some access of this launch was strong.
  bool hasStrong(Stamps stamps) const {
    return strongLaunch_.load(std::memory_order_relaxed) == stamps.base;
  }
  void forget();

private:
  // Stamps, and who: strong, a flag, thread, pc. The flag of the writer: other blocks
  // wrote before it; of a reader: it is such a block, kept for the message.
  enum Array { Writer, WriterWho, Reader, ReaderWho, Reader2, Reader2Who, arrayCount };
  uint32_t *array(Array which) { return records_.data() + which * stride_; }
  bool touchGranule(uint64_t index, uint32_t stamp, uint32_t who, Stamps stamps, bool isWrite,
                    Party &other);
  void refine(unsigned shift);

  SpinLock lock_;
  std::atomic<uint32_t> strongLaunch_{0}; // base of its stamps
  unsigned shift_ = 2; // of a granule: as fine as the accesses that came
  uint64_t stride_ = paddedStride(bytes / 4); // from array to array
  std::vector<uint32_t> records_;
};

} // namespace mamba::sim
