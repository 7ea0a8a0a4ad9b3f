#include "runtime/device/sim/GridPage.h"

#include "runtime/device/sim/LaneClones.h"

#include <algorithm>
#include <mutex>

using namespace mamba::sim;

namespace {
constexpr uint32_t pcBits = 20, pcMask = (1u << pcBits) - 1;
constexpr uint32_t strongBit = 1u << 31;
constexpr uint32_t moreBit = 1u << 30; // strong writers of other blocks came before

Party unpack(uint64_t block, uint32_t who, bool isWrite) {
  uint32_t pc = who & pcMask, thread = who >> pcBits & 1023;
  return {pc == pcMask ? Party::unknownPc : pc, block, thread / 32, thread % 32, isWrite};
}

/// Whether each is dead or `mine`.
MAMBA_LANE_CLONES bool areFree(const uint32_t *stamps, uint32_t n, uint32_t base, uint32_t count,
                               uint32_t mine) {
  uint32_t found = 0;
  for (uint32_t i = 0; i < n; ++i)
    found |= (stamps[i] - base < count) & (stamps[i] != mine);
  return found == 0;
}

/// Whether `mine` is nowhere the last of several writers.
MAMBA_LANE_CLONES bool areSingle(const uint32_t *stamps, const uint32_t *who, uint32_t n,
                                 uint32_t mine) {
  uint32_t found = 0;
  for (uint32_t i = 0; i < n; ++i)
    found |= (stamps[i] == mine) & ((who[i] & moreBit) != 0);
  return found == 0;
}

/// Whether each is alive and not `mine`.
MAMBA_LANE_CLONES bool areOthers(const uint32_t *stamps, uint32_t n, uint32_t base,
                                 uint32_t count, uint32_t mine) {
  uint32_t found = 0;
  for (uint32_t i = 0; i < n; ++i)
    found |= (stamps[i] - base >= count) | (stamps[i] == mine);
  return found == 0;
}
} // namespace

/// All granules at once, if they are alike; else false, and nothing is done.
bool GridPage::touchRun(uint64_t first, uint32_t n, uint32_t stamp, Stamps stamps, bool isWrite,
                        const uint32_t *who) {
  auto isFree = [&](Array which) {
    return areFree(array(which) + first, n, stamps.base, stamps.count, stamp);
  };
  auto take = [&](Array which) {
    std::fill_n(array(which) + first, n, stamp);
    std::copy_n(who, n, array(static_cast<Array>(which + 1)) + first);
    return true;
  };
  if (!isFree(Writer) || !areSingle(array(Writer) + first, array(WriterWho) + first, n, stamp))
    return false;
  if (isWrite)
    return isFree(Reader) && isFree(Reader2) && take(Writer);
  if (isFree(Reader))
    return take(Reader);
  return areOthers(array(Reader) + first, n, stamps.base, stamps.count, stamp) &&
         (isFree(Reader2) ? take(Reader2)
                          : areOthers(array(Reader2) + first, n, stamps.base, stamps.count, stamp));
}

/// Says false at a race.
bool GridPage::touchGranule(uint64_t index, uint32_t stamp, uint32_t who, Stamps stamps,
                            bool isWrite, Party &other) {
  auto isAlive = [&](Array which) { return array(which)[index] - stamps.base < stamps.count; };
  auto whoOf = [&](Array which) -> uint32_t & {
    return array(static_cast<Array>(which + 1))[index];
  };
  auto races = [&](Array which) {
    if (!isAlive(which) || array(which)[index] == stamp || (whoOf(which) & who & strongBit))
      return false;
    other = unpack(array(which)[index] - stamps.base, whoOf(which), which == Writer);
    return true;
  };
  if (races(Writer))
    return false;
  if (isAlive(Writer) && (whoOf(Writer) & moreBit) && !(who & strongBit)) {
    other = unpack(Party::unknownBlock, whoOf(Writer), true);
    return false;
  }
  if (isWrite) {
    if (races(Reader) || races(Reader2))
      return false;
    bool hasMore = isAlive(Writer) && (array(Writer)[index] != stamp || whoOf(Writer) & moreBit);
    array(Writer)[index] = stamp;
    whoOf(Writer) = who | (hasMore ? moreBit : 0);
    return true;
  }
  // A weak read says more than a strong one.
  auto takes = [&](Array which) {
    bool isMine = array(which)[index] == stamp;
    if (!isAlive(which) || (isMine && !(who & strongBit)) || (whoOf(which) & ~who & strongBit)) {
      array(which)[index] = stamp;
      whoOf(which) = who;
      return true;
    }
    return isMine;
  };
  if (!takes(Reader))
    takes(Reader2);
  return true;
}

void GridPage::touch(const BlockClocks &clocks, const Toucher &who, Stamps stamps,
                     const LaneRun &run, bool isWrite, AccessTable::Answer &answer) {
  std::lock_guard<SpinLock> guard(lock_);
  uint64_t both = run.offset | run.bytes;
  if (unsigned shift = both & 1 ? 0 : both & 2 ? 1 : 2; shift < shift_)
    refine(shift);
  uint32_t stamp = stamps.base + static_cast<uint32_t>(clocks.block());
  uint64_t first = run.offset >> shift_;
  uint32_t perLane = run.bytes >> shift_, n = run.count * perLane;
  uint32_t values[32 * 16];
  for (uint32_t l = 0; l < run.count; ++l)
    std::fill_n(values + l * perLane, perLane,
                (who.isStrong ? strongBit : 0) |
                    (who.warp * 32 + run.firstLane + l) << pcBits | std::min(who.pc, pcMask));
  if (!who.isStrong && touchRun(first, n, stamp, stamps, isWrite, values))
    return;
  for (uint32_t i = 0; i < n; ++i)
    if (!touchGranule(first + i, stamp, values[i], stamps, isWrite, answer.other)) {
      answer.isRace = true;
      answer.lane = run.firstLane + i / perLane;
      answer.offset = (first + i) << shift_;
      return;
    }
}

void GridPage::forget() {
  std::lock_guard<SpinLock> guard(lock_);
  std::fill(records_.begin(), records_.end(), 0);
}

void GridPage::refine(unsigned shift) {
  unsigned factor = 1u << (shift_ - shift);
  std::vector<uint32_t> finer;
  finer.reserve(records_.size() * factor);
  for (uint32_t record : records_)
    finer.insert(finer.end(), factor, record);
  records_ = std::move(finer);
  granules_ *= factor;
  shift_ = shift;
}
