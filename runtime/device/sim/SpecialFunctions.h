// The special function unit: approximations of PTX (.approx, .full) with the
// accuracy of hardware, not of libm. Computed in double and cut to the precision
// that the PTX ISA promises, so that what relies on more is seen here:
//
//   function  promised (PTX ISA)               here
//   ex2       2 ulp                            23 significant bits, nearest
//   lg2       2^-22, absolute in (0.5, 2)      multiples of 2^-23 there, else 23 bits
//   rcp       1 ulp                            24 bits, cut off
//   rsqrt     2^-22.9                          24 bits, cut off
//   sqrt      2^-23                            24 bits, cut off
//   sin, cos  2^-20.5 absolute in [-pi, pi]    turns rounded to f32, then 22 bits
//   tanh      2^-11 (f32)                      12 bits, nearest
//   div       2 ulp for |b| in 2^[-126, 126]   a * rcp(b), rcp to nearest
//   div.full  2 ulp                            24 bits, cut off
//
// Powers of two and other short results stay exact. Deterministic: the same bits
// on every host. Under IeeeMode.
#pragma once

#include <cstdint>

namespace mamba::sim::numerics {

enum class Special : uint8_t { Ex2, Lg2, Rcp, Rsqrt, Sqrt, Sin, Cos, Tanh };

/// result[i] = f(a[i]) for the lanes of the mask, others keep theirs; 32 f32 as
/// their bits. isFlushed: .ftz, of operands and results. result may be a.
void special(Special function, bool isFlushed, uint32_t *result, const uint32_t *a, uint32_t mask);
/// div.approx and div.full (isFull).
void divApprox(bool isFull, bool isFlushed, uint32_t *result, const uint32_t *a, const uint32_t *b,
               uint32_t mask);

/// One lane.
float special(Special function, bool isFlushed, float a);
float divApprox(bool isFull, bool isFlushed, float a, float b);

/// ex2.approx.f16, tanh.approx.bf16 and so on: f32's result rounded to nearest.
uint16_t specialF16(Special function, uint16_t a);
uint16_t specialBF16(Special function, uint16_t a);

/// rcp.approx.ftz.f64 and rsqrt.approx.ftz.f64: the high 32 bits of the result,
/// cut off, from the high 32 of the operand; the low ones are zero.
double specialF64(Special function, double a);

} // namespace mamba::sim::numerics
