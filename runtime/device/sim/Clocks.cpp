#include "runtime/device/sim/Clocks.h"

#include <algorithm>

using namespace mamba::sim;

bool Knowledge::covers(uint64_t block, uint32_t thread, uint32_t label) const {
  auto found = std::lower_bound(blocks.begin(), blocks.end(), block,
                                [](const Of &of, uint64_t b) { return of.block < b; });
  return found != blocks.end() && found->block == block && label < (*found->ticks)[thread];
}

void Knowledge::join(uint64_t block, const Ticks &ticks) {
  auto found = std::lower_bound(blocks.begin(), blocks.end(), block,
                                [](const Of &of, uint64_t b) { return of.block < b; });
  if (found == blocks.end() || found->block != block) {
    blocks.insert(found, {block, ticks});
    return;
  }
  if (found->ticks == ticks)
    return;
  auto sum = std::make_shared<std::vector<uint32_t>>(*found->ticks);
  for (size_t i = 0; i < sum->size(); ++i)
    (*sum)[i] = std::max((*sum)[i], (*ticks)[i]);
  found->ticks = std::move(sum);
}

void Knowledge::join(const Knowledge &other) {
  if (blocks.empty()) {
    blocks = other.blocks;
    return;
  }
  for (const Of &of : other.blocks)
    join(of.block, of.ticks);
}

KnowledgeRef mamba::sim::joined(const KnowledgeRef &a, const KnowledgeRef &b) {
  if (!b || a == b)
    return a;
  if (!a)
    return b;
  auto sum = std::make_shared<Knowledge>(*a);
  sum->join(*b);
  return sum;
}

void ReleasedPlaces::release(uint64_t address, const KnowledgeRef &what) {
  std::lock_guard<std::mutex> lock(mutex_);
  KnowledgeRef &place = places_[address];
  place = joined(place, what);
}

KnowledgeRef ReleasedPlaces::at(uint64_t address) const {
  std::lock_guard<std::mutex> lock(mutex_);
  auto found = places_.find(address);
  return found == places_.end() ? nullptr : found->second;
}

void ReleasedPlaces::clear() {
  std::lock_guard<std::mutex> lock(mutex_);
  places_.clear();
}

BlockClocks::BlockClocks(uint32_t threads, uint32_t tick)
    : threads_(threads), warps_((threads + 31) / 32), tick_(tick), labels_(warps_),
      warpFloor_(warps_), initial_(warps_, ~uint32_t(0)), known_(threads) {
  if (threads % 32 != 0)
    initial_.back() = (uint32_t(1) << threads % 32) - 1;
  live_ = initial_;
}

void BlockClocks::begin(uint64_t block) {
  block_ = block;
  start_ = phase_ = ++tick_;
  std::fill(labels_.begin(), labels_.end(), tick_);
  std::fill(warpFloor_.begin(), warpFloor_.end(), tick_);
  live_ = initial_;
  arrived_.clear();
  if (anyKnowledge_)
    std::fill(known_.begin(), known_.end(), Thread());
  anyKnowledge_ = false;
}

/// Those lanes are known up to `tick`, the rest of their warp up to its floor,
/// and what the lanes know is known.
void BlockClocks::add(Joint &joint, uint32_t warp, uint32_t lanes, uint32_t tick) const {
  joint.ticks.resize(threads_);
  uint32_t first = warp * 32, end = std::min(threads_, first + 32);
  for (uint32_t t = first; t < end; ++t) {
    bool isIn = lanes >> (t - first) & 1;
    joint.ticks[t] = std::max(joint.ticks[t], isIn ? tick : warpFloor_[warp]);
    if (isIn && anyKnowledge_) {
      joint.now = joined(joint.now, known_[t].now);
      joint.pending = joined(joint.pending, known_[t].pending);
    }
  }
  if (anyKnowledge_)
    addFences(joint, warp, lanes);
}

void BlockClocks::addFences(Joint &joint, uint32_t warp, uint32_t lanes) const {
  uint32_t first = warp * 32, end = std::min(threads_, first + 32), floor = 0;
  for (uint32_t t = first; t < end; ++t) {
    const Thread &thread = known_[t];
    if (!(lanes >> (t - first) & 1))
      continue;
    joint.atFence = joined(joint.atFence, thread.fencedByOthers);
    if (!thread.fenceTick)
      continue;
    joint.atFence = joined(joint.atFence, thread.atFence);
    joint.fenceTicks.resize(threads_);
    joint.fenceTicks[t] = std::max(joint.fenceTicks[t], thread.fenceTick);
    joint.fencePhase = std::max(joint.fencePhase, thread.fencePhase);
    floor = std::max(floor, thread.fenceWarpFloor);
  }
  if (floor)
    for (uint32_t t = first; t < end; ++t)
      joint.fenceTicks[t] = std::max(joint.fenceTicks[t], floor);
}

KnowledgeRef BlockClocks::nowOf(const Joint &joint, bool isTold) const {
  if (isTold)
    return joint.now;
  auto made = std::make_shared<Knowledge>();
  if (joint.now)
    *made = *joint.now;
  made->join(block_, std::make_shared<std::vector<uint32_t>>(joint.ticks));
  return made;
}

KnowledgeRef BlockClocks::fencedOf(Joint &joint) const {
  if (joint.fenceTicks.empty())
    return joint.atFence;
  for (uint32_t &tick : joint.fenceTicks)
    tick = std::max(tick, joint.fencePhase);
  auto made = std::make_shared<Knowledge>();
  if (joint.atFence)
    *made = *joint.atFence;
  made->join(block_, std::make_shared<std::vector<uint32_t>>(joint.fenceTicks));
  return made;
}

void BlockClocks::give(const Joint &joint, uint32_t warp, uint32_t lanes, const KnowledgeRef &now,
                       const KnowledgeRef &fenced) {
  for (uint32_t rest = lanes; rest; rest &= rest - 1) {
    uint32_t t = warp * 32 + static_cast<uint32_t>(__builtin_ctz(rest));
    if (t >= threads_)
      break;
    known_[t].now = now;
    known_[t].pending = joint.pending;
    known_[t].fencedByOthers = fenced;
  }
  anyKnowledge_ = true;
}

void BlockClocks::warpBarrier(uint32_t warp, uint32_t lanes) {
  uint32_t tick = ++tick_;
  bool isWhole = (lanes & live_[warp]) == live_[warp];
  if (!isWhole || anyKnowledge_) {
    Joint joint;
    add(joint, warp, lanes, tick);
    give(joint, warp, lanes, nowOf(joint, isWhole), fencedOf(joint));
  }
  if (isWhole)
    warpFloor_[warp] = tick;
  labels_[warp] = tick;
}

void BlockClocks::barrierArrive(uint32_t barrier, uint32_t warp, uint32_t lanes, bool waits) {
  // Who waits does nothing until the barrier completes: it is asked then.
  if (waits)
    return;
  uint32_t tick = ++tick_;
  add(arrived_[barrier], warp, lanes, tick);
  labels_[warp] = tick;
}

void BlockClocks::barrierComplete(uint32_t barrier, const uint32_t *waiters) {
  uint32_t tick = ++tick_;
  auto arrived = arrived_.find(barrier);
  bool isWhole = arrived == arrived_.end();
  for (uint32_t w = 0; w < warps_ && isWhole; ++w)
    isWhole = (waiters[w] & live_[w]) == live_[w];
  if (isWhole && !anyKnowledge_) {
    phase_ = tick;
    std::fill(labels_.begin(), labels_.end(), tick);
    return;
  }

  Joint joint;
  if (arrived != arrived_.end()) {
    joint = std::move(arrived->second);
    arrived_.erase(arrived);
  }
  joint.ticks.resize(threads_);
  for (uint32_t w = 0; w < warps_; ++w)
    if (uint32_t lanes = waiters[w] | (initial_[w] & ~live_[w]))
      add(joint, w, lanes, tick);
  KnowledgeRef now = nowOf(joint, isWhole), fenced = fencedOf(joint);
  for (uint32_t w = 0; w < warps_; ++w)
    if (waiters[w])
      give(joint, w, waiters[w], now, fenced);
  if (isWhole)
    phase_ = tick;
  for (uint32_t w = 0; w < warps_; ++w)
    if (waiters[w] || isWhole)
      labels_[w] = tick;
}

void BlockClocks::fence(uint32_t warp, uint32_t lanes) {
  uint32_t tick = ++tick_;
  for (uint32_t rest = lanes; rest; rest &= rest - 1) {
    uint32_t t = warp * 32 + __builtin_ctz(rest);
    if (t >= threads_)
      break;
    Thread &thread = known_[t];
    thread.now = joined(thread.now, thread.pending);
    thread.pending = nullptr;
    thread.fenceTick = tick;
    thread.fencePhase = phase_;
    thread.fenceWarpFloor = warpFloor_[warp];
    thread.atFence = thread.now;
    thread.fencedByOthers = nullptr; // known by now
  }
  labels_[warp] = tick;
  anyKnowledge_ = true;
}

KnowledgeRef BlockClocks::snapshot(uint32_t thread, uint32_t tick, uint32_t phase,
                                   uint32_t warpFloor, const KnowledgeRef &known) const {
  auto ticks = std::make_shared<std::vector<uint32_t>>(threads_, phase);
  uint32_t first = thread / 32 * 32;
  for (uint32_t t = first; t < std::min(threads_, first + 32); ++t)
    (*ticks)[t] = std::max(phase, warpFloor);
  (*ticks)[thread] = tick;
  auto made = std::make_shared<Knowledge>();
  if (known)
    *made = *known;
  made->join(block_, ticks);
  return made;
}

KnowledgeRef BlockClocks::published(uint32_t thread, bool isRelease) {
  const Thread &state = known_[thread];
  if (isRelease)
    return snapshot(thread, ++tick_, phase_, warpFloor_[thread / 32], state.now);
  if (state.fenceTick == 0)
    return state.fencedByOthers;
  return joined(state.fencedByOthers,
                snapshot(thread, state.fenceTick, state.fencePhase, state.fenceWarpFloor,
                         state.atFence));
}

void BlockClocks::acquire(uint32_t thread, const KnowledgeRef &what, bool isAcquire) {
  if (!what)
    return;
  Thread &state = known_[thread];
  anyKnowledge_ = true;
  if (isAcquire) {
    state.now = joined(state.now, what);
    labels_[thread / 32] = ++tick_;
  } else {
    state.pending = joined(state.pending, what);
  }
}
