// From tallies of instructions to Counts.
#include "runtime/device/sim/Schedule.h"

using namespace mamba;
using namespace mamba::sim;

void BlockRunner::addCounts(Counts &counts) const {
  Counts c;
  c.blocks = blocks_;
  c.warps = warps_;
  c.criticalPath = criticalPath_;
  for (size_t pc = 0; pc < program_.code.size(); ++pc) {
    const InstNote &note = program_.notes[pc];
    const Tally &tally = block_.tallies[pc];
    if (note.kind == Class::None)
      continue;
    c.instructions += tally.warps;
    c.laneInstructions += tally.lanes;
    switch (note.kind) {
    case Class::Fma:
      c.fma += tally.warps;
      c.laneFma += tally.lanes;
      break;
    case Class::Special:
      c.special += tally.warps;
      c.laneSpecial += tally.lanes;
      break;
    case Class::Integer: c.integer += tally.warps; break;
    case Class::Logic: c.logic += tally.warps; break;
    case Class::Conversion: c.conversion += tally.warps; break;
    case Class::Move: c.move += tally.warps; break;
    case Class::Control: c.control += tally.warps; break;
    case Class::Matrix:
      c.matrix += tally.warps;
      c.matrixFlops += tally.warps * note.matrixFlops;
      break;
    case Class::Load: c.loads += tally.warps; break;
    case Class::Store: c.stores += tally.warps; break;
    case Class::Atomic: c.atomics += tally.warps; break;
    case Class::Shuffle: c.shuffles += tally.warps; break;
    case Class::Barrier: c.barriers += tally.warps; break;
    case Class::AsyncCopy: c.asyncCopies += tally.warps; break;
    case Class::None: break;
    }
  }
  const MemoryCounts &m = block_.counts;
  c.globalLoadBytes = m.globalLoadBytes;
  c.globalStoreBytes = m.globalStoreBytes;
  c.globalLoadSectors = m.globalLoadSectors;
  c.globalStoreSectors = m.globalStoreSectors;
  c.globalNeededSectors = m.globalNeededSectors;
  c.sharedBytes = m.sharedBytes;
  c.sharedAccesses = m.sharedAccesses;
  c.sharedWavefronts = m.sharedWavefronts;
  c.sharedNeeded = m.sharedNeeded;
  c.localBytes = m.localBytes;
  counts.add(c);
}
