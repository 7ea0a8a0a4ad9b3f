// What a kernel did, as far as it decides its speed.
#pragma once

#include <cstdint>

namespace mamba::sim {

struct Counts {
  uint64_t launches = 0, blocks = 0, warps = 0;

  // Warp-instructions by class; each counts once whatever its active lanes.
  uint64_t instructions = 0; // all of them
  uint64_t fma = 0;          // f32 add, mul, fma, and packed or half ones
  uint64_t special = 0;      // ex2, lg2, rcp, rsqrt, sqrt, sin, cos, tanh (MUFU)
  uint64_t integer = 0, logic = 0, conversion = 0, move = 0, control = 0;
  uint64_t matrix = 0;       // mma.sync
  uint64_t loads = 0, stores = 0, atomics = 0, shuffles = 0, barriers = 0, asyncCopies = 0;

  // By lanes: how much of that was useful.
  uint64_t laneInstructions = 0;
  uint64_t laneSpecial = 0, laneFma = 0;
  uint64_t matrixFlops = 0; // 2 m n k a warp

  // Memory.
  uint64_t globalLoadBytes = 0, globalStoreBytes = 0;     // that lanes asked for
  uint64_t globalLoadSectors = 0, globalStoreSectors = 0; // distinct 32-byte pieces a warp-instruction
  uint64_t globalNeededSectors = 0; // into which the distinct bytes of each would go
  uint64_t uniqueBytesRead = 0, uniqueBytesWritten = 0;   // distinct sectors of a launch * 32, if checked
  uint64_t sharedBytes = 0, sharedAccesses = 0;           // warp-instructions on shared memory
  uint64_t sharedWavefronts = 0; // passes over the banks that they take
  uint64_t sharedNeeded = 0;     // passes that they would take without bank conflicts
  uint64_t localBytes = 0;

  /// The longest chain of dependent instructions of one warp, in cycles of the
  /// latency table, of the slowest warp of all launches.
  uint64_t criticalPath = 0;

  /// Sums, but the larger criticalPath.
  void add(const Counts &other);
};

} // namespace mamba::sim
