// Races between blocks, on a page of global memory, where blocks may be ordered
// through memory: reads since the last write are known with their labels.
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
  /// For how many reads there is room: at most so many a granule, on average.
  uint64_t room() const { return room_; }
  static constexpr uint64_t mostRoom = 18;

private:
  struct Write {
    uint64_t block = 0;
    uint32_t thread = 0, label = 0, pc = 0;
    bool isStrong = false, isAny = false;
  };
  /// Lanes of a warp with one label.
  struct Read {
    uint64_t block;
    uint32_t lanes, label, pc;
    uint16_t warp;
    bool isStrong;

    bool isBefore(const Read &other) const {
      return block != other.block ? block < other.block : warp < other.warp;
    }
  };
  struct Granule {
    Write write;
    std::vector<Read> reads; // by block and warp
  };
  /// These say false at a race.
  bool read(const BlockClocks &clocks, const Toucher &who, uint32_t lanes, Granule &granule,
            AccessTable::Answer &answer);
  bool write(const BlockClocks &clocks, const Toucher &who, uint32_t lane, Granule &granule,
             AccessTable::Answer &answer);
  static bool isWriteOrdered(const BlockClocks &clocks, const Toucher &who, uint32_t lane,
                             const Write &write, AccessTable::Answer &answer);
  void remember(const BlockClocks &clocks, const Read &mine, std::vector<Read> &reads);
  void replace(const Read &mine, std::vector<Read> &reads);
  void refine(unsigned shift);

  SpinLock lock_;
  unsigned shift_ = 2;
  std::vector<Granule> granules_;
  uint64_t room_ = 0, fullReads_ = 0; // fullReads_: that found no room
};

} // namespace mamba::sim
