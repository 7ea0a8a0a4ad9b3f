// The checks on a running kernel's memory: the interpreter tells every access
// and every synchronisation, before it does them.
#pragma once

#include "runtime/device/sim/Counts.h"
#include "runtime/device/sim/Report.h"
#include "runtime/device/sim/Sim.h"

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

namespace mamba::sim {

/// Addresses of global memory begin here; what is below is free for the windows
/// through which generic addresses reach shared and local memory.
inline constexpr uint64_t globalBase = uint64_t(1) << 40;

/// Bytes of shared memory (or of a thread's local memory) and what the kernel calls them.
struct NamedRange {
  std::string name;
  uint64_t offset = 0, bytes = 0;
};

/// What the monitors of a launch need to know of it.
struct LaunchShape {
  uint64_t blocks = 1;
  uint32_t threads = 1;     // of a block
  uint64_t sharedBytes = 0; // static and dynamic
  uint64_t localBytes = 0;  // of a thread
  /// Some instruction of the kernel is a fence or membar, or says acquire,
  /// release or acq_rel: blocks may be ordered. Without any they are not, and
  /// that is cheaper.
  bool canOrderBlocks = false;
  bool hasNonCoherent = false; // some load is an ld.global.nc
  /// What changed later the launches before may still write; Launch::overlapsSince.
  uint64_t settled = ~uint64_t(0);
  std::vector<NamedRange> shared, local;
};

/// How an access orders others. Weak: not at all. Relaxed also stands for
/// volatile; every atom and red is at least Relaxed.
enum class Order : uint8_t { Weak, Relaxed, Acquire, Release, AcquireRelease };
enum class AccessKind : uint8_t { Load, Store, Atomic };

/// The access of one warp-instruction to one space.
struct WarpAccess {
  uint32_t pc = 0;    // goes into the Defect as it is
  uint32_t warp = 0;  // in the block
  uint32_t lanes = 0; // those that access (never 0)
  uint32_t early = 0; // those that have not waited for the launches before
  uint32_t bytes = 4; // of each lane, a vector's all: 1 to 16
  uint32_t align = 4; // that the instruction asks for: a power of 2
  AccessKind kind = AccessKind::Load;
  Order order = Order::Weak;
  bool isNonCoherent = false; // ld.global.nc
  /// By lane; 32 of them. Of shared memory: offsets in the block's. Of local:
  /// offsets in the thread's. Lanes that are off may hold anything.
  const uint64_t *addresses = nullptr;
};

/// What the monitors of one launch share. Thread-safe.
class LaunchMonitor {
public:
  LaunchMonitor(GlobalMemory &memory, const Checks &checks, LaunchShape shape);
  ~LaunchMonitor();
  LaunchMonitor(const LaunchMonitor &) = delete;

  /// After the last block: distinct sectors of global memory, into
  /// uniqueBytesRead and uniqueBytesWritten.
  void addUnique(Counts &counts) const;

  struct Impl;
  Impl &impl() const { return *impl_; }

private:
  std::unique_ptr<Impl> impl_;
};

/// Watches one block at a time; make one for a host thread (or for each block
/// that is resident at once) and use it again and again. Every function that
/// returns bool says false at a defect, and defect() then tells it.
class BlockMonitor {
public:
  explicit BlockMonitor(LaunchMonitor &launch);
  ~BlockMonitor();
  BlockMonitor(const BlockMonitor &) = delete;

  /// A block begins: shared and local memory are unwritten.
  void begin(uint64_t block);

  /// An access to global memory: bounds, alignment, read-only, unwritten, races.
  /// Fills host[lane] for the lanes that are on.
  bool global(const WarpAccess &access, uint8_t **host);
  /// After a Load or Atomic on global or shared memory whose order is not Weak
  /// was done: what was released there is seen from now on.
  void observed(MemorySpace space, const WarpAccess &access);
  bool shared(const WarpAccess &access);
  bool local(const WarpAccess &access);

  /// cp.async: `destination` is a Store to shared memory of the copied bytes,
  /// zeros too; its source was passed to global() as a Load. `source` are the
  /// addresses for the check that nobody changes it before the wait, or null.
  bool asyncCopy(const WarpAccess &destination, const uint64_t *source, uint32_t sourceBytes);
  void asyncCommit(uint32_t warp, uint32_t lanes);
  /// cp.async.wait_group: all but the last `pending` groups of each lane are there.
  void asyncWait(uint32_t warp, uint32_t lanes, uint32_t pending);
  /// cp.async.wait_all: also what was not committed.
  void asyncWaitAll(uint32_t warp, uint32_t lanes);

  /// bar.warp.sync among these lanes, as it completes. Shuffles and votes order
  /// nothing; ldmatrix is a Load of the lanes that give the rows.
  void warpBarrier(uint32_t warp, uint32_t lanes);
  /// Lanes arrive at a block barrier; all but those of bar.arrive wait there.
  void barrierArrive(uint32_t barrier, uint32_t warp, uint32_t lanes, bool waits);
  /// The barrier completes: `waiters[warp]` are the lanes that waited at it.
  void barrierComplete(uint32_t barrier, const uint32_t *waiters);
  /// membar, fence (of any scope, and threadfence).
  void fence(uint32_t warp, uint32_t lanes);
  /// Lanes end; what they did is ordered before barriers that complete later.
  void exit(uint32_t warp, uint32_t lanes);

  const Defect &defect() const;

  struct Impl;

private:
  std::unique_ptr<Impl> impl_;
};

} // namespace mamba::sim
