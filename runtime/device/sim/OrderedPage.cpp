#include "runtime/device/sim/OrderedPage.h"

#include <algorithm>
#include <mutex>

using namespace mamba::sim;

// Threads of one block are not compared here.
bool OrderedPage::isWriteOrdered(const BlockClocks &clocks, const Toucher &who, uint32_t lane,
                                 const Write &write, AccessTable::Answer &answer) {
  if (!write.isAny || write.block == clocks.block() || (write.isStrong && who.isStrong) ||
      clocks.orderedForeign(write.block, write.thread, write.label, who.warp * 32 + lane))
    return true;
  answer.lane = lane;
  answer.other = {write.pc, write.block, write.thread / 32, write.thread % 32, true};
  return false;
}

bool OrderedPage::read(const BlockClocks &clocks, const Toucher &who, uint32_t lanes,
                       Granule &granule, AccessTable::Answer &answer) {
  for (uint32_t rest = lanes; rest; rest &= rest - 1)
    if (!isWriteOrdered(clocks, who, static_cast<uint32_t>(__builtin_ctz(rest)), granule.write,
                        answer))
      return false;
  Read mine{clocks.block(), lanes,        clocks.label(who.warp),
            who.pc,         static_cast<uint16_t>(who.warp), who.isStrong};
  remember(clocks, mine, granule.reads);
  return true;
}

bool OrderedPage::write(const BlockClocks &clocks, const Toucher &who, uint32_t lane,
                        Granule &granule, AccessTable::Answer &answer) {
  if (!isWriteOrdered(clocks, who, lane, granule.write, answer))
    return false;
  uint32_t thread = who.warp * 32 + lane;
  for (const Read &r : granule.reads) {
    if (r.block == clocks.block() || (r.isStrong && who.isStrong))
      continue;
    for (uint32_t rest = r.lanes; rest; rest &= rest - 1) {
      uint32_t reader = static_cast<uint32_t>(__builtin_ctz(rest));
      if (clocks.orderedForeign(r.block, r.warp * 32u + reader, r.label, thread))
        continue;
      answer.lane = lane;
      answer.other = {r.pc, r.block, r.warp, reader, false};
      return false;
    }
  }
  granule.reads.clear();
  if (granule.reads.capacity() > 4) {
    room_ -= granule.reads.capacity();
    granule.reads = {};
  }
  uint32_t label = who.isRelaxed ? clocks.strongLabel(thread, false) : clocks.label(who.warp);
  granule.write = {clocks.block(), thread, label, who.pc, who.isStrong, true};
  return true;
}

void OrderedPage::remember(const BlockClocks &clocks, const Read &mine,
                           std::vector<Read> &reads) {
  // Takes out the lanes that this read covers.
  uint32_t reader = mine.warp * 32u + static_cast<uint32_t>(__builtin_ctz(mine.lanes));
  auto cover = [&](Read &r) {
    if (mine.isStrong && !r.isStrong)
      return;
    bool isOwn = r.block == mine.block;
    if (isOwn && r.warp == mine.warp)
      r.lanes &= ~mine.lanes;
    for (uint32_t rest = r.lanes; rest; rest &= rest - 1) {
      uint32_t thread = r.warp * 32u + static_cast<uint32_t>(__builtin_ctz(rest));
      if (isOwn ? clocks.ordered(thread, r.label, reader)
                : clocks.orderedForeign(r.block, thread, r.label, reader))
        r.lanes &= ~(rest & -rest);
    }
  };

  auto isBefore = [](const Read &a, const Read &b) { return a.isBefore(b); };
  auto [first, last] = std::equal_range(reads.begin(), reads.end(), mine, isBefore);
  for (auto r = first; r != last; ++r)
    if (r->label == mine.label && r->isStrong == mine.isStrong) {
      r->lanes |= mine.lanes;
      return;
    }
  for (auto r = first; r != last; ++r) {
    cover(*r);
    if (!r->lanes) {
      *r = mine;
      return;
    }
  }

  // Before the list grows all that is covered goes; without room now and then.
  if (reads.size() == reads.capacity()) {
    uint64_t most = (mostRoom - 2) * granules_.size();
    bool isFull = reads.size() >= 2 && room_ + reads.size() > most;
    if (reads.size() >= 4 && (!isFull || fullReads_++ % reads.size() == 0)) {
      std::ranges::for_each(reads, cover);
      std::erase_if(reads, [](const Read &r) { return !r.lanes; });
    }
    if (reads.size() == reads.capacity()) {
      if (isFull)
        return replace(mine, reads);
      size_t more = std::max<size_t>(reads.size(), 1);
      reads.reserve(reads.size() + more);
      room_ += more;
    }
  }
  reads.insert(std::upper_bound(reads.begin(), reads.end(), mine, isBefore), mine);
}

/// The weak read takes the place of one of its block, or else of another block of
/// which more are known.
void OrderedPage::replace(const Read &mine, std::vector<Read> &reads) {
  if (mine.isStrong)
    return;
  auto isBefore = [](const Read &a, const Read &b) { return a.isBefore(b); };
  auto at = std::upper_bound(reads.begin(), reads.end(), mine, isBefore);
  if (at != reads.begin() && at[-1].block == mine.block) {
    at[-1] = mine;
  } else if (at != reads.end() && at->block == mine.block) {
    *at = mine;
  } else {
    auto twice = std::adjacent_find(reads.begin(), reads.end(), [](const Read &a, const Read &b) {
      return a.block == b.block;
    });
    reads.erase(twice == reads.end() ? reads.begin() : twice);
    reads.insert(std::upper_bound(reads.begin(), reads.end(), mine, isBefore), mine);
  }
}

void OrderedPage::touch(const BlockClocks &clocks, const Toucher &who, uint32_t lanes,
                        uint64_t offset, uint32_t bytesOfLane, bool isWrite,
                        AccessTable::Answer &answer) {
  std::lock_guard<SpinLock> guard(lock_);
  uint64_t both = offset | bytesOfLane;
  if (unsigned shift = both & 1 ? 0 : both & 2 ? 1 : 2; shift < shift_)
    refine(shift);
  for (uint64_t i = offset >> shift_, end = (offset + bytesOfLane) >> shift_; i < end; ++i) {
    bool isGood = true;
    if (!isWrite)
      isGood = read(clocks, who, lanes, granules_[i], answer);
    for (uint32_t rest = isWrite ? lanes : 0; rest && isGood; rest &= rest - 1)
      isGood = write(clocks, who, static_cast<uint32_t>(__builtin_ctz(rest)), granules_[i], answer);
    if (!isGood) {
      answer.isRace = true;
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
  room_ = 0;
  for (const Granule &granule : granules_)
    room_ += granule.reads.capacity();
}
