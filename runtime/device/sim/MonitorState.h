// What stands behind the monitors of a launch and of a block.
#pragma once

#include "runtime/device/sim/Allocations.h"
#include "runtime/device/sim/AsyncCopies.h"
#include "runtime/device/sim/BlockRecords.h"
#include "runtime/device/sim/Clocks.h"
#include "runtime/device/sim/Monitor.h"
#include "runtime/device/sim/OrderedPage.h"
#include "runtime/device/sim/Races.h"
#include "runtime/device/sim/WrittenBits.h"

#include <array>
#include <atomic>
#include <memory>
#include <vector>

namespace mamba::sim {

/// What a launch did to 1 MB of an allocation.
struct LaunchChunk {
  static constexpr uint64_t bytes = 1 << 20, sectorBytes = 32;
  WrittenBits read{bytes / sectorBytes}, written{bytes / sectorBytes}; // sectors
  std::array<std::atomic<OrderedPage *>, bytes / OrderedPage::bytes> pages{};

  ~LaunchChunk();
};

struct LaunchMonitor::Impl {
  Impl(GlobalMemory &memory, const Checks &checks, LaunchShape shape);
  ~Impl();
  /// That holds the byte `offset` behind the allocation's bitBase.
  LaunchChunk &chunk(const Allocation &allocation, uint64_t offset);

  GlobalMemory::Impl &memory;
  Checks checks;
  LaunchShape shape;
  GridPage::Stamps stamps;
  ReleasedPlaces released; // by address
  using Chunks = std::vector<std::atomic<LaunchChunk *>>;
  std::vector<std::atomic<Chunks *>> chunks; // by allocation; made when touched
};

/// How the addresses of a warp's lanes lie, found once for all checks.
struct AccessShape {
  enum class Form : uint8_t { Run, Same, Any }; // Run: lane after lane, without a gap
  Form form = Form::Any;
  uint32_t firstLane = 0;
  uint64_t low = 0, high = 0; // lowest address, highest + bytes
  bool isAligned = true;

  explicit AccessShape(const WarpAccess &access);
};

/// The access cut into runs: consecutive lanes at consecutive bytes.
struct LaneRuns {
  LaneRuns(const WarpAccess &access, uint64_t base) : access(access), base(base) {}
  /// False at the end; else `run`, with its offset from base.
  bool next() {
    if (!left)
      return false;
    run.firstLane = static_cast<uint32_t>(__builtin_ctz(left));
    const uint64_t *at = access.addresses + run.firstLane;
    run.offset = *at - base;
    run.bytes = access.bytes;
    run.count = 0;
    do {
      ++run.count;
      left &= left - 1;
    } while (left >> (run.firstLane + run.count - 1) >> 1 & 1 &&
             at[run.count] == at[0] + uint64_t(run.count) * access.bytes);
    return true;
  }

  const WarpAccess &access;
  uint64_t base;
  LaneRun run;
  uint32_t left = access.lanes;
};

struct BlockMonitor::Impl {
  explicit Impl(LaunchMonitor::Impl &launch);
  ~Impl();

  bool failAt(DefectKind kind, MemorySpace space, const WarpAccess &access, uint32_t lane,
              uint64_t address, std::string note = {});
  bool failRace(MemorySpace space, const WarpAccess &access, const AccessTable::Answer &answer,
                uint64_t base);
  std::string locate(MemorySpace space, uint64_t address) const;

  /// Bounds and alignment where `bytes` begin at 0.
  bool isInside(MemorySpace space, const WarpAccess &access, const AccessShape &shape,
                uint64_t bytes);
  bool isAligned(MemorySpace space, const WarpAccess &access, const AccessShape &shape);
  /// All bits of a load are set; sets those of a store. Bit 0 is that of `base`.
  bool checkWritten(MemorySpace space, const WarpAccess &access, const AccessShape &shape,
                    WrittenBits &bits, uint64_t base);

  bool global(const WarpAccess &access, uint8_t **host);
  bool globalIn(Allocation &allocation, const WarpAccess &access, const AccessShape &shape);
  void countSectors(const Allocation &allocation, const WarpAccess &access,
                    const AccessShape &shape);
  bool checkGlobalRaces(Allocation &allocation, const WarpAccess &access,
                        const AccessShape &shape);
  bool checkGlobalRun(Allocation &allocation, const WarpAccess &access, const Toucher &who,
                      LaneRun run);
  bool checkGlobalSame(Allocation &allocation, const WarpAccess &access, const Toucher &who,
                       uint32_t lanes, uint64_t offset, uint32_t bytes);
  /// The launch's records hear of lanes that touch the same bytes.
  void tellGrid(Allocation &allocation, const Toucher &who, uint32_t lanes, uint64_t offset,
                uint32_t bytes, bool isWrite, AccessTable::Answer &answer);
  bool checkSharedRaces(const WarpAccess &access, const AccessShape &shape);
  bool checkPending(const WarpAccess &access, const AccessShape &shape);
  bool checkSources(const WarpAccess &access);
  void arrived(const AsyncCopies::Copy &copy);
  static Toucher toucherOf(const WarpAccess &access);
  void publish(MemorySpace space, const WarpAccess &access);

  LaunchMonitor::Impl &launch;
  std::unique_ptr<BlockRecords> records;
  BlockClocks clocks;
  WrittenBits sharedWritten, localWritten;
  AsyncCopies async;
  ReleasedPlaces released; // by offset in shared memory
  std::array<Allocation *, 64> recent{}; // by instruction
  Defect defect;
};

} // namespace mamba::sim
