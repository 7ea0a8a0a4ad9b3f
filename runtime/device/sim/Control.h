// Handlers of control flow, barriers and what lanes of a warp say to each other.
#pragma once

#include "runtime/device/sim/Program.h"

#include <string>

namespace mamba::sim {

struct Block;
struct Warp;

namespace control {
/// After the running split has gone or waits: where to go on, or null.
const Inst *switchSplit(Warp &w);
const Inst *branch(Warp &w, const Inst *i);       // target, join; guarded
const Inst *branchIndexed(Warp &w, const Inst *i); // a: index row; more: count, then targets as pcs
const Inst *join(Warp &w, const Inst *i);         // where lanes may meet
const Inst *exitLanes(Warp &w, const Inst *i);
const Inst *trap(Warp &w, const Inst *i);
const Inst *nothing(Warp &w, const Inst *i);
const Inst *fence(Warp &w, const Inst *i);
const Inst *gridWait(Warp &w, const Inst *i); // griddepcontrol.wait
/// flags: BarrierFlags; a: row of the number, b: row of the count.
const Inst *barrier(Warp &w, const Inst *i);
const Inst *warpBarrier(Warp &w, const Inst *i); // a: row of the members
const Inst *activeMask(Warp &w, const Inst *i);  // d
/// d; flags: 0 the low half, 1 the high half, 2 all of it.
const Inst *readClock(Warp &w, const Inst *i);
} // namespace control

/// Inst::flags of barrier().
struct BarrierFlags {
  static constexpr uint32_t waits = 1, isAligned = 2, hasCount = 4;
  /// bar.red: what d (a row for Popc, else a predicate code) takes of predicate c.
  static constexpr uint32_t reduceShift = 4;
};
enum class BarrierReduce : uint32_t { None, Popc, And, Or };

/// Waits until all live lanes of `members` are here. True: Warp::mask is now all
/// of them and they may go on; finishWarpSync() moves the others. Else `next` is
/// what the handler returns.
bool startWarpSync(Warp &w, const Inst *i, uint32_t members, const Inst *&next);
const Inst *finishWarpSync(Warp &w, const Inst *i, uint32_t members);
/// Lanes that wait for `members` at what meets `pc`.
uint32_t waitingWith(const Warp &w, uint32_t members, const Inst *pc);
bool mayMeet(const Inst *a, const Inst *b);
/// Lanes of the running split that do not execute `i` go on without the others.
void parkRest(Warp &w, const Inst *i);

/// Takes up a split that can run; false if all wait.
bool chooseSplit(Warp &w, bool rotate);
void startWarp(Warp &w, uint32_t lanes, const Inst *entry);
/// Releases barriers that are complete: after arrivals and ends.
bool completeBarriers(Block &block);
/// Who waits for what, when nobody can go on.
std::string describeWaits(const Block &block);

} // namespace mamba::sim
