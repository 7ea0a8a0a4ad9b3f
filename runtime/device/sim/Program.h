// The decoded form of a kernel: an array of instructions that know their handler
// and where their operands lie. Made once by Decode, executed by Warp.
#pragma once

#include "runtime/device/sim/Monitor.h"
#include "runtime/device/sim/ptx/Ptx.h"

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

namespace mamba::sim {

struct Warp;
struct Inst;

/// Executes one instruction for the lanes Warp::mask; gives the next one, or
/// null when the warp has to stop here (Warp::stop says why).
using Handler = const Inst *(*)(Warp &, const Inst *);

/// Registers of a warp lie in rows of 32 lanes: 128 bytes for up to 32 bits, 256
/// for 64, 512 for 128. Operands name rows by their byte offset.
inline constexpr uint32_t kRowBytes = 128;

/// A predicate operand: index * 2 + isNegated. Index 0 is false for all lanes,
/// 1 true, 2 takes what nobody reads.
using PredCode = uint32_t;
inline constexpr PredCode kPredFalse = 0, kPredTrue = 2, kPredSink = 4;
inline constexpr uint32_t kFirstPred = 3;

struct alignas(64) Inst {
  Handler run = nullptr;
  uint32_t d = 0, a = 0, b = 0, c = 0; // rows, or predicate codes where the handler says so
  PredCode guard = kPredTrue;
  uint32_t flags = 0;             // the handler's own
  int64_t imm = 0;                // displacement of an address, a mask
  const uint32_t *more = nullptr; // operands that d to c do not hold
  const Inst *target = nullptr;   // of a branch
  const Inst *join = nullptr;     // where lanes that part here meet again, or null
};

/// What an instruction counts as in Counts.
enum class Class : uint8_t {
  Fma, Special, Integer, Logic, Conversion, Move, Control, Matrix, Load, Store, Atomic, Shuffle,
  Barrier, AsyncCopy,
  None // not an instruction of the text
};

/// What counting and messages need of an instruction; beside the code, so that
/// execution does not read it.
struct InstNote {
  Class kind = Class::None;
  bool isStore = false;
  bool isOrdering = false;     // later instructions wait for it: branches, barriers
  uint16_t latency = 0;        // cycles until the result can be read
  uint32_t matrixFlops = 0;    // of a warp
  uint32_t firstDependence = 0; // in Program::dependences: sources, then results
  uint16_t sources = 0, results = 0;
  uint32_t text = 0;           // in Program::texts
};

/// A value that every lane of every warp reads.
struct Constant {
  uint32_t row;
  uint64_t value;
  bool isWide;
};

/// Rows that a launch, a block or a warp fills before it starts.
enum class SpecialRow : uint8_t {
  TidX, TidY, TidZ, LaneId, WarpId, LaneMaskEq, LaneMaskLe, LaneMaskLt, LaneMaskGe, LaneMaskGt,
  NtidX, NtidY, NtidZ, CtaidX, CtaidY, CtaidZ, NctaidX, NctaidY, NctaidZ, NWarpId,
  DynamicSharedSize, TotalSharedSize
};
struct SpecialUse {
  SpecialRow what;
  uint32_t row;
};

struct Program {
  std::vector<Inst> code;
  std::vector<InstNote> notes; // of code
  std::vector<std::unique_ptr<uint32_t[]>> operands; // what Inst::more points to
  std::vector<uint32_t> dependences; // rows / kRowBytes; predicates behind them
  std::vector<InstructionText> texts;
  std::vector<Constant> constants;
  std::vector<SpecialUse> specials;
  std::vector<uint32_t> zeroRows; // that are read before they are written
  uint32_t registerRows = 0; // rows that registers share
  uint32_t rows = 0;         // of a warp, with constants and special registers
  uint32_t preds = 0;
  uint32_t localBytes = 0;  // of a thread
  uint32_t staticShared = 0; // bytes; dynamic shared memory begins here
  bool hasDynamicShared = false;
  bool canOrderBlocks = false;
  bool hasNonCoherent = false; // an ld.global.nc
  std::vector<NamedRange> shared, local;
};

/// Generic addresses below globalBase: where the other spaces appear.
inline constexpr uint64_t kSharedWindow = uint64_t(1) << 32;
inline constexpr uint64_t kLocalWindow = uint64_t(2) << 32;
inline constexpr uint64_t kParamWindow = uint64_t(3) << 32;
/// .global and .const variables of the module.
inline constexpr uint64_t kModuleWindow = uint64_t(4) << 32;
inline constexpr uint64_t kWindowBytes = uint64_t(1) << 32;

} // namespace mamba::sim
