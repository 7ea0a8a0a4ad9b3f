#include "runtime/device/sim/MonitorState.h"

#include <algorithm>
#include <exception>

using namespace mamba::sim;

LaunchMonitor::LaunchMonitor(GlobalMemory &memory, const Checks &checks, LaunchShape shape)
    : impl_(std::make_unique<Impl>(memory, checks, std::move(shape))) {}
LaunchMonitor::~LaunchMonitor() = default;

void LaunchMonitor::addUnique(Counts &counts) const {
  for (const auto &chunks : impl_->chunks)
    if (const auto *list = chunks.load())
      for (const auto &slot : *list)
        if (const LaunchChunk *chunk = slot.load()) {
          counts.uniqueBytesRead += chunk->read.count() * LaunchChunk::sectorBytes;
          counts.uniqueBytesWritten += chunk->written.count() * LaunchChunk::sectorBytes;
        }
}

LaunchChunk::~LaunchChunk() {
  for (auto &page : pages)
    delete page.load();
  for (auto &page : coherence)
    delete page.load();
}

LaunchMonitor::Impl::Impl(GlobalMemory &memory, const Checks &checks, LaunchShape shape)
    : memory(memory.impl()), checks(checks), shape(std::move(shape)),
      stamps(memory.impl().takeStamps(this->shape.blocks)), began(++memory.impl().time),
      chunks(memory.impl().allocations.size()) {}

LaunchMonitor::Impl::~Impl() {
  for (auto &list : chunks)
    if (Chunks *found = list.load()) {
      for (auto &chunk : *found)
        delete chunk.load();
      delete found;
    }
}

LaunchChunk &LaunchMonitor::Impl::chunk(const Allocation &allocation, uint64_t offset) {
  Chunks &list = getOrMake(chunks[allocation.index], [&] {
    return std::make_unique<Chunks>((allocation.bytes + 256) / LaunchChunk::bytes + 1);
  });
  return getOrMake(list[offset / LaunchChunk::bytes],
                   [] { return std::make_unique<LaunchChunk>(); });
}

BlockMonitor::BlockMonitor(LaunchMonitor &launch)
    : impl_(std::make_unique<Impl>(launch.impl())) {}
BlockMonitor::~BlockMonitor() = default;

BlockMonitor::Impl::Impl(LaunchMonitor::Impl &launch)
    : launch(launch), records(launch.memory.takeRecords()),
      clocks(launch.shape.threads, records->tick), sharedWritten(launch.shape.sharedBytes),
      localWritten(launch.shape.localBytes * launch.shape.threads),
      async((launch.shape.threads + 31) / 32, launch.shape.sharedBytes) {
  if (launch.checks.races)
    records->fitShared(launch.shape.sharedBytes);
}

BlockMonitor::Impl::~Impl() {
  if (std::uncaught_exceptions() != 0)
    return; // no memory was left: they may be half made
  records->tick = clocks.tick();
  launch.memory.giveBack(std::move(records));
}

void BlockMonitor::begin(uint64_t block) {
  Impl &m = *impl_;
  m.clocks.begin(block);
  m.records->pages.begin();
  m.sharedWritten.clearAll();
  m.localWritten.clearAll();
  m.async.begin();
  m.released.clear();
}

bool BlockMonitor::global(const WarpAccess &access, uint8_t **host) {
  return impl_->global(access, host);
}

bool BlockMonitor::shared(const WarpAccess &access) {
  Impl &m = *impl_;
  AccessShape shape(access);
  return m.isInside(MemorySpace::Shared, access, shape, m.launch.shape.sharedBytes) &&
         m.isAligned(MemorySpace::Shared, access, shape) &&
         (!m.async.isAny() || m.checkPending(access, shape)) &&
         m.checkWritten(MemorySpace::Shared, access, shape, m.sharedWritten, 0) &&
         (!m.launch.checks.races || m.checkSharedRaces(access, shape));
}

bool BlockMonitor::local(const WarpAccess &access) {
  Impl &m = *impl_;
  AccessShape shape(access);
  uint64_t bytes = m.launch.shape.localBytes;
  if (!m.isInside(MemorySpace::Local, access, shape, bytes) ||
      !m.isAligned(MemorySpace::Local, access, shape))
    return false;
  for (uint32_t rest = access.lanes; rest; rest &= rest - 1) {
    uint32_t lane = static_cast<uint32_t>(__builtin_ctz(rest));
    uint64_t at = (uint64_t(access.warp) * 32 + lane) * bytes + access.addresses[lane];
    if (access.kind != AccessKind::Store && m.launch.checks.unwritten &&
        !m.localWritten.all(at, access.bytes))
      return m.failAt(DefectKind::Unwritten, MemorySpace::Local, access, lane,
                      access.addresses[lane]);
    if (access.kind != AccessKind::Load)
      m.localWritten.set(at, access.bytes);
  }
  return true;
}

bool BlockMonitor::asyncCopy(const WarpAccess &destination, const uint64_t *source,
                             uint32_t sourceBytes) {
  if (!shared(destination))
    return false;
  for (uint32_t rest = destination.lanes; rest; rest &= rest - 1) {
    uint32_t lane = static_cast<uint32_t>(__builtin_ctz(rest));
    AsyncCopies::Copy copy;
    copy.offset = destination.addresses[lane];
    copy.bytes = destination.bytes;
    if (source) {
      copy.source = source[lane];
      copy.sourceBytes = sourceBytes;
    }
    copy.pc = destination.pc;
    copy.warp = destination.warp;
    copy.lane = lane;
    impl_->async.add(copy);
  }
  return true;
}

void BlockMonitor::asyncCommit(uint32_t warp, uint32_t lanes) {
  impl_->async.commit(warp, lanes);
}

void BlockMonitor::asyncWait(uint32_t warp, uint32_t lanes, uint32_t pending) {
  impl_->async.wait(warp, lanes, pending, false,
                    [&](const AsyncCopies::Copy &copy) { impl_->arrived(copy); });
}

void BlockMonitor::asyncWaitAll(uint32_t warp, uint32_t lanes) {
  impl_->async.wait(warp, lanes, 0, true,
                    [&](const AsyncCopies::Copy &copy) { impl_->arrived(copy); });
}

void BlockMonitor::warpBarrier(uint32_t warp, uint32_t lanes) {
  impl_->clocks.warpBarrier(warp, lanes);
}

void BlockMonitor::barrierArrive(uint32_t barrier, uint32_t warp, uint32_t lanes, bool waits) {
  impl_->clocks.barrierArrive(barrier, warp, lanes, waits);
}

void BlockMonitor::barrierComplete(uint32_t barrier, const uint32_t *waiters) {
  impl_->clocks.barrierComplete(barrier, waiters);
}

void BlockMonitor::fence(uint32_t warp, uint32_t lanes) { impl_->clocks.fence(warp, lanes); }

void BlockMonitor::exit(uint32_t warp, uint32_t lanes) { impl_->clocks.exit(warp, lanes); }

void BlockMonitor::observed(MemorySpace space, const WarpAccess &access) {
  Impl &m = *impl_;
  if (!m.launch.shape.canOrderBlocks || !m.launch.checks.races)
    return;
  bool isAcquire = access.order == Order::Acquire || access.order == Order::AcquireRelease;
  ReleasedPlaces &places = space == MemorySpace::Global ? m.launch.released : m.released;
  for (uint32_t rest = access.lanes; rest; rest &= rest - 1) {
    uint32_t lane = static_cast<uint32_t>(__builtin_ctz(rest));
    m.clocks.acquire(access.warp * 32 + lane, places.at(access.addresses[lane]), isAcquire);
  }
}

const Defect &BlockMonitor::defect() const { return impl_->defect; }
