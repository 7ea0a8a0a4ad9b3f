// A defect of a kernel, as the checks and the interpreter find it, and the one
// line that tells it.
#pragma once

#include "runtime/support/Status.h"

#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <string_view>

namespace mamba::sim {

enum class MemorySpace : uint8_t { Global, Shared, Local };

enum class DefectKind : uint8_t {
  OutOfBounds,
  Misaligned,
  ReadOnly,         // a write to memory that kernels may only read
  Unwritten,        // a read of bytes that nothing wrote
  Race,             // with `other`
  Early,            // an access before griddepcontrol.wait that has to come after it
  NonCoherent,      // memory that ld.global.nc reads and the same launch writes
  AsyncPending,     // an access to the destination of a cp.async (`other`) before its wait
  AsyncSource,      // a write to the source of a cp.async (`other`) before its wait
  DivergentBarrier, // the interpreter's, with `note`
  Deadlock,         // the interpreter's, with `note`
  Other             // the interpreter's: `note` says it all
};

/// Who executed which instruction. `pc` is the interpreter's number of it.
struct Party {
  static constexpr uint32_t unknownPc = ~uint32_t(0);
  static constexpr uint64_t unknownBlock = ~uint64_t(0);
  uint32_t pc = unknownPc;
  uint64_t block = 0; // x + gridX (y + gridY z)
  uint32_t warp = 0, lane = 0;
  bool isWrite = false;
};

struct Defect {
  DefectKind kind = DefectKind::Other;
  MemorySpace space = MemorySpace::Global;
  Party party;
  std::optional<Party> other;
  uint32_t bytes = 0; // that the lane accesses; 0: no memory is concerned
  std::string where;  // "'y' + 64 of 128 bytes"
  std::string note;   // what else helps; the whole story for kinds of the interpreter's own
};

struct InstructionText {
  uint32_t line = 0;
  std::string_view text;
};

/// What messages need of a launch.
struct LaunchText {
  std::string kernel;
  uint32_t grid[3] = {1, 1, 1};
  std::function<InstructionText(uint32_t pc)> instruction;
};

/// The defect in one line: kind, kernel, PTX line with its text, block, warp,
/// lane, allocation and offset, what to do.
Status describe(const Defect &defect, const LaunchText &launch);

} // namespace mamba::sim
