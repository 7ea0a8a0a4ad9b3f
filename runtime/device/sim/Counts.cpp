#include "runtime/device/sim/Counts.h"

#include <algorithm>

namespace mamba::sim {

void Counts::add(const Counts &other) {
  launches += other.launches;
  blocks += other.blocks;
  warps += other.warps;
  instructions += other.instructions;
  fma += other.fma;
  special += other.special;
  integer += other.integer;
  logic += other.logic;
  conversion += other.conversion;
  move += other.move;
  control += other.control;
  matrix += other.matrix;
  loads += other.loads;
  stores += other.stores;
  atomics += other.atomics;
  shuffles += other.shuffles;
  barriers += other.barriers;
  asyncCopies += other.asyncCopies;
  laneInstructions += other.laneInstructions;
  laneSpecial += other.laneSpecial;
  laneFma += other.laneFma;
  matrixFlops += other.matrixFlops;
  globalLoadBytes += other.globalLoadBytes;
  globalStoreBytes += other.globalStoreBytes;
  globalLoadSectors += other.globalLoadSectors;
  globalStoreSectors += other.globalStoreSectors;
  globalNeededSectors += other.globalNeededSectors;
  uniqueBytesRead += other.uniqueBytesRead;
  uniqueBytesWritten += other.uniqueBytesWritten;
  sharedBytes += other.sharedBytes;
  sharedAccesses += other.sharedAccesses;
  sharedWavefronts += other.sharedWavefronts;
  sharedNeeded += other.sharedNeeded;
  localBytes += other.localBytes;
  criticalPath = std::max(criticalPath, other.criticalPath);
}

} // namespace mamba::sim
