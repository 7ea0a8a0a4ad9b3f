#include "runtime/device/sim/Races.h"

using namespace mamba::sim;

Party AccessTable::party(const BlockClocks &clocks, uint32_t packed, uint32_t warp, uint32_t lane,
                         bool isWrite) {
  uint32_t pc = packed & pcMask;
  return {pc == pcMask ? Party::unknownPc : pc, clocks.block(), warp, lane, isWrite};
}

void AccessTable::reset(uint64_t bytes) {
  bytes_ = bytes;
  stride_ = paddedStride((bytes + 3) / 4);
  shift_ = 2;
  mask_ = 3;
  records_.assign(stride_ * arrayCount, 0);
  planes_.clear();
  leftovers_.clear();
}

uint32_t *AccessTable::planeOf(uint32_t warp) {
  if (planes_.size() <= warp)
    planes_.resize(warp + 1);
  if (planes_[warp].empty())
    planes_[warp].resize(stride_ * planeArrayCount);
  return planes_[warp].data();
}

void AccessTable::readGranule(const BlockClocks &clocks, const Toucher &who, uint32_t lanes,
                              uint64_t index, Answer &answer) {
  uint32_t label = clocks.label(who.warp), reader = packReader(who);
  uint32_t &readLabel = array(ReadLabel)[index], &readLanes = array(ReadLanes)[index];
  uint32_t &by = array(Reader)[index];
  if (array(WriteLabel)[index] >= clocks.phase() &&
      !isReadOrdered(clocks, who, lanes, index, answer))
    return raceAt(index, answer);
  if (readLabel < clocks.phase()) {
    answer.isFresh = true;
    answer.isNew |= readLabel < clocks.start();
    readLabel = label;
    readLanes = lanes;
    by = reader;
  } else if (readLabel == label && ((by ^ reader) & ~(pcMask | othersBit)) == 0) {
    answer.isFresh |= (lanes & ~readLanes) != 0;
    readLanes |= lanes;
  } else {
    readAgain(clocks, who, lanes, index, answer);
  }
}

void AccessTable::writeGranule(const BlockClocks &clocks, const Toucher &who, uint32_t lane,
                               uint64_t index, Answer &answer) {
  uint32_t label = who.isRelaxed ? clocks.strongLabel(who.warp * 32 + lane, true)
                                 : clocks.label(who.warp);
  uint32_t by = packWriter(who, lane);
  uint32_t &writeLabel = array(WriteLabel)[index], &writer = array(Writer)[index];
  uint32_t &readLabel = array(ReadLabel)[index];
  if ((writeLabel >= clocks.phase() || readLabel >= clocks.phase()) &&
      !isWriteOrdered(clocks, who, lane, index, answer))
    return raceAt(index, answer);
  answer.isFresh |= writeLabel != label || ((writer ^ by) & ~pcMask) != 0;
  answer.isNew |= writeLabel < clocks.start();
  writeLabel = label;
  writer = by;
  readLabel = 0;
}

bool AccessTable::isReadOrdered(const BlockClocks &clocks, const Toucher &who, uint32_t lanes,
                                uint64_t index, Answer &answer) const {
  uint32_t packed = array(Writer)[index], label = array(WriteLabel)[index];
  uint32_t writer = threadOf(packed);
  if (who.isStrong && (packed & strongBit))
    return true;
  if (writer / 32 == who.warp) {
    if (label < clocks.warpFloor(who.warp))
      return true;
    lanes &= ~(uint32_t(1) << writer % 32);
  }
  for (; lanes; lanes &= lanes - 1) {
    uint32_t lane = __builtin_ctz(lanes);
    if (clocks.ordered(writer, label, who.warp * 32 + lane))
      continue;
    answer.lane = lane;
    answer.other = party(clocks, packed, writer / 32, writer % 32, true);
    return false;
  }
  return true;
}

bool AccessTable::areReadsOrdered(const BlockClocks &clocks, const Toucher &who, uint32_t lane,
                                  const Reads &reads, Answer &answer) const {
  if (reads.label < clocks.phase() || (who.isStrong && (reads.reader & strongBit)))
    return true;
  uint32_t warp = warpOf(reads.reader), lanes = reads.lanes;
  if (warp == who.warp) {
    if (reads.label < clocks.warpFloor(warp))
      return true;
    lanes &= ~(uint32_t(1) << lane);
  }
  for (; lanes; lanes &= lanes - 1) {
    uint32_t reader = __builtin_ctz(lanes);
    if (clocks.ordered(warp * 32 + reader, reads.label, who.warp * 32 + lane))
      continue;
    answer.lane = lane;
    answer.other = party(clocks, reads.reader, warp, reader, false);
    return false;
  }
  return true;
}

bool AccessTable::isWriteOrdered(const BlockClocks &clocks, const Toucher &who, uint32_t lane,
                                 uint64_t index, Answer &answer) const {
  uint32_t packed = array(Writer)[index], reader = array(Reader)[index];
  uint32_t writer = threadOf(packed), readLabel = array(ReadLabel)[index];
  if (!(who.isStrong && (packed & strongBit)) &&
      !clocks.ordered(writer, array(WriteLabel)[index], who.warp * 32 + lane)) {
    answer.lane = lane;
    answer.other = party(clocks, packed, writer / 32, writer % 32, true);
    return false;
  }
  if (readLabel < clocks.phase())
    return true;
  if (!areReadsOrdered(clocks, who, lane, {readLabel, array(ReadLanes)[index], reader}, answer))
    return false;
  if (!(reader & othersBit))
    return true;
  for (const std::vector<uint32_t> &plane : planes_)
    if (!plane.empty() &&
        !areReadsOrdered(clocks, who, lane,
                         {plane[index], plane[Lanes * stride_ + index],
                          plane[By * stride_ + index]},
                         answer))
      return false;
  auto left = leftovers_.find(index);
  if (left != leftovers_.end())
    for (const Reads &reads : left->second)
      if (!areReadsOrdered(clocks, who, lane, reads, answer))
        return false;
  return true;
}

/// A read after others in the same phase: by another warp, or by the same after
/// it synchronised.
void AccessTable::readAgain(const BlockClocks &clocks, const Toucher &who, uint32_t lanes,
                            uint64_t index, Answer &answer) {
  uint32_t label = clocks.label(who.warp), reader = packReader(who);
  uint32_t *labels = array(ReadLabel), *laneSets = array(ReadLanes), *by = array(Reader);
  uint32_t others = by[index] & othersBit;
  if (warpOf(by[index]) != who.warp) {
    // What planes and leftovers still say of earlier is ordered before every
    // write that does not race.
    by[index] |= othersBit;
    others = 0;
    labels = planeOf(who.warp);
    laneSets = labels + Lanes * stride_;
    by = labels + By * stride_;
    if (labels[index] == label && ((by[index] ^ reader) & ~pcMask) == 0) {
      answer.isFresh |= (lanes & ~laneSets[index]) != 0;
      laneSets[index] |= lanes;
      return;
    }
  }
  answer.isFresh = true;
  Reads old{labels[index], laneSets[index], by[index]};
  labels[index] = label;
  laneSets[index] = lanes;
  by[index] = reader | others;
  if (old.label >= clocks.phase() && old.label >= clocks.warpFloor(who.warp))
    keepLeftover(clocks, index, old, who, lanes);
}

/// Keeps the lanes of `reads` that none of the newly reading lanes knows of.
void AccessTable::keepLeftover(const BlockClocks &clocks, uint64_t index, Reads reads,
                               const Toucher &who, uint32_t lanes) {
  auto isKnown = [&](const Reads &r, uint32_t lane) {
    for (uint32_t rest = lanes; rest; rest &= rest - 1)
      if (clocks.ordered(warpOf(r.reader) * 32 + lane, r.label,
                         who.warp * 32 + __builtin_ctz(rest)))
        return true;
    return false;
  };
  // A strong read does not stand for a weak one.
  bool stands = !who.isStrong || (reads.reader & strongBit);
  if (stands)
    for (uint32_t rest = reads.lanes; rest; rest &= rest - 1)
      if (isKnown(reads, __builtin_ctz(rest)))
        reads.lanes &= ~(rest & -rest);
  if (!reads.lanes)
    return;
  array(Reader)[index] |= othersBit;
  reads.reader &= ~othersBit;
  std::vector<Reads> &list = leftovers_[index];
  for (Reads &r : list)
    if (r.label == reads.label && ((r.reader ^ reads.reader) & ~pcMask) == 0) {
      r.lanes |= reads.lanes;
      return;
    }
  std::erase_if(list, [&](const Reads &r) { return r.label < clocks.phase(); });
  list.push_back(reads);
}

void AccessTable::rewrite(const BlockClocks &clocks, const Toucher &who, uint32_t lane,
                          uint64_t offset, uint32_t bytes) {
  refineFor(offset, bytes);
  for (uint64_t i = offset >> shift_, end = (offset + bytes) >> shift_; i < end; ++i) {
    array(WriteLabel)[i] = clocks.label(who.warp);
    array(Writer)[i] = packWriter(who, lane);
    array(ReadLabel)[i] = 0;
  }
}

/// Granules as small as this access needs.
void AccessTable::refine(uint64_t offset, uint32_t bytes) {
  unsigned shift = (offset | bytes) & 1 ? 0 : 1;
  unsigned factor = 1u << (shift_ - shift);
  auto spread = [&](std::vector<uint32_t> &list) {
    std::vector<uint32_t> finer;
    finer.reserve(list.size() * factor);
    for (uint32_t record : list)
      finer.insert(finer.end(), factor, record);
    list = std::move(finer);
  };
  spread(records_);
  for (std::vector<uint32_t> &plane : planes_)
    spread(plane);
  std::unordered_map<uint64_t, std::vector<Reads>> finer;
  for (auto &[index, list] : leftovers_)
    for (unsigned i = 0; i < factor; ++i)
      finer[index * factor + i] = list;
  leftovers_ = std::move(finer);
  stride_ *= factor;
  shift_ = shift;
  mask_ = (1u << shift) - 1;
}
