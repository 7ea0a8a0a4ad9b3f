// What the memory does for one warp-instruction: sectors, passes over the banks,
// and when what it asks of global memory is there.
#include "runtime/device/sim/Latencies.h"
#include "runtime/device/sim/Memory.h"

#include <algorithm>

using namespace mamba;
using namespace mamba::sim;
using ptx::Space;

namespace {
/// Numbers in the order of their coming, each once. Those of lanes mostly rise.
struct Distinct {
  uint64_t values[kLanes];
  unsigned count = 0;
  uint64_t largest = 0;

  void add(uint64_t value) {
    if (count && value <= largest && contains(value))
      return;
    largest = std::max(largest, value);
    values[count++] = value;
  }
  bool contains(uint64_t value) const {
    for (unsigned k = count; k-- > 0;)
      if (values[k] == value)
        return true;
    return false;
  }
};

TouchedPiece &slotOf(Block &b, uint64_t piece) {
  static_assert(kTouchedPieces == size_t(1) << 13);
  return b.touched[piece * 0x9e3779b97f4a7c15 >> (64 - 13)];
}

/// When the piece is there that the instruction asks for now: after a trip to memory
/// for the first of the block that touches it, after one to the L2 for the others.
uint64_t arrivalOf(Block &b, uint64_t piece) {
  TouchedPiece &slot = slotOf(b, piece);
  uint64_t fromL2 = b.start + kGlobalLatency, fromMemory = b.start + kDramLatency;
  if (slot.piece != piece || slot.serial != b.serial)
    slot = {piece, b.serial, fromMemory};
  slot.arrival = std::min(slot.arrival, fromMemory);
  return std::max(slot.arrival, fromL2);
}
void noteWritten(Block &b, uint64_t piece) {
  TouchedPiece &slot = slotOf(b, piece);
  if (slot.piece != piece || slot.serial != b.serial)
    slot = {piece, b.serial, b.start};
}

void countGlobal(Block &b, uint32_t mask, AccessKind kind, unsigned bytes, Pattern pattern) {
  MemoryCounts &c = b.counts;
  const uint64_t *at = b.addresses;
  constexpr uint64_t ofPiece = kPieceBytes / kSectorBytes;
  uint64_t sectors = 0, distinct = bytes, lastPiece = ~uint64_t(0);
  auto touch = [&](uint64_t sector) {
    uint64_t piece = sector / ofPiece;
    if (piece == lastPiece)
      return;
    lastPiece = piece;
    if (kind == AccessKind::Store)
      noteWritten(b, piece);
    else
      b.arrival = std::max(b.arrival, arrivalOf(b, piece));
  };
  if (pattern == Pattern::Any) {
    // Lanes are aligned, so that two have the same bytes or none in common.
    Distinct places, pieces;
    for (uint32_t rest = mask; rest; rest &= rest - 1) {
      uint64_t place = at[__builtin_ctz(rest)];
      places.add(place);
      pieces.add(place / kSectorBytes);
    }
    sectors = pieces.count;
    distinct = uint64_t(bytes) * places.count;
    for (unsigned k = 0; k < pieces.count; ++k)
      touch(pieces.values[k]);
  } else {
    if (pattern == Pattern::Line)
      distinct *= kLanes;
    uint64_t first = at[0] / kSectorBytes, last = (at[0] + distinct - 1) / kSectorBytes;
    sectors = last - first + 1;
    for (uint64_t sector = first; sector <= last; ++sector)
      touch(sector);
  }
  uint64_t all = uint64_t(bytes) * unsigned(__builtin_popcount(mask));
  uint64_t needed = (distinct + kSectorBytes - 1) / kSectorBytes;
  if (kind != AccessKind::Store) {
    c.globalLoadBytes += all;
    c.globalLoadSectors += sectors;
    c.globalNeededSectors += needed;
  }
  if (kind != AccessKind::Load) {
    c.globalStoreBytes += all;
    c.globalStoreSectors += sectors;
    c.globalNeededSectors += needed;
  }
}

/// Whether lanes read what the lanes beside them, or those behind these, read.
bool areInPairs(const uint64_t *at, uint32_t mask) {
  uint64_t beside = 0, behind = 0;
  for (unsigned l = 0; l < kLanes; ++l) {
    auto differ = [&](unsigned other) {
      return (mask >> l & mask >> other & 1) ? at[l] ^ at[other] : 0;
    };
    beside |= differ(l ^ 1);
    behind |= differ(l ^ 2);
  }
  return beside == 0 || behind == 0;
}

/// Passes over the banks for lanes that go at once: those that want different words of
/// a bank take turns. They ask for no more than 128 bytes, so one would be enough.
unsigned passesOf(const uint64_t *at, uint32_t lanes, unsigned words) {
  uint32_t wordAt[kLanes][kLanes]; // by depth, then bank
  uint8_t depth[kLanes] = {};
  unsigned most = 0;
  for (; lanes; lanes &= lanes - 1) {
    uint32_t place = uint32_t(at[__builtin_ctz(lanes)]) / 4;
    for (unsigned k = 0; k < words; ++k) {
      uint32_t word = place + k, bank = word % kLanes;
      bool isNew = true;
      for (unsigned n = 0; isNew && n < depth[bank]; ++n)
        isNew = wordAt[n][bank] != word;
      if (isNew) {
        wordAt[depth[bank]++][bank] = word;
        most = std::max<unsigned>(most, depth[bank]);
      }
    }
  }
  return most;
}

/// Passes of an access, and those that its parts need where no lanes take turns.
struct Passes {
  uint64_t taken = 0, needed = 0;
};
Passes countPasses(const Block &b, uint32_t mask, unsigned bytes, unsigned parts) {
  Passes passes;
  unsigned lanesAtOnce = kLanes / parts;
  for (unsigned first = 0; first < kLanes; first += lanesAtOnce) {
    uint32_t lanes = mask & (kAllLanes >> (kLanes - lanesAtOnce) << first);
    passes.taken += passesOf(b.addresses, lanes, std::max(bytes / 4, 1u));
    passes.needed += lanes != 0;
  }
  return passes;
}

void addShared(Block &b, uint32_t mask, unsigned bytes, Passes passes) {
  MemoryCounts &c = b.counts;
  c.sharedBytes += uint64_t(bytes) * unsigned(__builtin_popcount(mask));
  ++c.sharedAccesses;
  c.sharedWavefronts += passes.taken;
  c.sharedNeeded += passes.needed;
}

void countShared(Block &b, uint32_t mask, AccessKind kind, unsigned bytes, Pattern pattern) {
  unsigned parts = std::max(bytes / 4, 1u); // 128 bytes go at once
  bool canPair = kind == AccessKind::Load && parts > 1;
  if (pattern != Pattern::Any) {
    uint64_t passes = pattern == Pattern::Same && canPair ? parts / 2 : parts;
    return addShared(b, mask, bytes, {passes, passes});
  }
  Passes passes = countPasses(b, mask, bytes, parts);
  if (canPair && areInPairs(b.addresses, mask)) {
    Passes paired = countPasses(b, mask, bytes, parts / 2);
    if (paired.taken < passes.taken)
      passes = paired;
  }
  addShared(b, mask, bytes, passes);
}
} // namespace

void sim::countAccess(Block &b, uint32_t mask, Space space, AccessKind kind, unsigned bytes,
                      Pattern pattern) {
  switch (space) {
  case Space::Global: return countGlobal(b, mask, kind, bytes, pattern);
  case Space::Shared: return countShared(b, mask, kind, bytes, pattern);
  case Space::Local:
    b.counts.localBytes += uint64_t(bytes) * unsigned(__builtin_popcount(mask));
    return;
  default: return;
  }
}

void sim::countMatrixRows(Block &b, uint32_t mask) {
  addShared(b, mask, 16, countPasses(b, mask, 16, 4));
}
