// Who knows of whose accesses: vector clocks of one block's threads, and what
// they learned of other blocks through memory.
#pragma once

#include <cstdint>
#include <memory>
#include <mutex>
#include <unordered_map>
#include <vector>

namespace mamba::sim {

/// What a thread, or a place in memory, knows: accesses of thread u of a block
/// whose label is below ticks[u] are ordered before it. Immutable once shared.
struct Knowledge {
  using Ticks = std::shared_ptr<const std::vector<uint32_t>>;
  struct Of {
    uint64_t block;
    Ticks ticks;
  };
  std::vector<Of> blocks; // sorted

  bool covers(uint64_t block, uint32_t thread, uint32_t label) const;
  void join(const Knowledge &other);
  void join(uint64_t block, const Ticks &ticks);
};
using KnowledgeRef = std::shared_ptr<const Knowledge>; // null: nothing

/// a and b together; either may be null.
KnowledgeRef joined(const KnowledgeRef &a, const KnowledgeRef &b);

/// What was released at addresses. Thread-safe.
class ReleasedPlaces {
public:
  void release(uint64_t address, const KnowledgeRef &what);
  KnowledgeRef at(uint64_t address) const;
  void clear();

private:
  mutable std::mutex mutex_;
  std::unordered_map<uint64_t, KnowledgeRef> places_;
};

/// The clocks of the threads of the block that runs. Time is a counter of
/// synchronisations; an access is labelled with the last one that any lane of
/// its warp took part in. Two floors make the common cases cheap: what came
/// before the last barrier of the whole block (phase), and of the whole warp.
class BlockClocks {
public:
  /// Labels are above `tick`, so that older records are dead.
  BlockClocks(uint32_t threads, uint32_t tick);
  uint32_t tick() const { return tick_; }
  void begin(uint64_t block);

  uint64_t block() const { return block_; }
  uint32_t threads() const { return threads_; }
  uint32_t label(uint32_t warp) const { return labels_[warp]; }
  /// Accesses of the block with a lower label are ordered before all that comes.
  uint32_t phase() const { return phase_; }
  /// Labels below are those of earlier blocks.
  uint32_t start() const { return start_; }
  /// Accesses of the warp with a lower label are ordered before what its lanes do now.
  uint32_t warpFloor(uint32_t warp) const { return warpFloor_[warp]; }

  /// Whether the access of thread u with that label is ordered before what t does now.
  bool ordered(uint32_t u, uint32_t label, uint32_t t) const {
    if (u == t || label < phase_ || (u / 32 == t / 32 && label < warpFloor_[t / 32]))
      return true;
    return anyKnowledge_ && orderedForeign(block_, u, label, t);
  }
  bool orderedForeign(uint64_t block, uint32_t u, uint32_t label, uint32_t t) const {
    const KnowledgeRef &known = known_[t].now;
    return known && known->covers(block, u, label);
  }

  void warpBarrier(uint32_t warp, uint32_t lanes);
  void barrierArrive(uint32_t barrier, uint32_t warp, uint32_t lanes, bool waits);
  void barrierComplete(uint32_t barrier, const uint32_t *waiters);
  void exit(uint32_t warp, uint32_t lanes) { live_[warp] &= ~lanes; }
  void fence(uint32_t warp, uint32_t lanes);

  /// What a store or atomic of the thread publishes: all that it did and knows
  /// (isRelease), or what was known at its last fence, and at fences of those
  /// whom it met at a barrier since. Null: nothing.
  KnowledgeRef published(uint32_t thread, bool isRelease);
  /// The store or atomic is done: what the warp does now was not released.
  void endRelease(uint32_t warp) { labels_[warp] = ++tick_; }
  /// The label of a relaxed store or atomic: who sees what it publishes is ordered
  /// after it, although it comes after the fence.
  uint32_t strongLabel(uint32_t thread, bool isInBlock) const {
    if (!anyKnowledge_)
      return labels_[thread / 32];
    const Thread &state = known_[thread];
    if (!isInBlock && !state.fenceTick && state.fencedByOthers)
      return 0;
    return state.fenceTick > (isInBlock ? phase_ : 0) ? state.fenceTick - 1
                                                      : labels_[thread / 32];
  }
  /// What it saw counts at once (isAcquire), or from its next fence on.
  void acquire(uint32_t thread, const KnowledgeRef &what, bool isAcquire);

private:
  struct Thread {
    KnowledgeRef now, pending;
    // At its last fence; fenceTick 0: none in this block.
    uint32_t fenceTick = 0, fencePhase = 0, fenceWarpFloor = 0;
    KnowledgeRef atFence, fencedByOthers;
  };
  struct Joint { // of those who meet at a barrier
    std::vector<uint32_t> ticks;
    KnowledgeRef now, pending;
    // What their fences cover; empty: none had one.
    std::vector<uint32_t> fenceTicks;
    uint32_t fencePhase = 0;
    KnowledgeRef atFence;
  };

  void add(Joint &joint, uint32_t warp, uint32_t lanes, uint32_t tick) const;
  void addFences(Joint &joint, uint32_t warp, uint32_t lanes) const;
  void give(const Joint &joint, uint32_t warp, uint32_t lanes, const KnowledgeRef &now,
            const KnowledgeRef &fenced);
  /// What all in the joint know; isTold: a floor says that of the block itself.
  KnowledgeRef nowOf(const Joint &joint, bool isTold) const;
  KnowledgeRef fencedOf(Joint &joint) const;
  KnowledgeRef snapshot(uint32_t thread, uint32_t tick, uint32_t phase, uint32_t warpFloor,
                        const KnowledgeRef &known) const;

  uint32_t threads_, warps_;
  uint64_t block_ = 0;
  uint32_t tick_ = 0, phase_ = 0, start_ = 0;
  bool anyKnowledge_ = false; // some thread has some; else known_ is untouched
  std::vector<uint32_t> labels_, warpFloor_, live_, initial_;
  std::vector<Thread> known_;
  std::unordered_map<uint32_t, Joint> arrived_; // by bar.arrive, until completion
};

} // namespace mamba::sim
