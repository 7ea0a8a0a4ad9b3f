#include "runtime/device/sim/GridPage.h"

#include "runtime/support/LaneClones.h"

#include <algorithm>
#include <mutex>

using namespace mamba::sim;

namespace {
constexpr uint32_t pcBits = PackedAccess::pcBits, pcMask = PackedAccess::pcMask;
constexpr uint32_t strongBit = PackedAccess::strongBit;
constexpr uint32_t moreBit = PackedAccess::flagBit, wroteBit = PackedAccess::flagBit;

Party unpack(uint64_t block, uint32_t who, bool isWrite) {
  uint32_t pc = who & pcMask, thread = who >> pcBits & 1023;
  return {pc == pcMask ? Party::unknownPc : pc, block, thread / 32, thread % 32, isWrite};
}

/// Whose stamps are alive, and which is of the block that touches.
struct Alive {
  uint32_t base, count, mine;
};
MAMBA_INLINE uint32_t isOther(uint32_t stamp, const Alive &alive) {
  return (stamp - alive.base < alive.count) & (stamp != alive.mine);
}

/// Weak reads by `mine`; says whether some has to be looked at one by one.
MAMBA_LANE_CLONES bool readGranules(const uint32_t *writers, const uint32_t *writersWho,
                                    uint32_t *readers, uint32_t *readersWho, uint32_t *readers2,
                                    uint32_t *readers2Who, const uint32_t *threads, uint32_t n,
                                    uint32_t who, const Alive alive) {
  uint32_t doubtful = 0;
  for (uint32_t i = 0; i < n; ++i) {
    uint32_t by = who + threads[i];
    uint32_t isSafe = (isOther(writers[i], alive) ^ 1) &
                      (((writers[i] == alive.mine) & ((writersWho[i] & moreBit) != 0)) ^ 1);
    doubtful |= isSafe ^ 1;
    uint32_t first = readers[i], second = readers2[i];
    uint32_t firstWho = readersWho[i], secondWho = readers2Who[i];
    // With two other blocks there, this one takes the place of a strong read.
    uint32_t isMoreThanOne = isOther(second, alive);
    uint32_t isFirst = (isOther(first, alive) ^ 1) | (isMoreThanOne & firstWho >> 31);
    uint32_t isSecond = ((isMoreThanOne ^ 1) | secondWho >> 31) & (isFirst ^ 1);
    readers[i] = isFirst ? alive.mine : first;
    readersWho[i] = isFirst ? by : firstWho;
    readers2[i] = isSecond ? alive.mine : second;
    readers2Who[i] = isSecond ? by : secondWho;
  }
  return doubtful != 0;
}

MAMBA_LANE_CLONES bool writeGranules(uint32_t *writers, uint32_t *writersWho,
                                     const uint32_t *readers, const uint32_t *readers2,
                                     const uint32_t *threads, uint32_t n, uint32_t who,
                                     const Alive alive) {
  uint32_t doubtful = 0;
  for (uint32_t i = 0; i < n; ++i) {
    uint32_t writer = writers[i], was = writersWho[i];
    uint32_t isSafe =
        ((isOther(writer, alive) | isOther(readers[i], alive) | isOther(readers2[i], alive)) ^
         1) &
        (((writer == alive.mine) & ((was & moreBit) != 0)) ^ 1);
    doubtful |= isSafe ^ 1;
    writers[i] = isSafe ? alive.mine : writer;
    writersWho[i] = isSafe ? who + threads[i] : was;
  }
  return doubtful != 0;
}
} // namespace

/// Says false at a race.
bool GridPage::touchGranule(uint64_t index, uint32_t stamp, uint32_t who, Stamps stamps,
                            bool isWrite, Party &other) {
  bool isStrong = who & strongBit;
  auto stampOf = [&](Array which) -> uint32_t & { return array(which)[index]; };
  auto whoOf = [&](Array which) -> uint32_t & {
    return array(static_cast<Array>(which + 1))[index];
  };
  auto isAlive = [&](Array which) { return stampOf(which) - stamps.base < stamps.count; };
  auto isOther = [&](Array which) { return isAlive(which) && stampOf(which) != stamp; };
  auto races = [&](Array which) {
    if (!isOther(which) || (whoOf(which) & who & strongBit))
      return false;
    other = unpack(stampOf(which) - stamps.base, whoOf(which),
                   which == Writer || (whoOf(which) & wroteBit));
    return true;
  };
  // Of a block the weak accesses say most; they may displace another's strong ones
  // once both readers are of other blocks.
  auto addReader = [&](uint32_t by, uint32_t byWho) {
    bool isWeak = !(byWho & strongBit);
    for (Array which : {Reader, Reader2})
      if (!isAlive(which) || stampOf(which) == by) {
        if (!isAlive(which) || isWeak || (whoOf(which) & strongBit)) {
          stampOf(which) = by;
          whoOf(which) = byWho;
        }
        return;
      }
    for (Array which : {Reader, Reader2})
      if (isWeak && (whoOf(which) & strongBit)) {
        stampOf(which) = by;
        whoOf(which) = byWho;
        return;
      }
  };

  if (races(Writer))
    return false;
  bool isMine = isAlive(Writer) && stampOf(Writer) == stamp;
  if (isMine && (whoOf(Writer) & moreBit) && !isStrong) {
    // Against an earlier writer: one that stands among the readers, or unknown.
    other = Party();
    other.block = Party::unknownBlock;
    other.isWrite = true;
    for (Array which : {Reader, Reader2})
      if (isOther(which) && (whoOf(which) & wroteBit))
        races(which);
    return false;
  }
  if (!isWrite) {
    addReader(stamp, who);
    return true;
  }
  if (races(Reader) || races(Reader2))
    return false;
  if (isMine && !(whoOf(Writer) & strongBit) && isStrong)
    return true;
  uint32_t more = isMine ? whoOf(Writer) & moreBit : 0;
  if (isOther(Writer)) {
    more = moreBit;
    addReader(stampOf(Writer), (whoOf(Writer) & ~moreBit) | wroteBit);
  }
  stampOf(Writer) = stamp;
  whoOf(Writer) = who | more;
  return true;
}

void GridPage::touch(const BlockClocks &clocks, const Toucher &who, Stamps stamps,
                     const LaneRun &run, bool isWrite, AccessTable::Answer &answer) {
  std::lock_guard<SpinLock> guard(lock_);
  if (who.isStrong)
    strongLaunch_.store(stamps.base, std::memory_order_relaxed);
  uint64_t both = run.offset | run.bytes;
  if (unsigned shift = both & 1 ? 0 : both & 2 ? 1 : 2; shift < shift_)
    refine(shift);
  uint32_t stamp = stamps.base + static_cast<uint32_t>(clocks.block());
  uint64_t first = run.offset >> shift_;
  uint32_t granulesOfLane = run.bytes >> shift_, n = run.count * granulesOfLane;
  uint32_t packed = (who.isStrong ? strongBit : 0) |
                    (who.warp * 32 + run.firstLane) << pcBits | PackedAccess::pc(who.pc);
  if (!who.isStrong && (run.bytes & (run.bytes - 1)) == 0) {
    const uint32_t *threads = runTable.threads[__builtin_ctz(granulesOfLane)].data();
    Alive alive{stamps.base, stamps.count, stamp};
    bool isDoubtful =
        isWrite ? writeGranules(array(Writer) + first, array(WriterWho) + first,
                                array(Reader) + first, array(Reader2) + first, threads, n,
                                packed, alive)
                : readGranules(array(Writer) + first, array(WriterWho) + first,
                               array(Reader) + first, array(ReaderWho) + first,
                               array(Reader2) + first, array(Reader2Who) + first, threads, n,
                               packed, alive);
    if (!isDoubtful)
      return;
  }
  for (uint32_t i = 0; i < n; ++i) {
    uint32_t lane = i / granulesOfLane;
    if (!touchGranule(first + i, stamp, packed + (lane << pcBits), stamps, isWrite,
                      answer.other)) {
      answer.isRace = true;
      answer.lane = run.firstLane + lane;
      answer.offset = (first + i) << shift_;
      return;
    }
  }
}

void GridPage::forget() {
  std::lock_guard<SpinLock> guard(lock_);
  std::fill(records_.begin(), records_.end(), 0);
  strongLaunch_ = 0;
}

void GridPage::refine(unsigned shift) {
  unsigned factor = 1u << (shift_ - shift);
  std::vector<uint32_t> finer;
  finer.reserve(records_.size() * factor);
  for (uint32_t record : records_)
    finer.insert(finer.end(), factor, record);
  records_ = std::move(finer);
  stride_ *= factor;
  shift_ = shift;
}
