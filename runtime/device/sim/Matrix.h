// mma.sync, ldmatrix, stmatrix, movmatrix over the registers of a warp. A
// register is a row of 32 lanes; fragments lie in them as the PTX ISA says.
//
// mma computes d = a b + c: f32 sums start with c and take the products in the
// order of k, each addition rounded to nearest; products are exact (but for
// bf16 and tf32 ones that leave f32's range). An f16 result is rounded once, at
// the end. Hardware sums in groups and cuts off: compare within
// (k + 1) 2^-23 (|a| |b| + |c|). Integer sums wrap, or clamp at the end.
#pragma once

#include <cstdint>

namespace mamba::sim {

struct Mma {
  enum class Element : uint8_t { F16, BF16, TF32, S8, U8 };
  /// m16n8kK: f16, bf16 8 16; tf32 4 8; s8, u8 16 32. m8n8k16: s8, u8.
  unsigned m = 16, k = 16;
  Element a = Element::F16, b = Element::F16;
  bool isHalfC = false, isHalfD = false; // f16 instead of f32
  bool isSaturated = false;              // .satfinite of s32

  /// False where PTX has no such instruction.
  bool isKnown() const;
  /// Registers of each lane.
  unsigned registersA() const;
  unsigned registersB() const;
  unsigned registersC() const;
  unsigned registersD() const;
  /// 2 m n k.
  unsigned flops() const { return 16 * m * k; }
};

/// Every lane takes part. Rows of d may be rows of the others.
void mma(const Mma &mma, uint32_t *const *d, const uint32_t *const *a, const uint32_t *const *b,
         const uint32_t *const *c);

/// ldmatrix.m8n8.xCount[.trans].b16: rows[8 i + r] is where row r of matrix i
/// lies, 16 bytes. count is 1, 2 or 4.
void ldmatrix(unsigned count, bool isTransposed, uint32_t *const *d, const uint8_t *const *rows);
/// stmatrix, the way back.
void stmatrix(unsigned count, bool isTransposed, uint8_t *const *rows, const uint32_t *const *a);
/// movmatrix.m8n8.trans.b16. d may be a.
void movmatrix(uint32_t *d, const uint32_t *a);

} // namespace mamba::sim
