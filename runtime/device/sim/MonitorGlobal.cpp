// The checks on global memory.
#include "runtime/device/sim/MonitorState.h"

#include <algorithm>

using namespace mamba::sim;

bool BlockMonitor::Impl::global(const WarpAccess &access, uint8_t **host) {
  AccessShape shape(access);
  Allocation *&recentOne = recent[access.pc % recent.size()];
  if (!recentOne || shape.low - recentOne->address >= recentOne->bytes)
    recentOne = launch.memory.find(shape.low);
  if (recentOne && recentOne->contains(shape.low, shape.high - shape.low)) {
    uint64_t base = reinterpret_cast<uintptr_t>(recentOne->host) - recentOne->address;
    for (uint32_t lane = 0; lane < 32; ++lane)
      host[lane] = reinterpret_cast<uint8_t *>(base + access.addresses[lane]);
    return globalIn(*recentOne, access, shape);
  }

  // Lanes in several allocations, or out of bounds.
  WarpAccess part = access;
  for (uint32_t left = access.lanes; left; left &= ~part.lanes) {
    uint32_t first = static_cast<uint32_t>(__builtin_ctz(left));
    Allocation *allocation = launch.memory.find(access.addresses[first]);
    part.lanes = 0;
    for (uint32_t rest = left; rest; rest &= rest - 1) {
      uint32_t lane = static_cast<uint32_t>(__builtin_ctz(rest));
      uint64_t address = access.addresses[lane];
      if (allocation && allocation->contains(address, access.bytes)) {
        part.lanes |= rest & -rest;
        host[lane] = allocation->host + (address - allocation->address);
      } else if (lane == first) {
        return failAt(DefectKind::OutOfBounds, MemorySpace::Global, access, lane, address);
      }
    }
    if (!globalIn(*allocation, part, AccessShape(part)))
      return false;
  }
  return true;
}

bool BlockMonitor::Impl::globalIn(Allocation &allocation, const WarpAccess &access,
                                  const AccessShape &shape) {
  if (!isAligned(MemorySpace::Global, access, shape))
    return false;
  if (launch.shape.settled != ~uint64_t(0) && !checkOverlap(allocation, access))
    return false;
  if (access.kind != AccessKind::Load) {
    if (allocation.changed.load(std::memory_order_relaxed) != launch.began)
      allocation.changed.store(launch.began, std::memory_order_relaxed);
    if (allocation.isReadOnly)
      return failAt(DefectKind::ReadOnly, MemorySpace::Global, access, shape.firstLane,
                    access.addresses[shape.firstLane]);
    if (async.isAny() && !checkSources(access))
      return false;
  }
  if (!allocation.written.isEmpty() && !checkWritten(MemorySpace::Global, access, shape,
                                                     allocation.written, allocation.bitBase()))
    return false;
  countSectors(allocation, access, shape);
  return !launch.checks.races || allocation.isReadOnly ||
         (checkGlobalRaces(allocation, access, shape) &&
          checkCoherence(allocation, access, shape));
}

bool BlockMonitor::Impl::checkOverlap(const Allocation &allocation, const WarpAccess &access) {
  bool isWrite = access.kind != AccessKind::Load;
  bool isSettled = allocation.changed.load(std::memory_order_relaxed) <= launch.shape.settled;
  uint32_t early = access.early & access.lanes;
  if (early && (isWrite || !isSettled)) {
    auto lane = static_cast<uint32_t>(__builtin_ctz(early));
    return failAt(DefectKind::Early, MemorySpace::Global, access, lane, access.addresses[lane],
                  isWrite ? "the launches before may still read it"
                          : "the launches before may still write it: only weights are settled");
  }
  if (!access.isNonCoherent || isSettled)
    return true;
  auto lane = static_cast<uint32_t>(__builtin_ctz(access.lanes));
  return failAt(DefectKind::NonCoherent, MemorySpace::Global, access, lane,
                access.addresses[lane],
                "a launch that may still run when this one begins writes it: ld.global.nc may "
                "give the old value");
}

/// Notes that the bytes were read so, or written; `offset` from bitBase().
bool BlockMonitor::Impl::isCoherent(const Allocation &allocation, bool isRead, uint64_t offset,
                                    uint64_t bytes) {
  for (uint64_t n = 0; bytes; offset += n, bytes -= n) {
    uint64_t begin = offset % CoherencePage::bytes;
    n = std::min(bytes, CoherencePage::bytes - begin);
    CoherencePage &page =
        getOrMake(chunkOf(allocation, offset)
                      .coherence[offset % LaunchChunk::bytes / CoherencePage::bytes],
                  [] { return std::make_unique<CoherencePage>(); });
    WrittenBits &mine = isRead ? page.read : page.written;
    if (!mine.all(begin, n)) {
      mine.set(begin, n);
      // Of two host threads that set bits one sees the other's.
      std::atomic_thread_fence(std::memory_order_seq_cst);
    }
    if ((isRead ? page.written : page.read).any(begin, n))
      return false;
  }
  return true;
}

bool BlockMonitor::Impl::checkCoherence(const Allocation &allocation, const WarpAccess &access,
                                        const AccessShape &shape) {
  bool isWrite = access.kind != AccessKind::Load;
  if (!launch.shape.hasNonCoherent || (!isWrite && !access.isNonCoherent))
    return true;
  uint64_t base = allocation.bitBase();
  if (shape.form != AccessShape::Form::Any &&
      isCoherent(allocation, !isWrite, shape.low - base, shape.high - shape.low))
    return true;
  for (uint32_t rest = access.lanes; rest; rest &= rest - 1) {
    uint32_t lane = static_cast<uint32_t>(__builtin_ctz(rest));
    uint64_t at = access.addresses[lane];
    if (!isCoherent(allocation, !isWrite, at - base, access.bytes))
      return failAt(DefectKind::NonCoherent, MemorySpace::Global, access, lane, at,
                    isWrite ? "an ld.global.nc of the same launch reads it"
                            : "written in the same launch: ld.global.nc may give the old value");
  }
  return true;
}

void BlockMonitor::Impl::countSectors(const Allocation &allocation, const WarpAccess &access,
                                      const AccessShape &shape) {
  auto count = [&](uint64_t low, uint64_t high) {
    uint64_t sector = (low - allocation.bitBase()) / LaunchChunk::sectorBytes;
    uint64_t end = (high - allocation.bitBase() - 1) / LaunchChunk::sectorBytes + 1;
    constexpr uint64_t perChunk = LaunchChunk::bytes / LaunchChunk::sectorBytes;
    while (sector < end) {
      uint64_t n = std::min(end - sector, perChunk - sector % perChunk);
      LaunchChunk &chunk = chunkOf(allocation, sector * LaunchChunk::sectorBytes);
      if (access.kind != AccessKind::Store)
        chunk.read.set(sector % perChunk, n);
      if (access.kind != AccessKind::Load)
        chunk.written.set(sector % perChunk, n);
      sector += n;
    }
  };
  if (shape.form != AccessShape::Form::Any) {
    count(shape.low, shape.high);
    return;
  }
  for (uint32_t rest = access.lanes; rest; rest &= rest - 1) {
    uint64_t at = access.addresses[__builtin_ctz(rest)];
    count(at, at + access.bytes);
  }
}

/// A weak access after a strong one of the same block, which the page knows, is
/// news although it is not new.
static bool isWeakNews(Allocation &allocation, uint64_t page, GridPage::Stamps stamps,
                       const Toucher &who, const AccessTable::Answer &answer) {
  return answer.isFresh && !who.isStrong && allocation.page(page).hasStrong(stamps);
}

void BlockMonitor::Impl::tellGrid(Allocation &allocation, const Toucher &who, uint32_t lanes,
                                  uint64_t offset, uint32_t bytes, bool isWrite,
                                  AccessTable::Answer &answer) {
  if (!launch.shape.canOrderBlocks) {
    // Where nothing orders blocks one lane stands for all.
    LaneRun run{offset % GridPage::bytes, bytes, static_cast<uint32_t>(__builtin_ctz(lanes)), 1};
    allocation.page(offset / GridPage::bytes)
        .touch(clocks, who, launch.stamps, run, isWrite, answer);
    return;
  }
  uint64_t page = offset % LaunchChunk::bytes / OrderedPage::bytes;
  getOrMake(chunkOf(allocation, offset).pages[page],
            [] { return std::make_unique<OrderedPage>(); })
      .touch(clocks, who, lanes, offset % OrderedPage::bytes, bytes, isWrite, answer);
}

/// Lanes that access the same bytes of one page; `offset` from bitBase().
bool BlockMonitor::Impl::checkGlobalSame(Allocation &allocation, const WarpAccess &access,
                                         const Toucher &who, uint32_t lanes, uint64_t offset,
                                         uint32_t bytes) {
  uint64_t page = offset / GridPage::bytes;
  AccessTable &table = records->pages.at(allocation.index, page);
  AccessTable::Answer answer;
  bool isWrite = access.kind != AccessKind::Load;
  if (isWrite)
    table.write(clocks, who, static_cast<uint32_t>(__builtin_ctz(lanes)),
                offset % GridPage::bytes, bytes, answer);
  else
    table.read(clocks, who, lanes, offset % GridPage::bytes, bytes, answer);
  // What was not done before is told to the launch's records.
  if (!answer.isRace &&
      (isToTell(answer) || isWeakNews(allocation, page, launch.stamps, who, answer)))
    tellGrid(allocation, who, lanes, offset, bytes, isWrite, answer);
  return !answer.isRace || failRace(MemorySpace::Global, access, answer,
                                    allocation.bitBase() + page * GridPage::bytes);
}

/// Consecutive lanes at consecutive bytes of one page; run.offset from bitBase().
bool BlockMonitor::Impl::checkGlobalRun(Allocation &allocation, const WarpAccess &access,
                                        const Toucher &who, LaneRun run) {
  uint64_t begin = run.offset, page = begin / GridPage::bytes;
  run.offset %= GridPage::bytes;
  AccessTable &table = records->pages.at(allocation.index, page);
  AccessTable::Answer answer;
  bool isWrite = access.kind != AccessKind::Load;
  if (isWrite)
    table.writeRun(clocks, who, run, answer);
  else
    table.readRun(clocks, who, run, answer);
  if (!answer.isRace &&
      (isToTell(answer) || isWeakNews(allocation, page, launch.stamps, who, answer))) {
    if (!launch.shape.canOrderBlocks)
      allocation.page(page).touch(clocks, who, launch.stamps, run, isWrite, answer);
    else
      for (uint32_t l = 0; l < run.count && !answer.isRace; ++l)
        tellGrid(allocation, who, 1u << (run.firstLane + l), begin + uint64_t(l) * run.bytes,
                 run.bytes, isWrite, answer);
  }
  return !answer.isRace || failRace(MemorySpace::Global, access, answer,
                                    allocation.bitBase() + page * GridPage::bytes);
}

bool BlockMonitor::Impl::checkGlobalRaces(Allocation &allocation, const WarpAccess &access,
                                          const AccessShape &shape) {
  Toucher who = toucherOf(access);
  uint64_t base = allocation.bitBase();
  auto same = [&](uint32_t lanes, uint64_t offset) {
    uint32_t here = static_cast<uint32_t>(
        std::min<uint64_t>(access.bytes, GridPage::bytes - offset % GridPage::bytes));
    return checkGlobalSame(allocation, access, who, lanes, offset, here) &&
           (here == access.bytes ||
            checkGlobalSame(allocation, access, who, lanes, offset + here, access.bytes - here));
  };
  bool isGood = true;
  if (access.kind == AccessKind::Load && shape.form == AccessShape::Form::Same)
    isGood = same(access.lanes, shape.low - base);
  else
    for (LaneRuns runs(access, base); isGood && runs.next();) {
      LaneRun run = runs.run;
      while (isGood && run.count) {
        uint64_t left = GridPage::bytes - run.offset % GridPage::bytes;
        LaneRun part = run;
        part.count = static_cast<uint32_t>(std::min<uint64_t>(run.count, left / access.bytes));
        if (part.count > 1) {
          isGood = checkGlobalRun(allocation, access, who, part);
        } else {
          part.count = 1;
          isGood = same(1u << run.firstLane, run.offset);
        }
        run.firstLane += part.count;
        run.count -= part.count;
        run.offset += uint64_t(part.count) * access.bytes;
      }
    }
  if (isGood)
    publish(MemorySpace::Global, access);
  return isGood;
}
