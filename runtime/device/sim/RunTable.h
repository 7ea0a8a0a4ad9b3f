// How the race checks pack who accessed, and which lane has which granule.
#pragma once

#include <array>
#include <cstdint>

namespace mamba::sim {

/// An access in 32 bits: strong, a flag, the thread (or its warp), the
/// instruction; numbers of instructions that do not fit are not known.
struct PackedAccess {
  static constexpr uint32_t pcBits = 20, pcMask = (1u << pcBits) - 1;
  static constexpr uint32_t strongBit = 1u << 31, flagBit = 1u << 30;
  static constexpr uint32_t pc(uint32_t pc) { return pc < pcMask ? pc : pcMask; }
};

/// Arrays that are walked together begin in different sets of the cache.
constexpr uint64_t paddedStride(uint64_t count) { return count + 80; }

/// Granule i of a run whose lanes have 1 << perLane granules each: the lane's bit,
/// and its number as a part of PackedAccess.
struct RunTable {
  static constexpr uint32_t mostGranules = 32 * 16;
  std::array<std::array<uint32_t, mostGranules>, 5> bits{}, threads{};
};
constexpr RunTable makeRunTable() {
  RunTable table;
  for (uint32_t perLane = 0; perLane < 5; ++perLane)
    for (uint32_t i = 0; i < 32u << perLane; ++i) {
      table.bits[perLane][i] = 1u << (i >> perLane);
      table.threads[perLane][i] = (i >> perLane) << PackedAccess::pcBits;
    }
  return table;
}
inline constexpr RunTable runTable = makeRunTable();

} // namespace mamba::sim
