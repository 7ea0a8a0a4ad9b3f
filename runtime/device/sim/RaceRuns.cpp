// The usual case of the race checks, in vectors over neighbouring granules.
#include "runtime/device/sim/LaneClones.h"
#include "runtime/device/sim/Races.h"

#include <algorithm>
#include <array>

using namespace mamba::sim;

namespace {
constexpr uint32_t pcBits = AccessTable::pcBits, pcMask = AccessTable::pcMask;
constexpr uint32_t othersBit = AccessTable::othersBit;

/// Which lane has granule i of a run whose lanes have 1 << perLane granules each.
struct RunTable {
  std::array<std::array<uint32_t, 512>, 5> bits{}, threads{};
};
constexpr RunTable makeRunTable() {
  RunTable table;
  for (uint32_t perLane = 0; perLane < 5; ++perLane)
    for (uint32_t i = 0; i < 32u << perLane; ++i) {
      table.bits[perLane][i] = 1u << (i >> perLane);
      table.threads[perLane][i] = (i >> perLane) << pcBits;
    }
  return table;
}
constexpr RunTable runTable = makeRunTable();

/// What decides whether an earlier access is ordered before one of this warp.
struct Now {
  uint32_t phase, warpFloor, label, warp;
};

/// Whether the write is ordered before the access of these lanes, as far as a
/// glance tells.
MAMBA_INLINE uint32_t isWriteSafe(uint32_t label, uint32_t writer, uint32_t lanes,
                                  const Now &now) {
  return (label < now.phase) |
         (((writer >> (pcBits + 5) & 31) == now.warp) &
          ((label < now.warpFloor) | (1u << (writer >> pcBits & 31) == lanes)));
}

enum : uint32_t { Doubtful = 1, Fresh = 2, Elsewhere = 4, Odd = 8 };

/// Reads of granules by the lanes in bits (0: none). Granules that another warp
/// has read in this phase go to `elsewhere`, what needs a closer look to `odd`.
MAMBA_LANE_CLONES uint32_t readGranules(const uint32_t *writeLabels, const uint32_t *writers,
                                        uint32_t *labels, uint32_t *laneSets, uint32_t *readers,
                                        const uint32_t *bits, uint32_t n, const Now now,
                                        uint32_t reader, uint32_t *elsewhere, uint32_t *odd) {
  uint32_t doubtful = 0, fresh = 0, anyElsewhere = 0, anyOdd = 0;
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
    elsewhere[i] = isElsewhere ? lanes : 0;
    odd[i] = isOdd ? lanes : 0;
    anyElsewhere |= isElsewhere;
    anyOdd |= isOdd;
  }
  return doubtful * Doubtful | fresh * Fresh | anyElsewhere * Elsewhere | anyOdd * Odd;
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
  uint32_t doubtful = 0, fresh = 0;
  for (uint32_t i = 0; i < n; ++i) {
    uint32_t lanes = bits[i], by = writer + threads[i];
    uint32_t writeLabel = writeLabels[i], was = writers[i], label = labels[i];
    uint32_t isSafe = isWriteSafe(writeLabel, was, lanes, now) &
                      ((label < now.phase) |
                       (((readers[i] >> pcBits & 31) == now.warp) & !(readers[i] & othersBit) &
                        ((label < now.warpFloor) | (laneSets[i] == lanes))));
    doubtful |= isSafe ^ 1;
    fresh |= isSafe & ((writeLabel != now.label) | (((was ^ by) & ~pcMask) != 0));
    writeLabels[i] = isSafe ? now.label : writeLabel;
    writers[i] = isSafe ? by : was;
    labels[i] = isSafe ? 0 : label;
  }
  return doubtful * Doubtful | fresh * Fresh;
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

void AccessTable::readLanes(const BlockClocks &clocks, const Toucher &who, uint32_t lanes,
                            const uint64_t *offsets, uint64_t low, uint64_t high, uint32_t bytes,
                            Answer &answer) {
  refineFor(low, bytes);
  uint64_t first = low >> shift_, n = (high - low) >> shift_;
  if (who.isStrong || n > mostGranules) {
    for (; lanes && !answer.isRace; lanes &= lanes - 1)
      read(clocks, who, lanes & -lanes, offsets[__builtin_ctz(lanes)], bytes, answer);
    return;
  }
  uint32_t bits[mostGranules];
  std::fill_n(bits, n, 0);
  uint32_t perLane = bytes >> shift_;
  for (; lanes; lanes &= lanes - 1) {
    uint64_t offset = offsets[__builtin_ctz(lanes)];
    if (refineFor(offset, bytes))
      return readLanes(clocks, who, lanes, offsets, low, high, bytes, answer);
    for (uint64_t i = (offset >> shift_) - first, end = i + perLane; i < end; ++i)
      bits[i] |= lanes & -lanes;
  }
  readSpan(clocks, who, first, static_cast<uint32_t>(n), bits, answer);
}

void AccessTable::readSpan(const BlockClocks &clocks, const Toucher &who, uint64_t first,
                           uint32_t n, const uint32_t *bits, Answer &answer) {
  Now now{clocks.phase(), clocks.warpFloor(who.warp), clocks.label(who.warp), who.warp};
  uint32_t elsewhere[mostGranules], odd[mostGranules], reader = packReader(who);
  uint32_t found = readGranules(array(WriteLabel) + first, array(Writer) + first,
                                array(ReadLabel) + first, array(ReadLanes) + first,
                                array(Reader) + first, bits, n, now, reader, elsewhere, odd);
  if (found & Elsewhere) {
    uint32_t *plane = planeOf(who.warp) + first;
    found |= readPlane(plane, plane + Lanes * granules_, plane + By * granules_, elsewhere, n,
                       now, reader, odd);
  }
  answer.isFresh |= (found & Fresh) != 0;
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
    Now now{clocks.phase(), clocks.warpFloor(who.warp), clocks.label(who.warp), who.warp};
    uint32_t begin = run.firstLane << perLane;
    uint32_t found = writeGranules(
        array(WriteLabel) + first, array(Writer) + first, array(ReadLabel) + first,
        array(ReadLanes) + first, array(Reader) + first, &runTable.bits[perLane][begin],
        &runTable.threads[perLane][begin], run.count << perLane, now, packWriter(who, 0));
    answer.isFresh |= (found & Fresh) != 0;
    if (!(found & Doubtful))
      return;
  }
  for (uint32_t l = 0; l < run.count && !answer.isRace; ++l)
    write(clocks, who, run.firstLane + l, run.offset + uint64_t(l) * run.bytes, run.bytes,
          answer);
}
