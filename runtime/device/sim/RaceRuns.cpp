// The usual case of the race checks, in vectors over neighbouring granules.
#include "runtime/device/sim/Races.h"
#include "runtime/support/LaneClones.h"

#include <algorithm>

using namespace mamba::sim;

namespace {
constexpr uint32_t pcBits = AccessTable::pcBits, pcMask = AccessTable::pcMask;
constexpr uint32_t othersBit = AccessTable::othersBit;

/// What decides whether an earlier access is ordered before one of this warp.
struct Now {
  uint32_t start, phase, warpFloor, label, warp;
  Now(const BlockClocks &clocks, uint32_t warp)
      : start(clocks.start()), phase(clocks.phase()), warpFloor(clocks.warpFloor(warp)),
        label(clocks.label(warp)), warp(warp) {}
};

/// Whether the write is ordered before the access of these lanes, as far as a
/// glance tells.
MAMBA_INLINE uint32_t isWriteSafe(uint32_t label, uint32_t writer, uint32_t lanes,
                                  const Now &now) {
  return (label < now.phase) |
         (((writer >> (pcBits + 5) & 31) == now.warp) &
          ((label < now.warpFloor) | (1u << (writer >> pcBits & 31) == lanes)));
}

enum : uint32_t { Doubtful = 1, Fresh = 2, Elsewhere = 4, Odd = 8, New = 16 };

/// Reads of granules by the lanes in bits (0: none). Granules that another warp
/// has read in this phase go to `elsewhere`, what needs a closer look to `odd`.
MAMBA_LANE_CLONES uint32_t readGranules(const uint32_t *writeLabels, const uint32_t *writers,
                                        uint32_t *labels, uint32_t *laneSets, uint32_t *readers,
                                        const uint32_t *bits, uint32_t n, const Now now,
                                        uint32_t reader, uint32_t *elsewhere, uint32_t *odd) {
  uint32_t doubtful = 0, fresh = 0, isNew = 0, anyElsewhere = 0, anyOdd = 0;
  for (uint32_t i = 0; i < n; ++i) {
    uint32_t lanes = bits[i], isOn = lanes != 0;
    doubtful |= isOn & (isWriteSafe(writeLabels[i], writers[i], lanes, now) ^ 1);
    uint32_t label = labels[i], by = readers[i], set = laneSets[i];
    uint32_t isOld = isOn & (label < now.phase);
    uint32_t isMine = isOn & (label == now.label) & (((by ^ reader) & ~(pcMask | othersBit)) == 0);
    uint32_t isElsewhere = isOn & (isOld ^ 1) & ((by >> pcBits & 31) != now.warp);
    uint32_t isOdd = isOn & ((isOld | isMine | isElsewhere) ^ 1);
    labels[i] = isOld ? now.label : label;
    laneSets[i] = isOld ? lanes : isMine ? set | lanes : set;
    readers[i] = isOld ? reader : isElsewhere ? by | othersBit : by;
    fresh |= isOld | (isMine & ((lanes & ~set) != 0));
    isNew |= isOn & (label < now.start);
    elsewhere[i] = isElsewhere ? lanes : 0;
    odd[i] = isOdd ? lanes : 0;
    anyElsewhere |= isElsewhere;
    anyOdd |= isOdd;
  }
  return doubtful * Doubtful | fresh * Fresh | isNew * New | anyElsewhere * Elsewhere |
         anyOdd * Odd;
}

/// The same on the warp's plane, where nobody else reads.
MAMBA_LANE_CLONES uint32_t readPlane(uint32_t *labels, uint32_t *laneSets, uint32_t *readers,
                                     const uint32_t *bits, uint32_t n, const Now now,
                                     uint32_t reader, uint32_t *odd) {
  uint32_t fresh = 0, anyOdd = 0, floor = now.phase < now.warpFloor ? now.warpFloor : now.phase;
  for (uint32_t i = 0; i < n; ++i) {
    uint32_t lanes = bits[i], isOn = lanes != 0;
    uint32_t label = labels[i], by = readers[i], set = laneSets[i];
    uint32_t isOld = isOn & (label < floor);
    uint32_t isMine = isOn & (label == now.label) & (((by ^ reader) & ~pcMask) == 0);
    uint32_t isOdd = isOn & ((isOld | isMine) ^ 1);
    labels[i] = isOld ? now.label : label;
    laneSets[i] = isOld ? lanes : isMine ? set | lanes : set;
    readers[i] = isOld ? reader : by;
    fresh |= isOld | (isMine & ((lanes & ~set) != 0));
    odd[i] |= isOdd ? lanes : 0;
    anyOdd |= isOdd;
  }
  return fresh * Fresh | anyOdd * Odd;
}

/// Writes of granules, each by the one lane in bits.
MAMBA_LANE_CLONES uint32_t writeGranules(uint32_t *writeLabels, uint32_t *writers,
                                         uint32_t *labels, const uint32_t *laneSets,
                                         const uint32_t *readers, const uint32_t *bits,
                                         const uint32_t *threads, uint32_t n, const Now now,
                                         uint32_t writer) {
  uint32_t doubtful = 0, fresh = 0, isNew = 0;
  for (uint32_t i = 0; i < n; ++i) {
    uint32_t lanes = bits[i], by = writer + threads[i];
    uint32_t writeLabel = writeLabels[i], was = writers[i], label = labels[i];
    uint32_t isSafe = isWriteSafe(writeLabel, was, lanes, now) &
                      ((label < now.phase) |
                       (((readers[i] >> pcBits & 31) == now.warp) & !(readers[i] & othersBit) &
                        ((label < now.warpFloor) | (laneSets[i] == lanes))));
    doubtful |= isSafe ^ 1;
    isNew |= isSafe & (writeLabel < now.start);
    fresh |= isSafe & ((writeLabel != now.label) | (((was ^ by) & ~pcMask) != 0));
    writeLabels[i] = isSafe ? now.label : writeLabel;
    writers[i] = isSafe ? by : was;
    labels[i] = isSafe ? 0 : label;
  }
  return doubtful * Doubtful | fresh * Fresh | isNew * New;
}

MAMBA_LANE_CLONES bool areDistances(const uint64_t *distances, const uint64_t *offsets,
                                    uint64_t low, uint32_t lanes) {
  uint64_t found = 0;
  for (uint32_t lane = 0; lane < 32; ++lane)
    found |= (distances[lane] ^ (offsets[lane] - low)) & -uint64_t(lanes >> lane & 1);
  return found == 0;
}

bool isPowerOf2(uint32_t n) { return (n & (n - 1)) == 0; }
} // namespace

void AccessTable::readRun(const BlockClocks &clocks, const Toucher &who, const LaneRun &run,
                          Answer &answer) {
  refineFor(run.offset, run.bytes);
  if (who.isStrong || run.count < 4 || !isPowerOf2(run.bytes)) {
    for (uint32_t l = 0; l < run.count && !answer.isRace; ++l)
      read(clocks, who, 1u << (run.firstLane + l), run.offset + uint64_t(l) * run.bytes,
           run.bytes, answer);
    return;
  }
  unsigned perLane = static_cast<unsigned>(__builtin_ctz(run.bytes)) - shift_;
  readSpan(clocks, who, run.offset >> shift_, run.count << perLane,
           &runTable.bits[perLane][run.firstLane << perLane], answer);
}

void LanePattern::fit(uint32_t lanesNow, const uint64_t *offsets, uint64_t low, uint64_t high,
                      uint32_t bytesNow, unsigned shiftNow) {
  uint32_t granulesNow = static_cast<uint32_t>((high - low) >> shiftNow);
  if (lanes == lanesNow && bytes == bytesNow && shift == shiftNow && granules == granulesNow &&
      areDistances(distances, offsets, low, lanesNow))
    return;
  lanes = lanesNow;
  bytes = bytesNow;
  shift = shiftNow;
  granules = granulesNow;
  uint64_t together = high - low;
  for (uint32_t lane = 0; lane < 32; ++lane) {
    distances[lane] = offsets[lane] - low;
    if (lanes >> lane & 1)
      together |= distances[lane];
  }
  isRegular = isPowerOf2(bytes) && (together & (bytes - 1)) == 0;
  if (!isRegular)
    return;
  std::fill_n(bits, granules, 0);
  for (uint32_t rest = lanes; rest; rest &= rest - 1)
    for (uint64_t at = distances[__builtin_ctz(rest)], i = at >> shift; i < (at + bytes) >> shift;
         ++i)
      bits[i] |= rest & -rest;
}

void AccessTable::readLanes(const BlockClocks &clocks, const Toucher &who, uint32_t lanes,
                            const uint64_t *offsets, uint64_t low, uint64_t high, uint32_t bytes,
                            LanePattern &pattern, Answer &answer) {
  refineFor(low, bytes);
  if (!who.isStrong && (high - low) >> shift_ <= mostGranules) {
    pattern.fit(lanes, offsets, low, high, bytes, shift_);
    if (pattern.isRegular)
      return readSpan(clocks, who, low >> shift_, pattern.granules, pattern.bits, answer);
  }
  for (; lanes && !answer.isRace; lanes &= lanes - 1)
    read(clocks, who, lanes & -lanes, offsets[__builtin_ctz(lanes)], bytes, answer);
}

void AccessTable::readSpan(const BlockClocks &clocks, const Toucher &who, uint64_t first,
                           uint32_t n, const uint32_t *bits, Answer &answer) {
  Now now(clocks, who.warp);
  uint32_t elsewhere[mostGranules], odd[mostGranules], reader = packReader(who);
  uint32_t found = readGranules(array(WriteLabel) + first, array(Writer) + first,
                                array(ReadLabel) + first, array(ReadLanes) + first,
                                array(Reader) + first, bits, n, now, reader, elsewhere, odd);
  if (found & Elsewhere) {
    uint32_t *plane = planeOf(who.warp) + first;
    found |= readPlane(plane, plane + Lanes * stride_, plane + By * stride_, elsewhere, n,
                       now, reader, odd);
  }
  answer.isFresh |= (found & Fresh) != 0;
  answer.isNew |= (found & New) != 0;
  if (!(found & (Doubtful | Odd)))
    return;
  const uint32_t *closer = found & Doubtful ? bits : odd;
  for (uint32_t i = 0; i < n && !answer.isRace; ++i)
    if (closer[i])
      readGranule(clocks, who, closer[i], first + i, answer);
}

void AccessTable::writeRun(const BlockClocks &clocks, const Toucher &who, const LaneRun &run,
                           Answer &answer) {
  refineFor(run.offset, run.bytes);
  if (!who.isStrong && run.count >= 4 && isPowerOf2(run.bytes)) {
    uint64_t first = run.offset >> shift_;
    unsigned perLane = static_cast<unsigned>(__builtin_ctz(run.bytes)) - shift_;
    Now now(clocks, who.warp);
    uint32_t begin = run.firstLane << perLane;
    uint32_t found = writeGranules(
        array(WriteLabel) + first, array(Writer) + first, array(ReadLabel) + first,
        array(ReadLanes) + first, array(Reader) + first, &runTable.bits[perLane][begin],
        &runTable.threads[perLane][begin], run.count << perLane, now, packWriter(who, 0));
    answer.isFresh |= (found & Fresh) != 0;
    answer.isNew |= (found & New) != 0;
    if (!(found & Doubtful))
      return;
  }
  for (uint32_t l = 0; l < run.count && !answer.isRace; ++l)
    write(clocks, who, run.firstLane + l, run.offset + uint64_t(l) * run.bytes, run.bytes,
          answer);
}
