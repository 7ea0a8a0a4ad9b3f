// The allocations behind GlobalMemory.
#pragma once

#include "runtime/device/sim/BlockRecords.h"
#include "runtime/device/sim/GridPage.h"
#include "runtime/device/sim/Sim.h"
#include "runtime/device/sim/WrittenBits.h"

#include <atomic>
#include <memory>
#include <mutex>
#include <string>
#include <vector>

namespace mamba::sim {

/// What the slot holds, made by whoever comes first.
template <typename T, typename F> T &getOrMake(std::atomic<T *> &slot, F &&make) {
  T *found = slot.load(std::memory_order_acquire);
  if (found)
    return *found;
  std::unique_ptr<T> made = make();
  if (slot.compare_exchange_strong(found, made.get(), std::memory_order_acq_rel))
    return *made.release();
  return *found;
}

struct Allocation {
  uint64_t address = 0, bytes = 0;
  uint8_t *host = nullptr; // borrowed
  std::string name;
  bool isReadOnly = false;
  /// When it was made, the host wrote it, or the last launch that wrote it began.
  std::atomic<uint64_t> changed{0};
  uint32_t index = 0; // in GlobalMemory::Impl::allocations
  /// A bit a byte from bitBase(); empty: all is written.
  WrittenBits written;
  /// Which blocks touched it; from bitBase(), made when touched.
  std::vector<std::atomic<GridPage *>> pages;

  ~Allocation();
  void forgetPages();
  GridPage &page(uint64_t index) {
    return getOrMake(pages[index], [] { return std::make_unique<GridPage>(); });
  }
  bool contains(uint64_t at, uint64_t size) const {
    return at >= address && size <= bytes && at - address <= bytes - size;
  }
  /// Bits and shadows count from here, so that they have the address's alignment.
  uint64_t bitBase() const { return address & ~uint64_t(255); }
};

struct GlobalMemory::Impl {
  /// By address.
  std::vector<std::unique_ptr<Allocation>> allocations;
  uint64_t next = 0; // never used again: a stale address is found
  std::atomic<uint64_t> time{0};

  /// Stamps for the blocks of a launch that no other has.
  GridPage::Stamps takeStamps(uint64_t blocks);
  /// Records for a block to be monitored; given back they need no clearing.
  std::unique_ptr<BlockRecords> takeRecords();
  void giveBack(std::unique_ptr<BlockRecords> records);

  /// The allocation that holds the byte at `address`, or null.
  Allocation *find(uint64_t address) const;
  /// "'y' + 64 of 128 bytes", or how far past the end of what.
  std::string locate(uint64_t address) const;

private:
  std::mutex mutex_; // of what follows
  uint32_t nextStamp_ = 1;
  std::vector<std::unique_ptr<BlockRecords>> idle_;
};

} // namespace mamba::sim
