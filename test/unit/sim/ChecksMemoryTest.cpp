// Bounds, alignment, unwritten bytes, cp.async and order between blocks, told to
// the monitors directly.
#include "runtime/device/sim/Monitor.h"
#include "runtime/device/sim/OrderedPage.h"

#include <gtest/gtest.h>

#include <memory>
#include <vector>

using namespace mamba;
using namespace mamba::sim;

namespace {
constexpr uint32_t allLanes = ~uint32_t(0);

/// One launch of a few blocks over the allocations x (256 bytes, written), y
/// (256 bytes, unwritten) and w (128 bytes, read-only).
class Watched {
public:
  explicit Watched(uint32_t blocks = 1, uint32_t threads = 64, bool canOrderBlocks = false) {
    x = *memory.map(xBytes, sizeof xBytes, "x", true);
    y = *memory.map(yBytes, sizeof yBytes, "y", false);
    w = *memory.mapReadOnly(wBytes, sizeof wBytes, "w");
    LaunchShape shape;
    shape.blocks = blocks;
    shape.threads = threads;
    shape.sharedBytes = 1024;
    shape.localBytes = 64;
    shape.canOrderBlocks = canOrderBlocks;
    shape.shared = {{"tile", 256, 512}};
    launch = std::make_unique<LaunchMonitor>(memory, Checks(), shape);
    for (uint32_t b = 0; b < blocks; ++b) {
      list.push_back(std::make_unique<BlockMonitor>(*launch));
      list.back()->begin(b);
    }
  }

  WarpAccess access(AccessKind kind, uint64_t first, uint64_t stride, uint32_t bytes,
                    uint32_t lanes) {
    for (uint32_t l = 0; l < 32; ++l)
      addresses[l] = first + l * stride;
    WarpAccess a;
    a.lanes = lanes;
    a.bytes = a.align = bytes;
    a.kind = kind;
    a.addresses = addresses;
    a.pc = ++pc;
    return a;
  }
  bool global(AccessKind kind, uint64_t first, uint64_t stride = 4, uint32_t bytes = 4,
              uint32_t lanes = allLanes) {
    return list[0]->global(access(kind, first, stride, bytes, lanes), host);
  }
  bool shared(AccessKind kind, uint64_t first, uint64_t stride = 4, uint32_t bytes = 4,
              uint32_t lanes = allLanes, uint32_t warp = 0) {
    WarpAccess a = access(kind, first, stride, bytes, lanes);
    a.warp = warp;
    return list[0]->shared(a);
  }
  bool asyncCopy(uint64_t first, uint32_t lanes = allLanes) {
    return list[0]->asyncCopy(access(AccessKind::Store, first, 4, 4, lanes), nullptr, 0);
  }
  void barrier() {
    uint32_t waiters[2] = {allLanes, allLanes};
    list[0]->barrierComplete(0, waiters);
  }
  /// A lane's strong access to x + offset, as one instruction with what it sees.
  bool strong(uint32_t block, AccessKind kind, uint64_t offset, Order order = Order::Relaxed) {
    WarpAccess a = access(kind, x + offset, 0, 4, 1);
    a.order = order;
    if (!list[block]->global(a, host))
      return false;
    if (kind != AccessKind::Store)
      list[block]->observed(MemorySpace::Global, a);
    return true;
  }
  bool weak(uint32_t block, AccessKind kind, uint64_t offset, uint32_t lanes = 1) {
    return list[block]->global(access(kind, x + offset, 4, 4, lanes), host);
  }
  std::string message(uint32_t block = 0) const {
    LaunchText text;
    text.kernel = "k";
    text.grid[0] = 4;
    text.instruction = [](uint32_t pc) { return InstructionText{pc, "op"}; };
    return describe(list[block]->defect(), text).message();
  }
  DefectKind kind(uint32_t block = 0) const { return list[block]->defect().kind; }

  alignas(256) uint8_t xBytes[256] = {}, yBytes[256] = {}, wBytes[128] = {};
  GlobalMemory memory;
  uint64_t x = 0, y = 0, w = 0;
  std::unique_ptr<LaunchMonitor> launch;
  std::vector<std::unique_ptr<BlockMonitor>> list;
  uint8_t *host[32];
  uint64_t addresses[32];
  uint32_t pc = 0;
};

constexpr AccessKind load = AccessKind::Load, store = AccessKind::Store,
                     atomic = AccessKind::Atomic;
} // namespace

TEST(ChecksMemory, AddressesResolveToTheHost) {
  Watched m;
  EXPECT_EQ(m.x % 256, 0u);
  EXPECT_GE(m.x, globalBase);
  EXPECT_GE(m.y - (m.x + 256), 256u);
  ASSERT_TRUE(m.global(load, m.x + 64));
  EXPECT_EQ(m.host[5], m.xBytes + 64 + 20);
  // Lanes in two allocations.
  WarpAccess a = m.access(load, m.x, 0, 4, 3);
  m.addresses[1] = m.w + 4;
  ASSERT_TRUE(m.list[0]->global(a, m.host));
  EXPECT_EQ(m.host[0], m.xBytes);
  EXPECT_EQ(m.host[1], m.wBytes + 4);
}

TEST(ChecksMemory, AlignmentIsTheHosts) {
  alignas(256) uint8_t bytes[64];
  GlobalMemory memory;
  EXPECT_EQ(*memory.map(bytes + 20, 44, "odd", true) % 256, 20u);
}

TEST(ChecksMemory, OutOfBoundsNamesTheLane) {
  Watched m;
  EXPECT_TRUE(m.global(load, m.x + 128));
  EXPECT_FALSE(m.global(load, m.x + 132));
  EXPECT_EQ(m.message(), "kernel 'k': out-of-bounds read of global memory: line 2 `op` in warp 0 "
                         "lane 31 of block (0,0,0), at 'x' + 256 of 256 bytes (4 bytes)");
  EXPECT_FALSE(m.global(store, m.x - 4, 4, 4, 1));
  EXPECT_NE(m.message().find("out-of-bounds write"), std::string::npos);
  EXPECT_NE(m.message().find("4 bytes before 'x' of 256 bytes"), std::string::npos);
  EXPECT_FALSE(m.global(load, 0));
  EXPECT_NE(m.message().find("address 0x0 in no allocation"), std::string::npos);
  EXPECT_FALSE(m.global(load, ~uint64_t(3), 0));
  // A vector that begins inside and ends outside.
  EXPECT_FALSE(m.list[0]->global(
      [&] {
        WarpAccess a = m.access(load, m.x + 248, 0, 16, 1);
        a.align = 8;
        return a;
      }(),
      m.host));
  EXPECT_EQ(m.kind(), DefectKind::OutOfBounds);
}

TEST(ChecksMemory, SharedBoundsNameTheVariable) {
  Watched m;
  EXPECT_TRUE(m.shared(store, 1024 - 128));
  EXPECT_FALSE(m.shared(store, 1024 - 124));
  EXPECT_NE(m.message().find("out-of-bounds write of shared memory"), std::string::npos);
  EXPECT_NE(m.message().find("shared memory + 1024 of 1024 bytes"), std::string::npos);
  EXPECT_FALSE(m.shared(load, 260));
  EXPECT_NE(m.message().find("'tile' + 4 of 512 bytes"), std::string::npos);
}

TEST(ChecksMemory, Alignment) {
  Watched m;
  EXPECT_TRUE(m.global(load, m.x + 16, 16, 16, 0xf));
  EXPECT_FALSE(m.global(load, m.x + 8, 16, 16, 0xf));
  EXPECT_EQ(m.kind(), DefectKind::Misaligned);
  EXPECT_NE(m.message().find("a multiple of 16 is asked for"), std::string::npos);
  EXPECT_FALSE(m.shared(store, 2, 4, 4, 0xf));
  EXPECT_EQ(m.kind(), DefectKind::Misaligned);
}

TEST(ChecksMemory, ReadOnly) {
  Watched m;
  EXPECT_TRUE(m.global(load, m.w, 4));
  EXPECT_FALSE(m.global(store, m.w, 4));
  EXPECT_EQ(m.kind(), DefectKind::ReadOnly);
}

TEST(ChecksMemory, UnwrittenGlobal) {
  Watched m;
  EXPECT_FALSE(m.global(load, m.y, 4, 4, 1));
  EXPECT_EQ(m.kind(), DefectKind::Unwritten);
  EXPECT_TRUE(m.global(store, m.y, 4, 4, 0xff));
  EXPECT_TRUE(m.global(load, m.y, 4, 4, 0xff));
  EXPECT_FALSE(m.global(load, m.y, 4, 4, 0x1ff));
  EXPECT_EQ(m.list[0]->defect().party.lane, 8u);
  EXPECT_FALSE(m.global(atomic, m.y + 32, 0, 4, 1));
  m.memory.markWritten(m.y + 32, 4);
  EXPECT_TRUE(m.global(load, m.y, 4, 4, 0x1ff));
  m.memory.markUnwritten(m.y + 4, 1);
  EXPECT_FALSE(m.global(load, m.y, 4, 4, 0x1ff));
  EXPECT_NE(m.message().find("'y' + 4 of 256 bytes"), std::string::npos);
}

TEST(ChecksMemory, MarkUnwrittenReachesWhatWasMappedWritten) {
  Watched m;
  EXPECT_TRUE(m.global(load, m.x));
  m.memory.markUnwritten(m.x + 130, 1);
  EXPECT_TRUE(m.global(load, m.x));
  EXPECT_FALSE(m.global(load, m.x + 4));
  m.memory.markWritten(m.x, 256);
  EXPECT_TRUE(m.global(load, m.x + 4));
}

TEST(ChecksMemory, SharedAndLocalStartUnwrittenInEachBlock) {
  Watched m;
  EXPECT_FALSE(m.shared(load, 0, 4, 4, 1));
  EXPECT_EQ(m.kind(), DefectKind::Unwritten);
  EXPECT_TRUE(m.shared(store, 0, 4, 2, 1));
  EXPECT_FALSE(m.shared(load, 0, 4, 4, 1));
  EXPECT_TRUE(m.shared(load, 0, 4, 2, 1));
  EXPECT_TRUE(m.list[0]->local(m.access(store, 8, 0, 4, 2)));
  EXPECT_TRUE(m.list[0]->local(m.access(load, 8, 0, 4, 2)));
  EXPECT_FALSE(m.list[0]->local(m.access(load, 8, 0, 4, 1))); // another lane's own
  EXPECT_EQ(m.kind(), DefectKind::Unwritten);
  EXPECT_FALSE(m.list[0]->local(m.access(store, 64, 0, 4, 1)));
  EXPECT_EQ(m.kind(), DefectKind::OutOfBounds);
  m.list[0]->begin(1);
  EXPECT_FALSE(m.shared(load, 0, 4, 2, 1));
  EXPECT_FALSE(m.list[0]->local(m.access(load, 8, 0, 4, 2)));
}

TEST(ChecksMemory, OneInstructionThatWritesTwiceIsARace) {
  Watched m;
  EXPECT_FALSE(m.shared(store, 16, 0, 4, 6));
  EXPECT_EQ(m.message(),
            "kernel 'k': race on shared memory: line 1 `op` in warp 0 lane 2 of block (0,0,0) "
            "writes, against the write of line 1 `op` in warp 0 lane 1 of block (0,0,0), at "
            "shared memory + 16 of 1024 bytes (4 bytes); lanes of one instruction meet, or a "
            "bar.warp.sync is missing between them");
}

TEST(ChecksMemory, RacesNameWhatIsMissing) {
  Watched m;
  ASSERT_TRUE(m.shared(store, 0, 4, 4, 1));
  EXPECT_FALSE(m.shared(load, 0, 0, 4, 2));
  EXPECT_NE(m.message().find("a bar.warp.sync is missing between them"), std::string::npos);
  m.list[0]->warpBarrier(0, allLanes);
  EXPECT_TRUE(m.shared(load, 0, 0, 4, 2));
  EXPECT_FALSE(m.shared(load, 0, 0, 4, 2, 1));
  EXPECT_NE(m.message().find("a barrier is missing between them"), std::string::npos);
  m.barrier();
  EXPECT_TRUE(m.shared(load, 0, 0, 4, 2, 1));
}

TEST(ChecksMemory, AsyncCopyIsPendingUntilItsWait) {
  Watched m;
  ASSERT_TRUE(m.asyncCopy(0));
  m.list[0]->asyncCommit(0, allLanes);
  ASSERT_TRUE(m.asyncCopy(128));
  m.list[0]->asyncCommit(0, allLanes);
  EXPECT_FALSE(m.shared(load, 0));
  EXPECT_EQ(m.kind(), DefectKind::AsyncPending);
  EXPECT_NE(m.message().find("copied by line 1 `op`"), std::string::npos);
  m.list[0]->asyncWait(0, allLanes, 1);
  EXPECT_TRUE(m.shared(load, 0));     // each lane what it copied
  EXPECT_FALSE(m.shared(store, 128)); // the second group is under way
  EXPECT_EQ(m.kind(), DefectKind::AsyncPending);
  EXPECT_FALSE(m.shared(load, 4, 4, 4, 1)); // another lane's
  EXPECT_EQ(m.kind(), DefectKind::Race);
  m.barrier();
  EXPECT_TRUE(m.shared(load, 4, 4, 4, 1));
  m.list[0]->asyncWaitAll(0, allLanes);
  m.barrier();
  EXPECT_TRUE(m.shared(load, 128, 4, 4, allLanes, 1));
}

TEST(ChecksMemory, AsyncWaitIsOfTheLanesThatWait) {
  Watched m;
  ASSERT_TRUE(m.asyncCopy(0, 3));
  m.list[0]->asyncCommit(0, 3);
  m.list[0]->asyncWait(0, 1, 0);
  EXPECT_TRUE(m.shared(load, 0, 4, 4, 1));
  EXPECT_FALSE(m.shared(load, 0, 4, 4, 2));
  EXPECT_EQ(m.kind(), DefectKind::AsyncPending);
  // What was not committed is no group.
  ASSERT_TRUE(m.asyncCopy(512, 1));
  m.list[0]->asyncWait(0, 1, 0);
  EXPECT_FALSE(m.shared(load, 512, 4, 4, 1));
  m.list[0]->asyncWaitAll(0, 1);
  EXPECT_TRUE(m.shared(load, 512, 4, 4, 1));
}

TEST(ChecksMemory, AsyncSourceMustNotChange) {
  Watched m;
  uint64_t source[32] = {m.x + 16};
  ASSERT_TRUE(m.list[0]->asyncCopy(m.access(store, 0, 4, 4, 1), source, 4));
  EXPECT_TRUE(m.global(store, m.x, 4, 4, 0xf));
  EXPECT_FALSE(m.global(store, m.x + 16, 4, 4, 1));
  EXPECT_EQ(m.kind(), DefectKind::AsyncSource);
  m.list[0]->asyncCommit(0, 1);
  m.list[0]->asyncWait(0, 1, 0);
  EXPECT_TRUE(m.global(store, m.x + 16, 4, 4, 1));
}

// An asynchronous copy over what others have read since the last barrier.
TEST(ChecksMemory, AsyncCopyNeedsABarrierBeforeTheNextStage) {
  Watched m;
  ASSERT_TRUE(m.shared(store, 0));
  m.barrier();
  ASSERT_TRUE(m.shared(load, 0, 0, 4, 1, 1));
  EXPECT_FALSE(m.asyncCopy(0));
  EXPECT_EQ(m.kind(), DefectKind::Race);
}

TEST(ChecksMemory, BlocksThatNothingOrders) {
  Watched m(2);
  EXPECT_TRUE(m.weak(0, store, 0));
  EXPECT_TRUE(m.weak(1, store, 4));
  EXPECT_FALSE(m.weak(1, load, 0));
  EXPECT_NE(m.message(1).find("nothing orders the two blocks"), std::string::npos);
  EXPECT_NE(m.message(1).find("of block (1,0,0) reads, against the write of line 1"),
            std::string::npos);
  EXPECT_TRUE(m.weak(0, load, 8));
  EXPECT_TRUE(m.weak(1, load, 8));
  EXPECT_FALSE(m.weak(1, store, 8));
}

TEST(ChecksMemory, AtomicsOfBlocksDoNotRace) {
  Watched m(2);
  EXPECT_TRUE(m.strong(0, atomic, 0));
  EXPECT_TRUE(m.strong(1, atomic, 0));
  EXPECT_FALSE(m.weak(1, load, 0));
  EXPECT_EQ(m.kind(1), DefectKind::Race);
}

// The last block to come reads what all wrote: fence, atomic; atomic, fence.
TEST(ChecksMemory, LastBlockDone) {
  for (bool hasReleaseFence : {true, false})
    for (bool hasAcquireFence : {true, false}) {
      Watched m(3, 64, true);
      uint32_t waiters[2] = {allLanes, allLanes};
      for (uint32_t b = 0; b < 3; ++b) {
        ASSERT_TRUE(m.weak(b, store, 128 + 8 * b, 3));
        m.list[b]->barrierComplete(0, waiters);
        if (hasReleaseFence)
          m.list[b]->fence(0, 1);
        ASSERT_TRUE(m.strong(b, atomic, 0));
      }
      if (hasAcquireFence)
        m.list[2]->fence(0, 1);
      m.list[2]->barrierComplete(0, waiters);
      EXPECT_EQ(m.weak(2, load, 128, 0x3f), hasReleaseFence && hasAcquireFence);
      // And sets the counter back.
      if (hasReleaseFence && hasAcquireFence) {
        EXPECT_TRUE(m.weak(2, store, 0));
      }
    }
}

// Without the barrier the other lane's partial sum is not released.
TEST(ChecksMemory, LastBlockDoneWithoutItsBarrier) {
  Watched m(2, 64, true);
  ASSERT_TRUE(m.weak(0, store, 128, 3));
  m.list[0]->fence(0, 1);
  ASSERT_TRUE(m.strong(0, atomic, 0));
  ASSERT_TRUE(m.strong(1, atomic, 0));
  m.list[1]->fence(0, 1);
  EXPECT_TRUE(m.weak(1, load, 128));
  EXPECT_FALSE(m.weak(1, load, 128, 2));
}

// Two rounds of a barrier over the grid, by an atomic and a spinning load.
TEST(ChecksMemory, GridBarrier) {
  Watched m(2, 64, true);
  uint32_t waiters[2] = {allLanes, allLanes};
  for (uint32_t round = 0; round < 2; ++round) {
    for (uint32_t b = 0; b < 2; ++b)
      ASSERT_TRUE(m.weak(b, store, 64 + 4 * (b ^ round)));
    for (uint32_t b = 0; b < 2; ++b) {
      m.list[b]->barrierComplete(0, waiters);
      m.list[b]->fence(0, 1);
      ASSERT_TRUE(m.strong(b, atomic, 0));
    }
    for (uint32_t b = 0; b < 2; ++b) {
      ASSERT_TRUE(m.strong(b, load, 0));
      m.list[b]->fence(0, 1);
      m.list[b]->barrierComplete(0, waiters);
    }
  }
  EXPECT_TRUE(m.weak(0, load, 64, 3));
}

// What threads read again after a barrier takes no more room, and what many warps
// read takes a bounded one; the race with the last of them is found.
TEST(ChecksMemory, ReadsOfManyBlocksTakeBoundedRoom) {
  constexpr uint32_t threads = 64, words = OrderedPage::bytes / 4;
  const uint32_t waiters[] = {allLanes, allLanes};
  OrderedPage page;
  BlockClocks clocks(threads, 0);
  auto touch = [&](uint32_t warp, uint64_t offset, uint32_t bytes, bool isWrite) {
    AccessTable::Answer answer;
    Toucher who;
    who.warp = warp;
    page.touch(clocks, who, isWrite ? 1 : allLanes, offset, bytes, isWrite, answer);
    return answer;
  };
  for (uint64_t block = 0; block < 64; ++block) {
    clocks.begin(block);
    for (uint32_t warp = 0; warp < 2; ++warp)
      clocks.fence(warp, allLanes);
    for (uint32_t round = 0; round < 8; ++round) {
      for (uint32_t warp = 0; warp < 2; ++warp)
        for (uint32_t i = 0; i < words; ++i)
          ASSERT_FALSE(touch(warp, 4 * i, 4, false).isRace);
      clocks.barrierComplete(0, waiters);
    }
    if (block == 0)
      EXPECT_LE(page.room(), 2 * words);
    EXPECT_LE(page.room(), OrderedPage::mostRoom * words);
  }
  touch(0, 0, 1, false);
  EXPECT_LE(page.room(), OrderedPage::mostRoom * words * 4);
  clocks.begin(64);
  AccessTable::Answer answer = touch(0, 400, 4, true);
  EXPECT_TRUE(answer.isRace);
  EXPECT_FALSE(answer.other.isWrite);
}

TEST(ChecksMemory, AcquireAndReleaseNeedNoFence) {
  for (Order order : {Order::Relaxed, Order::Release}) {
    Watched m(2, 64, true);
    ASSERT_TRUE(m.weak(0, store, 128));
    ASSERT_TRUE(m.strong(0, store, 0, order));
    ASSERT_TRUE(m.strong(1, load, 0, Order::Acquire));
    EXPECT_EQ(m.weak(1, load, 128), order == Order::Release);
  }
}

TEST(ChecksMemory, UniqueSectors) {
  Watched m;
  ASSERT_TRUE(m.global(load, m.x));
  ASSERT_TRUE(m.global(load, m.x));
  ASSERT_TRUE(m.global(store, m.y, 64, 4, 3));
  Counts counts;
  m.launch->addUnique(counts);
  EXPECT_EQ(counts.uniqueBytesRead, 128u);
  EXPECT_EQ(counts.uniqueBytesWritten, 64u);
}

TEST(ChecksMemory, ReleasedMemoryIsGone) {
  Watched m;
  uint64_t x = m.x;
  m.memory.release(x);
  uint64_t again = *m.memory.map(m.xBytes, 256, "again", true);
  EXPECT_NE(again, x);
  LaunchShape shape;
  shape.threads = 32;
  LaunchMonitor launch(m.memory, Checks(), shape);
  BlockMonitor block(launch);
  block.begin(0);
  EXPECT_FALSE(block.global(m.access(load, x, 4, 4, 1), m.host));
  EXPECT_TRUE(block.global(m.access(load, again, 4, 4, 1), m.host));
}

// A launch is over before the next one begins, although records are used again.
TEST(ChecksMemory, LaunchesAreOrdered) {
  for (bool canOrderBlocks : {false, true}) {
    Watched m(2, 64, canOrderBlocks);
    ASSERT_TRUE(m.weak(0, store, 0, 3));
    for (int round = 0; round < 3; ++round) {
      m.list.clear();
      LaunchShape shape;
      shape.blocks = 2;
      shape.threads = 64;
      shape.canOrderBlocks = canOrderBlocks;
      m.launch = std::make_unique<LaunchMonitor>(m.memory, Checks(), shape);
      for (uint32_t b = 0; b < 2; ++b) {
        m.list.push_back(std::make_unique<BlockMonitor>(*m.launch));
        m.list.back()->begin(b);
      }
      EXPECT_TRUE(m.weak(1, load, 4)); // the other lane wrote it
      EXPECT_TRUE(m.weak(1, store, 0));
      EXPECT_FALSE(m.weak(0, load, 0));
    }
  }
}

TEST(ChecksMemory, MakeReadOnly) {
  Watched m;
  ASSERT_TRUE(m.global(store, m.y, 4, 4, 3));
  m.memory.makeReadOnly(m.y);
  EXPECT_TRUE(m.global(load, m.y, 4, 4, 3));
  EXPECT_FALSE(m.global(load, m.y, 4, 4, 7));
  EXPECT_EQ(m.kind(), DefectKind::Unwritten);
  EXPECT_FALSE(m.global(store, m.y, 4, 4, 3));
  EXPECT_EQ(m.kind(), DefectKind::ReadOnly);
}

TEST(ChecksMemory, NoMemoryIsRefused) {
  GlobalMemory memory;
  EXPECT_FALSE(memory.map(nullptr, 4, "x", true).ok());
  EXPECT_TRUE(memory.map(nullptr, 0, "empty", true).ok());
}
