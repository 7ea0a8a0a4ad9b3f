// Branches, joins, ends and the barrier of a warp: how lanes part and meet.
#include "runtime/device/sim/WarpGroups.h"

using namespace mamba;
using namespace mamba::sim;

namespace {
Split &runningSplit(Warp &w) { return w.splits[w.current]; }

int takeSplit(Warp &w) {
  int index = __builtin_ctzll(w.freeSplits);
  w.freeSplits &= w.freeSplits - 1;
  w.splits[index] = Split();
  return index;
}
void dropSplit(Warp &w, int index) {
  w.splits[index].state = Split::State::Free;
  w.freeSplits |= uint64_t(1) << index;
}

/// A split like `of`, for other lanes, to go on at `pc`.
int addSibling(Warp &w, const Split &of, uint32_t mask, const Inst *pc) {
  int index = takeSplit(w);
  Split &s = w.splits[index];
  s.state = Split::State::Ready;
  s.parent = of.parent;
  s.join = of.join;
  s.mask = mask;
  s.pc = pc;
  if (s.parent >= 0)
    ++w.splits[s.parent].children;
  return index;
}
int addChild(Warp &w, int parent, uint32_t mask, const Inst *pc) {
  int index = takeSplit(w);
  Split &s = w.splits[index];
  s.state = Split::State::Ready;
  s.parent = int8_t(parent);
  s.join = w.splits[parent].pc;
  s.mask = mask;
  s.pc = pc;
  ++w.splits[parent].children;
  return index;
}

const Inst *resume(Warp &w, int index) {
  w.current = index;
  w.active = w.splits[index].mask;
  return w.splits[index].pc;
}

bool takeUp(Warp &w, int index) {
  w.current = index;
  w.active = w.splits[index].mask;
  w.isBlocked = false;
  return true;
}

/// The running split is gone: its parent, if this was its last child, or another.
const Inst *leave(Warp &w, int parent) {
  while (parent >= 0) {
    Split &p = w.splits[parent];
    if (--p.children > 0)
      break;
    if (p.mask != 0) {
      p.state = Split::State::Ready;
      ++p.pc; // past the join
      return resume(w, parent);
    }
    int up = p.parent;
    dropSplit(w, parent);
    parent = up;
  }
  return control::switchSplit(w);
}

/// Lanes of `mask` of the running split go to `target`, the others to `next`.
const Inst *part(Warp &w, const Inst *i, uint32_t mask, const Inst *target, const Inst *next) {
  if (target == next) // A branch over nothing.
    return target;
  Split &s = runningSplit(w);
  uint32_t rest = w.active & ~mask;
  const Inst *join = i->join;
  if (!join || join == s.join) {
    if (join && (target == join || next == join)) {
      bool isTargetJoin = target == join;
      w.splits[s.parent].mask |= isTargetJoin ? mask : rest;
      s.mask = w.active = isTargetJoin ? rest : mask;
      return isTargetJoin ? next : target;
    }
    addSibling(w, s, rest, next);
    s.mask = w.active = mask;
    return target;
  }
  int parent = w.current;
  s.state = Split::State::Parent;
  s.pc = join;
  s.mask = 0;
  int running = -1;
  if (next == join)
    s.mask |= rest;
  else
    running = addChild(w, parent, rest, next);
  if (target == join)
    s.mask |= mask;
  else
    running = addChild(w, parent, mask, target);
  return resume(w, running);
}
} // namespace

const Inst *control::switchSplit(Warp &w) {
  if (chooseSplit(w, false))
    return resume(w, w.current);
  w.stop = Stop::Switch;
  return nullptr;
}

void sim::startWarp(Warp &w, uint32_t lanes, const Inst *entry) {
  w.freeSplits = ~uint64_t(1);
  for (Split &s : w.splits)
    s.state = Split::State::Free;
  w.splits[0] = Split();
  w.splits[0].state = Split::State::Ready;
  w.splits[0].mask = lanes;
  w.splits[0].pc = entry;
  w.current = 0;
  w.active = w.alive = lanes;
  w.mask = 0;
  w.carry = 0;
  w.stop = Stop::None;
  w.isBlocked = w.isDone = false;
  w.executed = w.waited = 0;
}

void sim::parkRest(Warp &w, const Inst *i) {
  if (w.mask == w.active)
    return;
  Split &s = runningSplit(w);
  addSibling(w, s, w.active & ~w.mask, i + 1);
  s.mask = w.active = w.mask;
}

bool sim::chooseSplit(Warp &w, bool rotate) {
  uint64_t used = ~w.freeSplits;
  // Round from the one that runs, so that a split that spins does not starve others.
  uint64_t behind = rotate ? used & (~uint64_t(1) << w.current) : used;
  for (uint64_t some : {behind, used})
    for (uint64_t rest = some; rest; rest &= rest - 1) {
      int index = __builtin_ctzll(rest);
      if (w.splits[index].state == Split::State::Ready)
        return takeUp(w, index);
    }
  // Lanes that others waited for have ended: one of the waiting tries again.
  for (uint64_t rest = used; rest; rest &= rest - 1) {
    int index = __builtin_ctzll(rest);
    Split &s = w.splits[index];
    if (s.state == Split::State::AtWarpBarrier &&
        (s.members & w.alive & ~waitingWith(w, s.members, s.pc)) == 0) {
      s.state = Split::State::Ready;
      return takeUp(w, index);
    }
  }
  w.isBlocked = used != 0;
  w.isDone = used == 0;
  return false;
}

const Inst *control::branch(Warp &w, const Inst *i) {
  if (w.mask == w.active)
    return i->target;
  return part(w, i, w.mask, i->target, i + 1);
}

const Inst *control::branchIndexed(Warp &w, const Inst *i) {
  const uint32_t *index = w.row<uint32_t>(i->a);
  uint32_t count = i->more[0];
  uint32_t first = index[__builtin_ctz(w.mask)], same = 0;
  for (unsigned l = 0; l < kLanes; ++l) {
    if (!(w.mask >> l & 1))
      continue;
    if (index[l] >= count) {
      w.mask = 1u << l;
      return fail(w, i, DefectKind::Other,
                  "branches to entry " + std::to_string(index[l]) + " of a table of " +
                      std::to_string(count));
    }
    same |= uint32_t(index[l] == first) << l;
  }
  const Inst *target = w.block->grid->program->code.data() + i->more[1 + first];
  if (same == w.active)
    return target;
  // The others come here again, unless their guard is off.
  return part(w, i, same, target, same == w.mask ? i + 1 : i);
}

const Inst *control::join(Warp &w, const Inst *i) {
  Split &s = runningSplit(w);
  if (s.join != i)
    return i + 1;
  int parent = s.parent;
  w.splits[parent].mask |= s.mask;
  dropSplit(w, w.current);
  return leave(w, parent);
}

const Inst *control::exitLanes(Warp &w, const Inst *i) {
  if (uint32_t early = w.mask & ~w.hasWaited) {
    w.mask = early;
    return fail(w, i, DefectKind::Other,
                "a thread ends without griddepcontrol.wait: who waits for its launch would not "
                "wait for those before");
  }
  Split &s = runningSplit(w);
  w.alive &= ~w.mask;
  s.mask &= ~w.mask;
  w.active = s.mask;
  Block &block = *w.block;
  if (block.isChecked)
    block.monitor->exit(w.index, w.mask);
  const Inst *next = i + 1;
  if (s.mask == 0) {
    int parent = s.parent;
    dropSplit(w, w.current);
    next = leave(w, parent);
  }
  if (block.usedBarriers && completeBarriers(block) && !next && chooseSplit(w, false))
    return resume(w, w.current);
  return next;
}

const Inst *control::trap(Warp &w, const Inst *i) {
  return fail(w, i, DefectKind::Other, "trap");
}
const Inst *control::nothing(Warp &, const Inst *i) { return i + 1; }

const Inst *control::fence(Warp &w, const Inst *i) {
  std::atomic_thread_fence(std::memory_order_seq_cst);
  if (w.block->isChecked)
    w.block->monitor->fence(w.index, w.mask);
  return i + 1;
}

const Inst *control::gridWait(Warp &w, const Inst *i) {
  w.hasWaited |= w.mask;
  return i + 1;
}

uint32_t sim::waitingWith(const Warp &w, uint32_t members, const Inst *pc) {
  uint32_t lanes = 0;
  for (const Split &s : w.splits) // those that are free have another state
    if (s.state == Split::State::AtWarpBarrier && s.members == members && mayMeet(s.pc, pc))
      lanes |= s.mask;
  return lanes;
}

bool sim::mayMeet(const Inst *a, const Inst *b) {
  return a == b || (a->run == control::warpBarrier && b->run == control::warpBarrier);
}

bool sim::startWarpSync(Warp &w, const Inst *i, uint32_t members, const Inst *&next) {
  uint32_t needed = members & w.alive;
  if ((w.mask & ~members) != 0) {
    w.mask &= ~members;
    next = fail(w, i, DefectKind::Other,
                "a lane takes part that its member mask leaves out: pass the mask of the lanes "
                "that execute it");
    return false;
  }
  if ((needed & ~w.mask) == 0)
    return true;
  uint32_t here = w.mask | waitingWith(w, members, i);
  if ((needed & ~here) == 0) {
    w.mask = here;
    w.isJoint = true;
    return true;
  }
  parkRest(w, i);
  Split &s = runningSplit(w);
  s.state = Split::State::AtWarpBarrier;
  s.members = members;
  s.pc = i;
  next = control::switchSplit(w);
  return false;
}

const Inst *sim::finishWarpSync(Warp &w, const Inst *i, uint32_t members) {
  if (w.isJoint) {
    w.isJoint = false;
    for (Split &s : w.splits)
      if (s.state == Split::State::AtWarpBarrier && s.members == members && mayMeet(s.pc, i)) {
        s.state = Split::State::Ready;
        ++s.pc;
      }
  }
  return i + 1;
}

const Inst *control::warpBarrier(Warp &w, const Inst *i) {
  return forGroups(w, i, i->a, [&] {
    if (w.block->isChecked)
      w.block->monitor->warpBarrier(w.index, w.mask);
  });
}

const Inst *control::activeMask(Warp &w, const Inst *i) {
  uint32_t *d = w.row<uint32_t>(i->d);
  for (unsigned l = 0; l < kLanes; ++l)
    if (w.mask >> l & 1)
      d[l] = w.mask;
  return i + 1;
}

const Inst *control::readClock(Warp &w, const Inst *i) {
  // Time is what the warp has done: it rises, and is the same in every run.
  uint64_t now = w.executed + 16 * ++w.clockReads;
  for (unsigned l = 0; l < kLanes; ++l) {
    if (!(w.mask >> l & 1))
      continue;
    switch (i->flags) {
    case 0: w.row<uint32_t>(i->d)[l] = uint32_t(now); break;
    case 1: w.row<uint32_t>(i->d)[l] = uint32_t(now >> 32); break;
    default: w.row<uint64_t>(i->d)[l] = now; break;
    }
  }
  return i + 1;
}
