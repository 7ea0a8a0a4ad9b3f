#include "runtime/device/sim/OrderedPage.h"

#include <mutex>

using namespace mamba::sim;

bool OrderedPage::touchGranule(const BlockClocks &clocks, const Access &mine, bool isWrite,
                               Granule &granule, Party &other) {
  auto isOrdered = [&](const Access &a) {
    return a.block == mine.block
               ? clocks.ordered(a.thread, a.label, mine.thread)
               : clocks.orderedForeign(a.block, a.thread, a.label, mine.thread);
  };
  // Threads of one block are not compared here.
  auto races = [&](const Access &a, bool isItWrite) {
    if (!a.isAny || a.block == mine.block || (a.isStrong && mine.isStrong) || isOrdered(a))
      return false;
    other = {a.pc, a.block, a.thread / 32, a.thread % 32, isItWrite};
    return true;
  };
  if (races(granule.write, true))
    return false;
  if (!isWrite) {
    std::vector<Access> &reads = granule.reads;
    auto isCovered = [&](const Access &a) {
      return (a.isStrong || !mine.isStrong) && isOrdered(a);
    };
    // Now and then all that later reads cover, else only the thread's own last.
    if (reads.size() >= 16 && (reads.size() & (reads.size() - 1)) == 0)
      std::erase_if(reads, isCovered);
    if (!reads.empty() && reads.back().thread == mine.thread && isCovered(reads.back()))
      reads.back() = mine;
    else
      reads.push_back(mine);
    return true;
  }
  for (const Access &read : granule.reads)
    if (races(read, false))
      return false;
  granule.reads.clear();
  granule.write = mine;
  return true;
}

void OrderedPage::touch(const BlockClocks &clocks, const Toucher &who, uint32_t lanes,
                        uint64_t offset, uint32_t bytesOfLane, bool isWrite,
                        AccessTable::Answer &answer) {
  std::lock_guard<SpinLock> guard(lock_);
  uint64_t both = offset | bytesOfLane;
  if (unsigned shift = both & 1 ? 0 : both & 2 ? 1 : 2; shift < shift_)
    refine(shift);
  for (; lanes; lanes &= lanes - 1) {
    uint32_t lane = static_cast<uint32_t>(__builtin_ctz(lanes)), thread = who.warp * 32 + lane;
    uint32_t label = who.isRelaxed && isWrite ? clocks.strongLabel(thread, false)
                                              : clocks.label(who.warp);
    Access mine{clocks.block(), thread, label, who.pc, who.isStrong, true};
    for (uint64_t i = offset >> shift_, end = (offset + bytesOfLane) >> shift_; i < end; ++i)
      if (!touchGranule(clocks, mine, isWrite, granules_[i], answer.other)) {
        answer.isRace = true;
        answer.lane = lane;
        answer.offset = i << shift_;
        return;
      }
  }
}

void OrderedPage::refine(unsigned shift) {
  std::vector<Granule> finer;
  finer.reserve(granules_.size() << (shift_ - shift));
  for (const Granule &granule : granules_)
    finer.insert(finer.end(), size_t(1) << (shift_ - shift), granule);
  granules_ = std::move(finer);
  shift_ = shift;
}
