// The race checks against a slow model that knows every access and a full
// vector clock of every thread.
#include "runtime/device/sim/Monitor.h"

#include <gtest/gtest.h>

#include <map>
#include <random>
#include <vector>

using namespace mamba;
using namespace mamba::sim;

namespace {
constexpr uint32_t spaceBytes = 256, steps = 200;

/// Happens-before, as it is defined: thread t of block b is number b * threads + t.
class Model {
public:
  Model(uint32_t blocks, uint32_t threads)
      : threads_(threads), clocks_(blocks * threads, Clock(blocks * threads)),
        pending_(clocks_), fenced_(clocks_), whole_(blocks * threads),
        ownFence_(blocks * threads) {
    for (uint32_t t = 0; t < clocks_.size(); ++t)
      clocks_[t][t] = 1;
  }
  using Clock = std::vector<uint32_t>;

  /// Whether the access of these threads (one instruction) races. It has
  /// happened then, unless it races and !isDone.
  bool access(const std::vector<uint32_t> &who, const std::vector<uint64_t> &at, uint32_t bytes,
              bool isWrite, Order order, bool isDone) {
    bool isStrong = order != Order::Weak;
    bool isRace = false;
    size_t before = events_.size();
    for (size_t i = 0; i < who.size(); ++i) {
      uint32_t t = who[i];
      for (const Event &e : events_)
        if (e.at < at[i] + bytes && at[i] < e.at + e.bytes && (e.isWrite || isWrite) &&
            !(e.isStrong && isStrong) && e.thread != t &&
            clocks_[t][e.thread] < (e.thread / threads_ == t / threads_ ? e.clock : e.gridClock))
          isRace = true;
      // A relaxed write is ordered before who sees what it publishes.
      uint32_t now = clocks_[t][t], fenced = isWrite && order == Order::Relaxed ? fenced_[t][t] : 0;
      uint32_t own = fenced ? ownFence_[t] : 0;
      events_.push_back({t, own >= whole_[t] && own ? own : now, fenced ? fenced : now, at[i],
                         bytes, isWrite, isStrong});
    }
    if (isRace && !isDone)
      events_.resize(before);
    return isRace;
  }
  struct Meeting {
    Clock now, pending, fenced;
  };
  void barrier(const std::vector<uint32_t> &who, const std::vector<Meeting> &arrived = {}) {
    Clock all(clocks_.size()), pending(clocks_.size()), fenced(clocks_.size());
    for (uint32_t t : who) {
      join(all, clocks_[t]);
      join(pending, pending_[t]);
      join(fenced, fenced_[t]);
    }
    for (const Meeting &m : arrived) {
      join(all, m.now);
      join(pending, m.pending);
      join(fenced, m.fenced);
    }
    for (uint32_t t : who) {
      clocks_[t] = all;
      pending_[t] = pending;
      fenced_[t] = fenced;
      ++clocks_[t][t];
      if (who.size() == threads_ && arrived.empty())
        whole_[t] = clocks_[t][t];
    }
  }
  Meeting arrive(uint32_t t) {
    Meeting was{clocks_[t], pending_[t], fenced_[t]};
    ++clocks_[t][t];
    return was;
  }
  void fence(uint32_t t) {
    join(clocks_[t], pending_[t]);
    pending_[t].assign(clocks_.size(), 0);
    fenced_[t] = clocks_[t];
    ownFence_[t] = clocks_[t][t];
    ++clocks_[t][t];
  }
  void publish(uint32_t t, uint64_t at, Order order) {
    Clock &place = places_[at];
    place.resize(clocks_.size());
    if (order == Order::Release || order == Order::AcquireRelease) {
      join(place, clocks_[t]);
      ++clocks_[t][t];
    } else {
      join(place, fenced_[t]);
    }
  }
  void observe(uint32_t t, uint64_t at, Order order) {
    Clock &place = places_[at];
    place.resize(clocks_.size());
    bool isAcquire = order == Order::Acquire || order == Order::AcquireRelease;
    join(isAcquire ? clocks_[t] : pending_[t], place);
  }

private:
  static void join(Clock &a, const Clock &b) {
    for (size_t i = 0; i < a.size(); ++i)
      a[i] = std::max(a[i], b[i]);
  }
  struct Event {
    uint32_t thread, clock, gridClock; // for threads of its block, of others
    uint64_t at;
    uint32_t bytes;
    bool isWrite, isStrong;
  };
  uint32_t threads_;
  std::vector<Clock> clocks_, pending_, fenced_;
  // Own clock at the last barrier of the whole block, and at the own last fence.
  std::vector<uint32_t> whole_, ownFence_;
  std::vector<Event> events_;
  std::map<uint64_t, Clock> places_;
};

struct Mix {
  uint32_t blocks = 1, threads = 72;
  bool hasPartialWarps = true, hasPartialBarriers = true, hasBytes = true;
  bool hasStrong = false, hasOrder = false;
  MemorySpace space = MemorySpace::Shared;
};

/// What a random program came to: how many accesses until its race, if any.
struct Outcome {
  bool isRace = false, isModelRace = false;
  uint32_t accesses = 0;
  Defect defect;
};

Outcome runRandom(const Mix &mix, uint32_t seed) {
  std::mt19937 random(seed);
  auto below = [&](uint32_t n) { return static_cast<uint32_t>(random() % n); };
  GlobalMemory memory;
  alignas(256) static uint8_t bytes[spaceBytes];
  uint64_t base = *memory.map(bytes, spaceBytes, "x", true);
  Checks checks;
  checks.unwritten = false;
  LaunchShape shape;
  shape.blocks = mix.blocks;
  shape.threads = mix.threads;
  shape.sharedBytes = spaceBytes;
  shape.canOrderBlocks = mix.hasOrder;
  LaunchMonitor launch(memory, checks, shape);
  std::vector<std::unique_ptr<BlockMonitor>> blocks;
  for (uint32_t b = 0; b < mix.blocks; ++b) {
    blocks.push_back(std::make_unique<BlockMonitor>(launch));
    blocks.back()->begin(b);
  }
  Model model(mix.blocks, mix.threads);
  uint32_t warps = (mix.threads + 31) / 32;
  auto existing = [&](uint32_t warp) {
    uint32_t n = std::min(32u, mix.threads - warp * 32);
    return n == 32 ? ~0u : (1u << n) - 1;
  };
  auto numbers = [&](uint32_t block, uint32_t warp, uint32_t lanes) {
    std::vector<uint32_t> list;
    for (uint32_t l = 0; l < 32; ++l)
      if (lanes >> l & 1)
        list.push_back(block * mix.threads + warp * 32 + l);
    return list;
  };
  // Few lanes, so that they meet.
  auto someLanes = [&](uint32_t warp) {
    uint32_t lanes = 0;
    for (uint32_t i = 0, n = 1 + below(3); i < n; ++i)
      lanes |= 1u << below(4);
    lanes &= existing(warp);
    return lanes ? lanes : 1u;
  };
  uint64_t addresses[32] = {};
  uint8_t *host[32];

  Outcome outcome;
  uint32_t words = 2 + below(below(2) ? 6 : spaceBytes / 4 - 2), syncs = 10 + below(60);
  // Most programs avoid their races for long: those go deep.
  bool isCareful = below(4) != 0;
  for (uint32_t step = 0; step < steps; ++step) {
    uint32_t b = below(mix.blocks), warp = below(warps);
    BlockMonitor &block = *blocks[b];
    uint32_t what = below(100);
    if (what < syncs) {
      uint32_t kind = below(10);
      if (kind < 3) {
        uint32_t lanes = existing(warp);
        if (mix.hasPartialWarps && below(2))
          lanes = someLanes(warp) | someLanes(warp);
        block.warpBarrier(warp, lanes);
        model.barrier(numbers(b, warp, lanes));
      } else if (kind < 6 || !mix.hasPartialBarriers) {
        std::vector<uint32_t> waiters, all;
        for (uint32_t w = 0; w < warps; ++w) {
          waiters.push_back(existing(w));
          block.barrierArrive(0, w, waiters[w], true);
          for (uint32_t t : numbers(b, w, waiters[w]))
            all.push_back(t);
        }
        block.barrierComplete(0, waiters.data());
        model.barrier(all);
      } else if (kind < 8) {
        std::vector<uint32_t> waiters(warps), all;
        std::vector<Model::Meeting> arrived;
        for (uint32_t w = 0; w < warps; ++w) {
          uint32_t how = below(3);
          uint32_t lanes = below(2) ? existing(w) : someLanes(w);
          if (how == 1) {
            waiters[w] = lanes;
            block.barrierArrive(1, w, lanes, true);
            for (uint32_t t : numbers(b, w, lanes))
              all.push_back(t);
          } else if (how == 2) {
            block.barrierArrive(1, w, lanes, false);
            for (uint32_t t : numbers(b, w, lanes))
              arrived.push_back(model.arrive(t));
          }
        }
        block.barrierComplete(1, waiters.data());
        model.barrier(all, arrived);
      } else if (mix.hasOrder) {
        uint32_t lanes = someLanes(warp);
        block.fence(warp, lanes);
        for (uint32_t t : numbers(b, warp, lanes))
          model.fence(t);
      }
      continue;
    }

    WarpAccess access;
    access.pc = step;
    access.warp = warp;
    access.lanes = someLanes(warp);
    access.bytes = access.align = mix.hasBytes ? 1u << below(4) : 4;
    access.kind = below(3) ? AccessKind::Load : AccessKind::Store;
    if (mix.hasStrong && below(2)) {
      access.kind = static_cast<AccessKind>(below(3));
      access.order = Order::Relaxed;
      if (mix.hasOrder)
        access.order = below(2)                         ? Order::Relaxed
                       : access.kind == AccessKind::Load ? Order::Acquire
                                                         : Order::AcquireRelease;
    }
    access.addresses = addresses;
    bool isGlobal = mix.space == MemorySpace::Global;
    // All lanes the same, each its own, or one beside the other.
    bool isSame = below(3) == 0, isRun = below(3) == 0;
    uint32_t runLanes = std::min({words * 4 / access.bytes, mix.threads - warp * 32, 32u});
    if (isRun && runLanes > 2) {
      uint32_t first = below(3), n = 1 + below(runLanes - 2);
      access.lanes = (n == 32 ? ~0u : (1u << n) - 1) << first & existing(warp);
    }
    std::vector<uint32_t> who = numbers(b, warp, access.lanes);
    std::vector<uint64_t> at;
    uint64_t one = below(words * 4) / access.bytes * access.bytes;
    for (uint32_t l = 0; l < 32; ++l) {
      uint64_t offset = isRun    ? l % runLanes * access.bytes
                        : isSame ? one
                                 : below(words * 4) / access.bytes * access.bytes;
      addresses[l] = offset + (isGlobal ? base : 0);
      if (access.lanes >> l & 1)
        at.push_back(offset);
    }
    bool isStrong = access.order != Order::Weak, isWrite = access.kind != AccessKind::Load;
    bool isDone = !isCareful || below(50) == 0;
    if (!isDone && model.access(who, at, access.bytes, isWrite, access.order, false))
      continue;
    outcome.isModelRace =
        isDone && model.access(who, at, access.bytes, isWrite, access.order, true);
    if (isStrong && isWrite && mix.hasOrder)
      for (size_t i = 0; i < who.size(); ++i)
        model.publish(who[i], at[i], access.order);
    outcome.isRace = !(isGlobal ? block.global(access, host) : block.shared(access));
    ++outcome.accesses;
    if (outcome.isRace || outcome.isModelRace) {
      if (outcome.isRace)
        outcome.defect = block.defect();
      return outcome;
    }
    if (isStrong && access.kind != AccessKind::Store && mix.hasOrder) {
      block.observed(mix.space, access);
      for (size_t i = 0; i < who.size(); ++i)
        model.observe(who[i], at[i], access.order);
    }
  }
  return outcome;
}

/// The checks say the same as the model, program by program.
void expectExact(const Mix &mix, uint32_t programs) {
  uint32_t races = 0, none = 0, deep = 0;
  for (uint32_t seed = 0; seed < programs; ++seed) {
    Outcome o = runRandom(mix, seed);
    ASSERT_EQ(o.isRace, o.isModelRace) << "program " << seed;
    races += o.isRace;
    none += !o.isRace;
    deep += o.accesses > 30;
    if (o.isRace) {
      ASSERT_EQ(o.defect.kind, DefectKind::Race);
      ASSERT_TRUE(o.defect.other);
      if (!mix.hasStrong) {
        ASSERT_LT(o.defect.other->pc, steps);
      }
    }
  }
  // Both outcomes, and not only at the first steps.
  EXPECT_GT(races, programs / 5);
  EXPECT_GT(none, programs / 20);
  EXPECT_GT(deep, programs / 5);
}
} // namespace

TEST(ChecksRaces, SharedMemoryIsExact) { expectExact({}, 1000); }

TEST(ChecksRaces, WholeBarriersAreExact) {
  Mix mix;
  mix.hasPartialWarps = mix.hasPartialBarriers = mix.hasBytes = false;
  expectExact(mix, 500);
}

TEST(ChecksRaces, GlobalMemoryWithinABlockIsExact) {
  Mix mix;
  mix.space = MemorySpace::Global;
  expectExact(mix, 500);
}

TEST(ChecksRaces, BlocksThatNothingOrdersAreExact) {
  Mix mix;
  mix.blocks = 3;
  mix.threads = 40;
  mix.space = MemorySpace::Global;
  expectExact(mix, 1000);
}

// Strong accesses that order nothing: a strong read says less than a weak one, and
// must not be forgotten for it.
TEST(ChecksRaces, StrongAccessesOfBlocksAreExact) {
  Mix mix;
  mix.blocks = 4;
  mix.threads = 1; // within a block all is ordered
  mix.hasStrong = true;
  mix.space = MemorySpace::Global;
  expectExact(mix, 3000);
}

TEST(ChecksRaces, StrongAccessesGiveNoFalseAlarm) {
  Mix mix;
  mix.blocks = 3;
  mix.threads = 40;
  mix.hasStrong = true;
  mix.space = MemorySpace::Global;
  for (uint32_t seed = 0; seed < 1000; ++seed) {
    Outcome o = runRandom(mix, seed);
    ASSERT_FALSE(o.isRace && !o.isModelRace) << "program " << seed << " " << o.defect.where;
  }
}

// Atomics and fences: what is reported is a race. Not every race is: of atomics
// on one address only the last is remembered.
TEST(ChecksRaces, AtomicsAndFencesGiveNoFalseAlarm) {
  for (MemorySpace space : {MemorySpace::Shared, MemorySpace::Global}) {
    Mix mix;
    mix.blocks = space == MemorySpace::Shared ? 1 : 2;
    mix.threads = 40;
    mix.hasStrong = mix.hasOrder = true;
    mix.space = space;
    uint32_t found = 0, missed = 0;
    for (uint32_t seed = 0; seed < 1500; ++seed) {
      Outcome o = runRandom(mix, seed);
      ASSERT_FALSE(o.isRace && !o.isModelRace) << "program " << seed << " " << o.defect.where;
      found += o.isRace;
      missed += !o.isRace && o.isModelRace;
    }
    EXPECT_GT(found, 200u);
    EXPECT_LT(missed, found / 5);
  }
}
