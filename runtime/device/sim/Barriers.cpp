// bar and barrier: lanes of all warps of a block wait for each other.
#include "runtime/device/sim/Control.h"
#include "runtime/device/sim/Warp.h"

#include <algorithm>

using namespace mamba;
using namespace mamba::sim;

namespace {
/// Threads that have come. A warp counts whole when all of its live lanes have.
uint32_t threadsAt(const Block &block, const Barrier &barrier) {
  uint32_t threads = 0;
  for (const Warp &w : block.warps) {
    uint32_t lanes = barrier.arrived[w.index];
    if (lanes)
      threads += (w.alive & ~lanes) == 0 ? kLanes : uint32_t(__builtin_popcount(lanes));
  }
  return threads;
}

bool isComplete(const Block &block, const Barrier &barrier) {
  if (barrier.expected)
    return threadsAt(block, barrier) >= barrier.expected;
  for (const Warp &w : block.warps)
    if (w.alive & ~barrier.arrived[w.index])
      return false;
  return true;
}

/// What bar.red gives the lanes of a split that waited at `i`.
void giveReduction(Warp &w, const Inst *i, uint32_t mask, const Barrier &barrier) {
  auto reduce = BarrierReduce(i->flags >> BarrierFlags::reduceShift);
  if (reduce == BarrierReduce::None)
    return;
  w.mask = mask;
  if (reduce == BarrierReduce::Popc) {
    for (unsigned l = 0; l < kLanes; ++l)
      if (mask >> l & 1)
        w.row<uint32_t>(i->d)[l] = barrier.holds;
  } else {
    bool holds = reduce == BarrierReduce::And ? barrier.holds == barrier.reduced
                                              : barrier.holds != 0;
    w.setPred(i->d, holds ? kAllLanes : 0);
  }
}

void release(Block &block, uint32_t number) {
  Barrier &barrier = block.barriers[number];
  if (block.isChecked)
    block.monitor->barrierComplete(number, barrier.waiting.data());
  uint64_t latest = 0;
  for (const Warp &w : block.warps)
    if (barrier.arrived[w.index])
      latest = std::max(latest, w.latest);
  for (Warp &w : block.warps) {
    if (!barrier.waiting[w.index])
      continue;
    w.floor = std::max(w.floor, latest + kBarrierCycles);
    w.isBlocked = false;
    for (uint64_t rest = ~w.freeSplits; rest; rest &= rest - 1) {
      Split &s = w.splits[__builtin_ctzll(rest)];
      if (s.state == Split::State::AtBarrier && s.barrier == number) {
        s.state = Split::State::Ready;
        giveReduction(w, s.pc - 1, s.mask, barrier);
      }
    }
  }
  std::fill(barrier.arrived.begin(), barrier.arrived.end(), 0);
  std::fill(barrier.waiting.begin(), barrier.waiting.end(), 0);
  barrier.holds = barrier.reduced = 0;
  block.usedBarriers &= ~(1u << number);
}
} // namespace

bool sim::completeBarriers(Block &block) {
  bool isAny = false;
  for (uint32_t number = 0; number < kBarriers; ++number)
    if ((block.usedBarriers >> number & 1) && isComplete(block, block.barriers[number])) {
      release(block, number);
      isAny = true;
    }
  return isAny;
}

const Inst *control::barrier(Warp &w, const Inst *i) {
  Block &block = *w.block;
  unsigned first = unsigned(__builtin_ctz(w.mask));
  uint32_t number = w.row<uint32_t>(i->a)[first];
  uint32_t expected = i->flags & BarrierFlags::hasCount ? w.row<uint32_t>(i->b)[first] : 0;
  if (number >= kBarriers)
    return fail(w, i, DefectKind::Other,
                "barrier " + std::to_string(number) + " does not exist: there are 16");
  if ((i->flags & BarrierFlags::hasCount) && (expected == 0 || expected % kLanes != 0))
    return fail(w, i, DefectKind::Other,
                "a barrier for " + std::to_string(expected) +
                    " threads: the number must be a multiple of 32 and not 0");
  if ((i->flags & BarrierFlags::isAligned) && w.mask != w.alive)
    return fail(w, i, DefectKind::DivergentBarrier,
                std::to_string(__builtin_popcount(w.mask)) + " of the warp's " +
                    std::to_string(__builtin_popcount(w.alive)) + " live lanes execute it");
  Barrier &barrier = block.barriers[number];
  if (!(block.usedBarriers >> number & 1)) {
    block.usedBarriers |= 1u << number;
    barrier.expected = expected;
    barrier.first = i;
  } else if (barrier.expected != expected) {
    return fail(w, i, DefectKind::Other,
                "barrier " + std::to_string(number) + " is for " + std::to_string(expected) +
                    " threads here and for " + std::to_string(barrier.expected) +
                    " where others have come to it (0: all)");
  }
  if (barrier.arrived[w.index] & w.mask)
    return fail(w, i, DefectKind::Other,
                "comes to barrier " + std::to_string(number) +
                    " again before it is complete");
  barrier.arrived[w.index] |= w.mask;
  if (BarrierReduce(i->flags >> BarrierFlags::reduceShift) != BarrierReduce::None) {
    barrier.holds += uint32_t(__builtin_popcount(w.pred(i->c) & w.mask));
    barrier.reduced += uint32_t(__builtin_popcount(w.mask));
  }
  if (block.isChecked)
    block.monitor->barrierArrive(number, w.index, w.mask, i->flags & BarrierFlags::waits);
  if (!(i->flags & BarrierFlags::waits)) {
    completeBarriers(block);
    return i + 1;
  }
  barrier.waiting[w.index] |= w.mask;
  parkRest(w, i);
  Split &s = w.splits[w.current];
  s.state = Split::State::AtBarrier;
  s.barrier = uint8_t(number);
  s.pc = i + 1;
  completeBarriers(block);
  return switchSplit(w);
}

std::string sim::describeWaits(const Block &block) {
  std::string text;
  for (uint32_t number = 0; number < kBarriers; ++number)
    if (block.usedBarriers >> number & 1) {
      const Barrier &barrier = block.barriers[number];
      uint32_t expected = barrier.expected ? barrier.expected : block.grid->warps * kLanes;
      text += (text.empty() ? "" : "; ") + std::string("barrier ") + std::to_string(number) +
              " has " + std::to_string(threadsAt(block, barrier)) + " of " +
              std::to_string(expected) + " threads";
    }
  for (const Warp &w : block.warps)
    for (const Split &s : w.splits)
      if (s.state == Split::State::AtWarpBarrier && text.size() < 400) {
        char lanes[64];
        std::snprintf(lanes, sizeof lanes, "lanes 0x%08x of warp %u wait for 0x%08x", s.mask,
                      w.index, s.members & w.alive & ~s.mask);
        text += (text.empty() ? "" : "; ") + std::string(lanes);
      }
  return text;
}
