// The handlers that compute lane by lane. Their source is compiled for several
// instruction sets; the best that this machine has is chosen once.
#pragma once

#include "runtime/device/sim/Numerics.h"
#include "runtime/device/sim/Program.h"

#include <cstdint>
#include <vector>

namespace mamba::sim {

/// Operands are d, a, b, c where not said otherwise.
enum class IntOp : uint8_t {
  Add, AddSat, Sub, SubSat, MulLo, MulHi, MulWide, Mul24Lo, Mul24Hi, Div, Rem, Min, Max, MinRelu,
  MaxRelu, AddX2, SubX2, MinX2, MaxX2, And, Or, Xor, Shl, Shr, SzextClamp, SzextWrap, BmskClamp,
  BmskWrap, Abs, Neg, Not, Cnot, Clz, Popc, Brev, Bfind, BfindShift, Mov, MadLo, MadHi, MadHiSat,
  MadWide, Mad24Lo, Mad24Hi, Sad, Bfe, Fns, ShfL, ShfR, ShfLWrap, ShfRWrap, Prmt, PrmtF4e, PrmtB4e,
  PrmtRc8, PrmtEcl, PrmtEcr, PrmtRc16,
  Lop3,       // imm: the table
  Dp4a, Dp2a, // flags: bit 0 a is signed, bit 1 b is, bit 2 .hi
  Bfi,        // more[0]: the length
  AddCarry, SubCarry, MadLoCarry, MadHiCarry, // flags: bit 0 reads CC.CF, bit 1 writes it
  Pack8, Pack16, Pack32, // d = b above a
  Part32, Part64,        // flags: shift, imm: mask of the part
  Selp,             // c: predicate code
  SlctS32, SlctF32, // flags: bit 0 .ftz
};

enum class FloatOp : uint8_t {
  Add, Sub, Mul, Fma, FmaRelu, Min, Max, MinNaN, MaxNaN, MinXor, MaxXor, MinNaNXor, MaxNaNXor, Abs,
  Neg, Copysign,
  Div, DivFull, DivApprox, Rcp, RcpApprox, Sqrt, SqrtApprox, RsqrtApprox, Ex2, Lg2, Sin, Cos, Tanh
};

/// How a float instruction rounds and clamps. Other roundings than to nearest
/// are Inst::flags.
struct FloatMode {
  bool isNearest = true, isFtz = false, isSat = false;
};

/// Inst::flags of setp: how the result combines with predicate c. imm is the
/// second destination.
enum class Combine : uint32_t { None, And, Or, Xor };

/// A Conversion in Inst::flags.
struct ConversionCode {
  uint32_t bits = 0;

  ConversionCode(uint32_t code) : bits(code) {}
  ConversionCode(const numerics::Conversion &c, bool isFromWide, bool isToWide)
      : bits(uint32_t(c.to) | uint32_t(c.from) << 5 | uint32_t(c.round) << 10 |
             uint32_t(c.isIntegral) << 13 | uint32_t(c.isFlushed) << 14 |
             uint32_t(c.isSaturated) << 15 | uint32_t(c.isRelu) << 16 |
             uint32_t(c.isFinite) << 17 | uint32_t(isFromWide) << 18 | uint32_t(isToWide) << 19) {}

  bool isFromWide() const { return bits >> 18 & 1; }
  bool isToWide() const { return bits >> 19 & 1; }
  numerics::Conversion conversion() const {
    numerics::Conversion c;
    c.to = ptx::Type(bits & 31);
    c.from = ptx::Type(bits >> 5 & 31);
    c.round = numerics::Round(bits >> 10 & 7);
    c.isIntegral = bits >> 13 & 1;
    c.isFlushed = bits >> 14 & 1;
    c.isSaturated = bits >> 15 & 1;
    c.isRelu = bits >> 16 & 1;
    c.isFinite = bits >> 17 & 1;
    return c;
  }
};

/// Handlers by operation and type; null where there is none.
struct LaneUnit {
  Handler (*integer)(IntOp op, ptx::Type type);
  /// and, or, xor of predicate codes a, b.
  Handler (*predicates)(IntOp op);
  /// B64 stands for f32x2.
  Handler (*floating)(FloatOp op, ptx::Type type, FloatMode mode);
  Handler (*compare)(numerics::Compare op, ptx::Type type, bool isFtz);
  /// flags: the ConversionCode. Wide: in a 64-bit register.
  Handler (*conversion)(const numerics::Conversion &conversion, bool isFromWide, bool isToWide);
  /// a: the high half, b: the low one; to is F16 or BF16.
  Handler (*conversionPair)(const numerics::Conversion &conversion);
  /// d: a predicate code; flags: the TestP.
  Handler (*testp)(ptx::Type type);
  /// Elements of 1 to 8 bytes and how many (16 bytes in all); flags: MemoryFlags.
  /// Wide: the registers have 64 bits.
  Handler (*load)(unsigned bytes, unsigned count, bool isSigned, bool isWide);
  Handler (*store)(unsigned bytes, unsigned count, bool isWide);
};

/// Those that this machine can run, the best first. They give the same bits.
const std::vector<const LaneUnit *> &laneUnits();
const LaneUnit &laneUnit();

} // namespace mamba::sim
