// Races among the threads of one block, on a stretch of memory.
#pragma once

#include "runtime/device/sim/Clocks.h"
#include "runtime/device/sim/Report.h"
#include "runtime/device/sim/RunTable.h"

#include <cstdint>
#include <memory>
#include <unordered_map>
#include <vector>

namespace mamba::sim {

/// The instruction that accesses, as the race checks see it.
struct Toucher {
  uint32_t pc = 0, warp = 0;
  /// Not weak: two of these never race. isRelaxed: and does not release.
  bool isStrong = false, isRelaxed = false;
};

/// Consecutive lanes of one instruction that access consecutive bytes.
struct LaneRun {
  uint64_t offset = 0; // of the first lane
  uint32_t bytes = 0;  // of each
  uint32_t firstLane = 0, count = 0;
};

/// Which lanes read which granule, by their distance from the lowest address:
/// mostly the same whenever an instruction executes.
struct LanePattern {
  uint32_t lanes = 0, bytes = 0, granules = 0;
  unsigned shift = 0;
  bool isRegular = false; // accesses do not overlap in part
  uint64_t distances[32];
  uint32_t bits[RunTable::mostGranules];

  /// Makes it fit, if it does not.
  void fit(uint32_t lanesNow, const uint64_t *offsets, uint64_t low, uint64_t high,
           uint32_t bytesNow, unsigned shiftNow);
};

/// The last write and the reads since of every granule of memory, which is a
/// 4-byte word until an access smaller than that comes. Records of earlier
/// blocks die by their labels; nothing has to be cleared.
///
/// Of reads, those of one warp stand beside the write; other warps that read the
/// same in the same phase have a plane each; what is left over by barriers of a
/// part of a warp stands in a list. So no read is forgotten that a later write
/// could race with.
class AccessTable {
public:
  explicit AccessTable(uint64_t bytes) { reset(bytes); }
  /// Forgets everything; granules are words.
  void reset(uint64_t bytes);
  uint64_t bytes() const { return bytes_; }
  bool isRefined() const { return shift_ != 2; }

  /// What a check says: with whom it races; whether the lanes touched these bytes
  /// so for the first time since their warp synchronised (isFresh), and the block
  /// for the first time (isNew).
  struct Answer {
    bool isRace = false, isFresh = false, isNew = false;
    uint64_t offset = 0; // of the race
    uint32_t lane = 0;   // that races
    Party other;
  };

  /// Lanes of a warp read the same bytes.
  void read(const BlockClocks &clocks, const Toucher &who, uint32_t lanes, uint64_t offset,
            uint32_t bytes, Answer &answer) {
    refineFor(offset, bytes);
    for (uint64_t i = offset >> shift_, end = (offset + bytes) >> shift_; i < end; ++i)
      readGranule(clocks, who, lanes, i, answer);
  }
  void write(const BlockClocks &clocks, const Toucher &who, uint32_t lane, uint64_t offset,
             uint32_t bytes, Answer &answer) {
    refineFor(offset, bytes);
    for (uint64_t i = offset >> shift_, end = (offset + bytes) >> shift_; i < end; ++i)
      writeGranule(clocks, who, lane, i, answer);
  }
  /// The same as read and write lane by lane, fast where nobody interferes.
  void readRun(const BlockClocks &clocks, const Toucher &who, const LaneRun &run, Answer &answer);
  void writeRun(const BlockClocks &clocks, const Toucher &who, const LaneRun &run,
                Answer &answer);
  /// Lanes of one instruction read near each other; all offsets + bytes lie in
  /// [low, high). `pattern` is what the instruction's last call left.
  void readLanes(const BlockClocks &clocks, const Toucher &who, uint32_t lanes,
                 const uint64_t *offsets, uint64_t low, uint64_t high, uint32_t bytes,
                 LanePattern &pattern, Answer &answer);
  /// Counts as written by this lane now; without any check.
  void rewrite(const BlockClocks &clocks, const Toucher &who, uint32_t lane, uint64_t offset,
               uint32_t bytes);

  static constexpr uint32_t pcBits = PackedAccess::pcBits, pcMask = PackedAccess::pcMask;
  static constexpr uint32_t strongBit = PackedAccess::strongBit;
  static constexpr uint32_t othersBit = PackedAccess::flagBit; // planes or leftovers have reads

private:
  static constexpr uint32_t mostGranules = RunTable::mostGranules; // looked at together

  // A record a granule in arrays of their own, for vectors:
  // writer: strong, thread, pc; reader: strong, others, warp, pc.
  enum Array { WriteLabel, Writer, ReadLabel, ReadLanes, Reader, arrayCount };
  enum PlaneArray { Label, Lanes, By, planeArrayCount };
  struct Reads {
    uint32_t label = 0, lanes = 0, reader = 0;
  };

  uint32_t *array(Array which) { return records_.data() + which * stride_; }
  const uint32_t *array(Array which) const { return records_.data() + which * stride_; }

  static uint32_t threadOf(uint32_t writer) { return writer >> pcBits & 1023; }
  static uint32_t warpOf(uint32_t reader) { return reader >> pcBits & 31; }
  static uint32_t packWriter(const Toucher &who, uint32_t lane) {
    return (who.isStrong ? strongBit : 0) | (who.warp * 32 + lane) << pcBits |
           PackedAccess::pc(who.pc);
  }
  static uint32_t packReader(const Toucher &who) {
    return (who.isStrong ? strongBit : 0) | who.warp << pcBits | PackedAccess::pc(who.pc);
  }
  static Party party(const BlockClocks &clocks, uint32_t packed, uint32_t warp, uint32_t lane,
                     bool isWrite);

  void readGranule(const BlockClocks &clocks, const Toucher &who, uint32_t lanes, uint64_t index,
                   Answer &answer);
  void writeGranule(const BlockClocks &clocks, const Toucher &who, uint32_t lane, uint64_t index,
                    Answer &answer);
  void readAgain(const BlockClocks &clocks, const Toucher &who, uint32_t lanes, uint64_t index,
                 Answer &answer);
  void raceAt(uint64_t index, Answer &answer) const {
    answer.isRace = true;
    answer.offset = index << shift_;
  }
  bool isReadOrdered(const BlockClocks &clocks, const Toucher &who, uint32_t lanes,
                     uint64_t index, Answer &answer) const;
  bool isWriteOrdered(const BlockClocks &clocks, const Toucher &who, uint32_t lane,
                      uint64_t index, Answer &answer) const;
  bool areReadsOrdered(const BlockClocks &clocks, const Toucher &who, uint32_t lane,
                       const Reads &reads, Answer &answer) const;
  void keepLeftover(const BlockClocks &clocks, uint64_t index, Reads reads, const Toucher &who,
                    uint32_t lanes);
  uint32_t *planeOf(uint32_t warp);
  /// The lanes in bits[i] (0: none) read granule first + i.
  void readSpan(const BlockClocks &clocks, const Toucher &who, uint64_t first, uint32_t n,
                const uint32_t *bits, Answer &answer);
  bool refineFor(uint64_t offset, uint32_t bytes) {
    if (((offset | bytes) & mask_) == 0)
      return false;
    refine(offset, bytes);
    return true;
  }
  void refine(uint64_t offset, uint32_t bytes);

  uint64_t bytes_ = 0, stride_ = 0; // from array to array
  unsigned shift_ = 2;
  uint32_t mask_ = 3;
  std::vector<uint32_t> records_;
  std::vector<std::vector<uint32_t>> planes_; // by warp: planeArrayCount arrays, or empty
  std::unordered_map<uint64_t, std::vector<Reads>> leftovers_;
};

} // namespace mamba::sim
