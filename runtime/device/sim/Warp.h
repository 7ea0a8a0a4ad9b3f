// A warp and its block while they run.
#pragma once

#include "runtime/device/sim/Allocations.h"
#include "runtime/device/sim/Monitor.h"
#include "runtime/device/sim/Program.h"
#include "runtime/device/sim/Sim.h"

#include <atomic>
#include <cstdint>
#include <string>
#include <vector>

namespace mamba::sim {

inline constexpr unsigned kLanes = 32;
inline constexpr uint32_t kAllLanes = ~uint32_t(0);
inline constexpr unsigned kBarriers = 16;
/// What a barrier takes once all have come.
inline constexpr uint64_t kBarrierCycles = 20;

/// Committed groups of cp.async that a warp remembers the times of.
inline constexpr uint64_t kCopyGroups = 32;

struct Block;

/// Lanes of a warp that go one way. Splits form a tree: where lanes part, the
/// one that was running waits at the join for its children, unless they join
/// where it would have.
struct Split {
  enum class State : uint8_t { Free, Ready, Parent, AtBarrier, AtWarpBarrier };
  State state = State::Free;
  int8_t parent = -1;
  uint8_t children = 0;
  uint8_t barrier = 0;          // AtBarrier
  uint32_t mask = 0;            // of a Parent: lanes that have arrived at `pc`
  uint32_t members = 0;         // AtWarpBarrier: lanes that it waits for
  const Inst *pc = nullptr;     // next instruction
  const Inst *join = nullptr;   // where it goes back to its parent
};
inline constexpr unsigned kSplits = 2 * kLanes;

/// Executions of an instruction, over all warps of a host thread.
struct Tally {
  uint64_t warps = 0, lanes = 0;
};

/// What a host thread counts besides the tallies.
struct MemoryCounts {
  uint64_t globalLoadBytes = 0, globalStoreBytes = 0;
  uint64_t globalLoadSectors = 0, globalStoreSectors = 0, globalNeededSectors = 0;
  uint64_t sharedBytes = 0, sharedAccesses = 0, sharedWavefronts = 0, sharedNeeded = 0;
  uint64_t localBytes = 0;
};

/// A piece of memory that a block has touched, and the cycle at which it is in the L2.
struct TouchedPiece {
  uint64_t piece = 0, serial = 0; // its address / kPieceBytes; of the block
  uint64_t arrival = 0;
};
inline constexpr unsigned kSectorBytes = 32;
inline constexpr unsigned kPieceBytes = 64; // that the L2 fetches at once
inline constexpr size_t kTouchedPieces = 8192;

/// Why a handler gave null.
enum class Stop : uint8_t { None, Switch, Failed };

struct Warp {
  // What every handler touches.
  uint8_t *rows = nullptr;
  uint32_t *preds = nullptr;
  uint32_t mask = 0;   // lanes of the instruction that executes
  uint32_t active = 0; // lanes of the running split
  uint32_t alive = 0;  // lanes that have not ended
  uint32_t carry = 0;  // CC.CF
  Stop stop = Stop::None;
  uint32_t hasWaited = 0; // lanes that have, for the launches before
  bool isBlocked = false, isDone = false;
  bool isJoint = false; // waiting splits take part in the instruction that executes
  Block *block = nullptr;
  uint32_t index = 0; // in the block
  int current = 0;    // running split
  uint8_t *local = nullptr;
  uint64_t executed = 0, clockReads = 0;
  uint64_t waited = 0; // instructions that accesses which may wait for others count for
  // Timing, if counted.
  uint64_t *ready = nullptr; // cycle at which a row, or behind them a predicate, can be read
  uint64_t floor = 0;        // nothing starts before
  uint64_t latest = 0;       // the last start
  uint64_t end = 0;          // the last result
  uint64_t copyEnd = 0;      // the last byte of its cp.async
  uint64_t groups = 0;       // of them, committed
  uint64_t groupEnd[kCopyGroups]; // of the last groups, copyEnd when they were committed
  uint64_t freeSplits = 0;
  Split splits[kSplits];

  template <typename T> T *row(uint32_t offset) const {
    return reinterpret_cast<T *>(rows + offset);
  }
  uint32_t pred(PredCode code) const { return preds[code >> 1] ^ -(code & 1); }
  void setPred(PredCode code, uint32_t value) {
    uint32_t &p = preds[code >> 1];
    p = (p & ~mask) | (value & mask);
  }
};

struct Barrier {
  uint32_t expected = 0;                  // threads; 0: all of the block
  std::vector<uint32_t> arrived, waiting; // lanes, by warp
  uint32_t holds = 0, reduced = 0;        // bar.red: lanes whose predicate holds, and all
  const Inst *first = nullptr;            // what came first
};

/// What the blocks of a launch share.
struct Grid {
  const Program *program = nullptr;
  const Launch *launch = nullptr;
  GlobalMemory *memory = nullptr;
  uint8_t *moduleData = nullptr;
  uint64_t moduleBytes = 0;
  Checks checks;
  bool isCounted = false;
  uint32_t threads = 0; // of a block
  uint32_t warps = 0;
  uint32_t sharedBytes = 0;
  std::atomic<uint64_t> firstDefect{~uint64_t(0)}; // block
};

/// The block that a host thread executes, and the thread's scratch.
struct Block {
  Grid *grid = nullptr;
  uint64_t number = 0;
  uint32_t id[3] = {0, 0, 0};
  uint8_t *shared = nullptr;
  uint32_t sharedBytes = 0, localBytes = 0; // of the block, of a thread
  const Inst *code = nullptr;
  const Allocation **allocationOf = nullptr; // by instruction: the last that it accessed
  BlockMonitor *monitor = nullptr;
  bool isChecked = false; // any of Checks is on: the monitor sees every access
  std::vector<Warp> warps;
  Barrier barriers[kBarriers];
  uint32_t usedBarriers = 0; // a bit each
  Tally *tallies = nullptr; // by instruction, or null
  MemoryCounts counts;
  bool isCounted = false;
  uint64_t start = 0;   // cycle of the instruction that executes, if counted
  uint64_t arrival = 0; // cycle at which what it waits for is there, if it waits for memory
  TouchedPiece *touched = nullptr; // kTouchedPieces
  uint64_t serial = 0;  // of this run of a block in `touched`
  Defect defect;
  // Of the access that executes.
  alignas(64) uint64_t addresses[kLanes];
  uint8_t *host[kLanes];
};

/// Notes a defect of the engine's own, of the lowest lane of the mask; gives null
/// for the handler to return.
const Inst *fail(Warp &warp, const Inst *at, DefectKind kind, std::string note);
/// The same for a defect that the monitor found.
const Inst *failMonitored(Warp &warp);
uint32_t pcOf(const Warp &warp, const Inst *inst);

} // namespace mamba::sim
