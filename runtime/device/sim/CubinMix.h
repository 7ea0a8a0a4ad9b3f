// How many instructions of which kind a kernel consists of: in its PTX, and in
// the machine code that an assembler made of it. Static: each counts once,
// however often it runs.
#pragma once

#include "runtime/pack/Cubin.h"

#include <array>
#include <cstdint>
#include <span>

namespace mamba::sim {

enum class MixClass : uint8_t {
  Fma,     // f32, f16 and bf16 arithmetic, comparisons, min and max
  Double,  // f64
  Special, // MUFU
  Integer, // integer, logic, moves, selection, predicates, constants
  Conversion,
  LoadGlobal,
  StoreGlobal,
  LoadShared, // ldmatrix too
  StoreShared,
  LoadLocal, // spills and arrays
  StoreLocal,
  AsyncCopy,
  Atomic,
  Matrix,
  Shuffle, // votes and matches too
  Barrier, // of a block or a warp, and fences
  Control,
  Other // not known to us
};
inline constexpr unsigned kMixClasses = unsigned(MixClass::Other) + 1;

/// "fma", "load global" and so on.
const char *nameOf(MixClass kind);

struct InstructionMix {
  std::array<uint32_t, kMixClasses> counts{};

  uint32_t operator[](MixClass kind) const { return counts[unsigned(kind)]; }
  uint32_t &operator[](MixClass kind) { return counts[unsigned(kind)]; }
  uint32_t total() const;
};

/// Of a kernel's machine code: sm_75 and later, 16 bytes an instruction, the
/// operation in the lowest nine bits. Padding is not counted. `chip` is Cubin's.
InstructionMix mixOfCode(std::span<const uint8_t> code, unsigned chip);

} // namespace mamba::sim
