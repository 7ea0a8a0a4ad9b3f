// The checks that shared and local memory need, and how a defect is told.
#include "runtime/device/sim/MonitorState.h"

using namespace mamba::sim;

std::string BlockMonitor::Impl::locate(MemorySpace space, uint64_t address) const {
  if (space == MemorySpace::Global)
    return launch.memory.locate(address);
  const LaunchShape &shape = launch.shape;
  bool isShared = space == MemorySpace::Shared;
  for (const NamedRange &range : isShared ? shape.shared : shape.local)
    if (address - range.offset < range.bytes)
      return "'" + range.name + "' + " + std::to_string(address - range.offset) + " of " +
             std::to_string(range.bytes) + " bytes";
  return std::string(isShared ? "shared" : "local") + " memory + " + std::to_string(address) +
         " of " + std::to_string(isShared ? shape.sharedBytes : shape.localBytes) + " bytes";
}

bool BlockMonitor::Impl::failAt(DefectKind kind, MemorySpace space, const WarpAccess &access,
                                uint32_t lane, uint64_t address, std::string note) {
  defect = {};
  defect.kind = kind;
  defect.space = space;
  defect.party = {access.pc, clocks.block(), access.warp, lane, access.kind != AccessKind::Load};
  defect.bytes = access.bytes;
  defect.where = locate(space, address);
  defect.note = std::move(note);
  return false;
}

bool BlockMonitor::Impl::failRace(MemorySpace space, const WarpAccess &access,
                                  const AccessTable::Answer &answer, uint64_t base) {
  const Party &other = answer.other;
  std::string note = launch.shape.canOrderBlocks
                         ? "no fence, atomic, atomic and fence in a row order the two blocks"
                         : "nothing orders the two blocks";
  if (other.block == clocks.block() && other.warp != access.warp)
    note = "a barrier is missing between them";
  else if (other.block == clocks.block() && other.pc == access.pc)
    note = "lanes of one instruction meet, or a bar.warp.sync is missing between them";
  else if (other.block == clocks.block())
    note = "a bar.warp.sync is missing between them";
  failAt(DefectKind::Race, space, access, answer.lane, base + answer.offset, note);
  defect.other = other;
  return false;
}

bool BlockMonitor::Impl::isInside(MemorySpace space, const WarpAccess &access,
                                  const AccessShape &shape, uint64_t bytes) {
  if (shape.high <= bytes)
    return true;
  for (uint32_t rest = access.lanes; rest; rest &= rest - 1) {
    uint32_t lane = static_cast<uint32_t>(__builtin_ctz(rest));
    if (access.addresses[lane] > bytes || access.bytes > bytes - access.addresses[lane])
      return failAt(DefectKind::OutOfBounds, space, access, lane, access.addresses[lane]);
  }
  return true;
}

bool BlockMonitor::Impl::isAligned(MemorySpace space, const WarpAccess &access,
                                   const AccessShape &shape) {
  if (shape.isAligned)
    return true;
  for (uint32_t rest = access.lanes; rest; rest &= rest - 1) {
    uint32_t lane = static_cast<uint32_t>(__builtin_ctz(rest));
    if (access.addresses[lane] & (access.align - 1))
      return failAt(DefectKind::Misaligned, space, access, lane, access.addresses[lane],
                    "a multiple of " + std::to_string(access.align) + " is asked for");
  }
  return true;
}

bool BlockMonitor::Impl::checkWritten(MemorySpace space, const WarpAccess &access,
                                      const AccessShape &shape, WrittenBits &bits,
                                      uint64_t base) {
  bool isRead = access.kind != AccessKind::Store && launch.checks.unwritten;
  bool isWrite = access.kind != AccessKind::Load;
  bool isNarrow = shape.high - shape.low <= 512;
  if (isRead && !isWrite && isNarrow && bits.all(shape.low - base, shape.high - shape.low))
    return true;
  if (shape.form != AccessShape::Form::Any &&
      (!isRead || bits.all(shape.low - base, shape.high - shape.low))) {
    if (isWrite)
      bits.set(shape.low - base, shape.high - shape.low);
    return true;
  }
  for (uint32_t rest = access.lanes; rest; rest &= rest - 1) {
    uint32_t lane = static_cast<uint32_t>(__builtin_ctz(rest));
    uint64_t at = access.addresses[lane] - base;
    if (isRead && !bits.all(at, access.bytes)) {
      uint64_t byte = 0;
      while (bits.all(at + byte, 1))
        ++byte;
      return failAt(DefectKind::Unwritten, space, access, lane, access.addresses[lane] + byte);
    }
    if (isWrite)
      bits.set(at, access.bytes);
  }
  return true;
}

bool BlockMonitor::Impl::checkPending(const WarpAccess &access, const AccessShape &shape) {
  if (shape.form == AccessShape::Form::Run && !async.isPending(shape.low, shape.high - shape.low))
    return true;
  for (uint32_t rest = access.lanes; rest; rest &= rest - 1) {
    uint32_t lane = static_cast<uint32_t>(__builtin_ctz(rest));
    uint64_t at = access.addresses[lane];
    if (!async.isPending(at, access.bytes))
      continue;
    const AsyncCopies::Copy *copy = async.find(at, access.bytes, false);
    failAt(DefectKind::AsyncPending, MemorySpace::Shared, access, lane, at,
           "a cp.async.wait_group is missing, or a barrier after it");
    if (copy)
      defect.other = Party{copy->pc, clocks.block(), copy->warp, copy->lane, true};
    return false;
  }
  return true;
}

/// A write to global memory from which a copy may still read.
bool BlockMonitor::Impl::checkSources(const WarpAccess &access) {
  for (uint32_t rest = access.lanes; rest; rest &= rest - 1) {
    uint32_t lane = static_cast<uint32_t>(__builtin_ctz(rest));
    const AsyncCopies::Copy *copy = async.find(access.addresses[lane], access.bytes, true);
    if (!copy)
      continue;
    failAt(DefectKind::AsyncSource, MemorySpace::Global, access, lane, access.addresses[lane]);
    defect.other = Party{copy->pc, clocks.block(), copy->warp, copy->lane, true};
    return false;
  }
  return true;
}

/// From its wait on a copy is a write of the lane that waited.
void BlockMonitor::Impl::arrived(const AsyncCopies::Copy &copy) {
  if (launch.checks.races)
    records->shared.rewrite(clocks, {copy.pc, copy.warp}, copy.lane, copy.offset, copy.bytes);
}

Toucher BlockMonitor::Impl::toucherOf(const WarpAccess &access) {
  return {access.pc, access.warp, access.order != Order::Weak,
          access.order == Order::Relaxed || access.order == Order::Acquire};
}

bool BlockMonitor::Impl::checkSharedRaces(const WarpAccess &access, const AccessShape &shape) {
  Toucher who = toucherOf(access);
  AccessTable::Answer answer;
  AccessTable &table = records->shared;
  if (access.kind != AccessKind::Load) {
    for (LaneRuns runs(access, 0); runs.next() && !answer.isRace;)
      table.writeRun(clocks, who, runs.run, answer);
  } else if (shape.form == AccessShape::Form::Run) {
    table.readRun(clocks, who,
                  {shape.low, access.bytes, shape.firstLane,
                   static_cast<uint32_t>(__builtin_popcount(access.lanes))},
                  answer);
  } else if (shape.form == AccessShape::Form::Same) {
    table.read(clocks, who, access.lanes, shape.low, access.bytes, answer);
  } else {
    table.readLanes(clocks, who, access.lanes, access.addresses, shape.low, shape.high,
                    access.bytes, records->patterns[access.pc % records->patterns.size()],
                    answer);
  }
  if (answer.isRace)
    return failRace(MemorySpace::Shared, access, answer, 0);
  publish(MemorySpace::Shared, access);
  return true;
}

/// What the lanes publish by a store or an atomic, before its value can be seen.
void BlockMonitor::Impl::publish(MemorySpace space, const WarpAccess &access) {
  if (!launch.shape.canOrderBlocks || access.order == Order::Weak ||
      access.kind == AccessKind::Load)
    return;
  bool isRelease = access.order == Order::Release || access.order == Order::AcquireRelease;
  ReleasedPlaces &places = space == MemorySpace::Global ? launch.released : released;
  for (uint32_t rest = access.lanes; rest; rest &= rest - 1) {
    uint32_t lane = static_cast<uint32_t>(__builtin_ctz(rest));
    if (KnowledgeRef what = clocks.published(access.warp * 32 + lane, isRelease))
      places.release(access.addresses[lane], what);
  }
  if (isRelease)
    clocks.endRelease(access.warp);
}
