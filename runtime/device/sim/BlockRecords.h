// The race checks' records of what a block touches. They are used by block after
// block and launch after launch: old ones die by their labels.
#pragma once

#include "runtime/device/sim/Races.h"

#include <array>
#include <cstdint>
#include <memory>
#include <unordered_map>
#include <vector>

namespace mamba::sim {

/// Access tables of the pages of global memory that the block touches.
class BlockPages {
public:
  static constexpr uint64_t bytes = 4096;
  AccessTable &at(uint32_t allocation, uint64_t pageOfIt) {
    uint64_t page = (uint64_t(allocation) << 40) + pageOfIt;
    Recent &recent = recent_[(pageOfIt + allocation * 37) % recent_.size()];
    if (recent.page != page)
      recent = {page, &make(page)};
    return *recent.table;
  }
  /// The tables serve the next block, whatever pages it touches.
  void begin();

private:
  static constexpr size_t tablesToKeep = 1024;
  struct Recent {
    uint64_t page = ~uint64_t(0);
    AccessTable *table = nullptr;
  };
  AccessTable &make(uint64_t page);

  std::array<Recent, 128> recent_;
  std::unordered_map<uint64_t, std::unique_ptr<AccessTable>> pages_;
  std::vector<std::unique_ptr<AccessTable>> free_;
};

struct BlockRecords {
  AccessTable shared{0};
  BlockPages pages;
  std::array<LanePattern, 64> patterns; // by instruction
  uint32_t tick = 0; // labels up to this are in use

  void fitShared(uint64_t bytes) {
    if (shared.bytes() < bytes || shared.isRefined())
      shared.reset(bytes);
  }
  bool isWornOut() const { return tick > uint32_t(1) << 31; }
};

} // namespace mamba::sim
