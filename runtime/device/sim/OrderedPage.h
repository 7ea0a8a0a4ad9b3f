// Races between blocks, on a page of global memory, where blocks may be ordered
// through memory: every read since the last write is known with its label.
#pragma once

#include "runtime/device/sim/GridPage.h"

#include <cstdint>
#include <vector>

namespace mamba::sim {

class OrderedPage {
public:
  static constexpr uint32_t bytes = GridPage::bytes;

  OrderedPage() : granules_(bytes / 4) {}
  /// Lanes touch the same bytes of the page.
  void touch(const BlockClocks &clocks, const Toucher &who, uint32_t lanes, uint64_t offset,
             uint32_t bytesOfLane, bool isWrite, AccessTable::Answer &answer);

private:
  struct Access {
    uint64_t block = 0;
    uint32_t thread = 0, label = 0, pc = 0;
    bool isStrong = false, isAny = false;
  };
  struct Granule {
    Access write;
    std::vector<Access> reads;
  };
  /// Says false at a race.
  static bool touchGranule(const BlockClocks &clocks, const Access &mine, bool isWrite,
                           Granule &granule, Party &other);
  void refine(unsigned shift);

  SpinLock lock_;
  unsigned shift_ = 2;
  std::vector<Granule> granules_;
};

} // namespace mamba::sim
