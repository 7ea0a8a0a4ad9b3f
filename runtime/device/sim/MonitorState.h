// What stands behind the monitors of a launch and of a block.
#pragma once

#include "runtime/device/sim/AccessShape.h"
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

/// Bytes of a page that ld.global.nc read, and that were written, in a launch
/// that has both.
struct CoherencePage {
  static constexpr uint64_t bytes = 4096;
  WrittenBits read{bytes}, written{bytes};
};

/// What a launch did to 1 MB of an allocation.
struct LaunchChunk {
  static constexpr uint64_t bytes = 1 << 20, sectorBytes = 32;
  WrittenBits read{bytes / sectorBytes}, written{bytes / sectorBytes}; // sectors
  std::array<std::atomic<OrderedPage *>, bytes / OrderedPage::bytes> pages{};
  std::array<std::atomic<CoherencePage *>, bytes / CoherencePage::bytes> coherence{};

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
  uint64_t began; // GlobalMemory::time()
  ReleasedPlaces released; // by address
  using Chunks = std::vector<std::atomic<LaunchChunk *>>;
  std::vector<std::atomic<Chunks *>> chunks; // by allocation; made when touched
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
  /// Of a launch that overlaps: before griddepcontrol.wait it only reads what is
  /// settled, and by ld.global.nc nothing else ever.
  bool checkOverlap(const Allocation &allocation, const WarpAccess &access);
  void countSectors(const Allocation &allocation, const WarpAccess &access,
                    const AccessShape &shape);
  LaunchChunk &chunkOf(const Allocation &allocation, uint64_t offset) {
    uint64_t number = offset / LaunchChunk::bytes;
    RecentChunk &found = recentChunks[(allocation.index * 7 + number) % recentChunks.size()];
    if (found.allocation != &allocation || found.number != number)
      found = {&allocation, number, &launch.chunk(allocation, offset)};
    return *found.chunk;
  }
  /// Nothing that ld.global.nc reads is written in the same launch.
  bool checkCoherence(const Allocation &allocation, const WarpAccess &access,
                      const AccessShape &shape);
  bool isCoherent(const Allocation &allocation, bool isRead, uint64_t offset, uint64_t bytes);
  bool checkGlobalRaces(Allocation &allocation, const WarpAccess &access,
                        const AccessShape &shape);
  bool checkGlobalRun(Allocation &allocation, const WarpAccess &access, const Toucher &who,
                      LaneRun run);
  bool checkGlobalSame(Allocation &allocation, const WarpAccess &access, const Toucher &who,
                       uint32_t lanes, uint64_t offset, uint32_t bytes);
  /// Where nothing orders blocks it is enough to tell the first touch of a block.
  bool isToTell(const AccessTable::Answer &answer) const {
    return launch.shape.canOrderBlocks ? answer.isFresh : answer.isNew;
  }
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
  struct RecentChunk {
    const Allocation *allocation = nullptr;
    uint64_t number = 0;
    LaunchChunk *chunk = nullptr;
  };
  std::array<RecentChunk, 32> recentChunks;
  Defect defect;
};

} // namespace mamba::sim
