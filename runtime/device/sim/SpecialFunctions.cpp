#include "runtime/device/sim/SpecialFunctions.h"

#include "runtime/device/sim/NumericsHalf.h"
#include "runtime/support/LaneClones.h"

namespace mamba::sim::numerics {

namespace {

constexpr unsigned kLanes = 32;
constexpr double kInfinity = __builtin_inf();

/// Adding it rounds a number below 2^51 to a whole one.
constexpr double kToInteger = 0x1.8p52;

/// Significant bits that stay, the others cut off or rounded to nearest.
MAMBA_INLINE double cutTo(int bitsKept, double x) {
  return f64(bits(x) & (~uint64_t(0) << (53 - bitsKept)));
}
MAMBA_INLINE double roundToBits(int bitsKept, double x) {
  uint64_t half = uint64_t(1) << (52 - bitsKept);
  return f64((bits(x) + half) & (~uint64_t(0) << (53 - bitsKept)));
}

/// 2^x for |x| <= 500 within 2^-27.
MAMBA_INLINE double exp2Of(double x) {
  double shifted = x + kToInteger;
  double f = (x - (shifted - kToInteger)) * 0x1.62e42fefa39efp-1; // ln 2, |f| <= 0.35
  double p = 1.0 / 5040;
  p = p * f + 1.0 / 720;
  p = p * f + 1.0 / 120;
  p = p * f + 1.0 / 24;
  p = p * f + 1.0 / 6;
  p = p * f + 0.5;
  p = p * f + 1.0;
  p = p * f + 1.0;
  return f64(bits(p) + (bits(shifted) << 52));
}

/// sin(2 pi t) for |t| <= 1/4 within 2^-30.
MAMBA_INLINE double sinOfTurns(double t) {
  double x = t * 0x1.921fb54442d18p+2, s = x * x;
  double p = 1.0 / 6227020800;
  p = p * s - 1.0 / 39916800;
  p = p * s + 1.0 / 362880;
  p = p * s - 1.0 / 5040;
  p = p * s + 1.0 / 120;
  p = p * s - 1.0 / 6;
  return x + x * s * p;
}

MAMBA_INLINE float ex2(float a) {
  double x = a;
  x = x < -200 ? -200 : x;
  x = x > 200 ? 200 : x;
  float r = float(roundToBits(23, exp2Of(x)));
  return a != a ? a : r;
}

MAMBA_INLINE float lg2(float a) {
  // The mantissa between sqrt(1/2) and sqrt(2); its logarithm is an odd series
  // in s = (m - 1) / (m + 1).
  constexpr uint64_t root = 0x3fe6a09e667f3bcd;
  uint64_t b = bits(double(a)), offset = (b - root) & (~uint64_t(0) << 52);
  double m = f64(b - offset);
  // The exponent as a number: its bits below those of 2^52, biased to be positive.
  double e = f64((offset + (uint64_t(2048) << 52)) >> 52 | 0x4330000000000000);
  e -= 0x1p52 + 2048;
  double s = (m - 1) / (m + 1), q = s * s;
  double p = 1.0 / 15;
  p = p * q + 1.0 / 13;
  p = p * q + 1.0 / 11;
  p = p * q + 1.0 / 9;
  p = p * q + 1.0 / 7;
  p = p * q + 1.0 / 5;
  p = p * q + 1.0 / 3;
  p = p * q + 1.0;
  double r = e + s * p * 0x1.71547652b82fep+1; // 2 / ln 2
  double near = (r + 0x1.8p29) - 0x1.8p29;     // a multiple of 2^-23
  double far = roundToBits(23, r);
  r = r > -1 && r < 1 ? near : far;
  r = a == 0 ? -kInfinity : r;
  r = double(a) == kInfinity ? kInfinity : r;
  return a >= 0 ? float(r) : canonicalNaN(a);
}

MAMBA_INLINE float rcpOf(float a) { return float(cutTo(24, 1.0 / double(a))); }
MAMBA_INLINE float rsqrtOf(float a) {
  double r = 1.0 / __builtin_sqrt(double(a)); // -0 gives -inf
  return float(cutTo(24, r));
}
MAMBA_INLINE float sqrtOf(float a) { return float(cutTo(24, __builtin_sqrt(double(a)))); }

/// The angle in turns, rounded to f32, within [-1/2, 1/2].
MAMBA_INLINE float turnsOf(float a) {
  float turns = a * 0x1.45f306p-3f;
  float whole = (turns + 0x1.8p23f) - 0x1.8p23f;
  return abs(turns) < 0x1p22f ? turns - whole : turns - turns;
}
MAMBA_INLINE float sinOf(float a) {
  double t = turnsOf(a);
  double folded = t > 0.25 ? 0.5 - t : t < -0.25 ? -0.5 - t : t;
  float r = float(roundToBits(22, sinOfTurns(folded)));
  return a == 0 ? a : r;
}
MAMBA_INLINE float cosOf(float a) {
  double t = turnsOf(a);
  return float(roundToBits(22, sinOfTurns(0.25 - (t < 0 ? -t : t))));
}

MAMBA_INLINE float tanhOf(float a) {
  double x = a, m = x < 0 ? -x : x;
  double limited = m < 20 ? m : 20;
  double e = exp2Of(limited * 0x1.71547652b82fep+1); // e^2x
  double far = (e - 1) / (e + 1);
  double q = limited * limited;
  double near = limited * (1 + q * (-1.0 / 3 + q * (2.0 / 15)));
  double r = roundToBits(12, m < 0x1p-4 ? near : far);
  float result = copysign(a, float(r));
  return a != a ? a : result;
}

MAMBA_INLINE float div(float a, float b) {
  float scaled = float(1.0 / double(b));
  // A subnormal reciprocal is none; a subnormal divisor has one beyond f32.
  float product = a * flush(scaled);
  float direct = float(double(a) / double(b));
  return b != 0 && abs(b) < 0x1p-126f ? direct : product;
}
MAMBA_INLINE float divFull(float a, float b) { return float(cutTo(24, double(a) / double(b))); }

template <float (*F)(float), bool IsFlushed> MAMBA_INLINE float one(float a) {
  a = IsFlushed ? flush(a) : a;
  float r = canonical(F(a));
  return IsFlushed ? flush(r) : r;
}
template <float (*F)(float, float), bool IsFlushed> MAMBA_INLINE float one(float a, float b) {
  a = IsFlushed ? flush(a) : a;
  b = IsFlushed ? flush(b) : b;
  float r = canonical(F(a, b));
  return IsFlushed ? flush(r) : r;
}

template <float (*F)(float), bool IsFlushed>
MAMBA_INLINE void lanes(uint32_t *result, const uint32_t *a, uint32_t mask) {
  uint32_t made[kLanes]; // result may be a
  for (unsigned i = 0; i < kLanes; ++i)
    made[i] = bits(one<F, IsFlushed>(f32(a[i])));
  for (unsigned i = 0; i < kLanes; ++i)
    result[i] = mask >> i & 1 ? made[i] : result[i];
}
template <float (*F)(float, float), bool IsFlushed>
MAMBA_INLINE void lanes(uint32_t *result, const uint32_t *a, const uint32_t *b, uint32_t mask) {
  uint32_t made[kLanes]; // result may be a or b
  for (unsigned i = 0; i < kLanes; ++i)
    made[i] = bits(one<F, IsFlushed>(f32(a[i]), f32(b[i])));
  for (unsigned i = 0; i < kLanes; ++i)
    result[i] = mask >> i & 1 ? made[i] : result[i];
}

#define MAMBA_LANES(name, f)                                                                       \
  MAMBA_LANE_CLONES void name##Lanes(uint32_t *r, const uint32_t *a, uint32_t mask) {              \
    lanes<f, false>(r, a, mask);                                                                   \
  }                                                                                                \
  MAMBA_LANE_CLONES void name##LanesFlushed(uint32_t *r, const uint32_t *a, uint32_t mask) {       \
    lanes<f, true>(r, a, mask);                                                                    \
  }
MAMBA_LANES(ex2, ex2)
MAMBA_LANES(lg2, lg2)
MAMBA_LANES(rcp, rcpOf)
MAMBA_LANES(rsqrt, rsqrtOf)
MAMBA_LANES(sqrt, sqrtOf)
MAMBA_LANES(sin, sinOf)
MAMBA_LANES(cos, cosOf)
MAMBA_LANES(tanh, tanhOf)
#undef MAMBA_LANES

MAMBA_LANE_CLONES void divLanes(uint32_t *r, const uint32_t *a, const uint32_t *b, uint32_t mask) {
  lanes<div, false>(r, a, b, mask);
}
MAMBA_LANE_CLONES void divLanesFlushed(uint32_t *r, const uint32_t *a, const uint32_t *b,
                                       uint32_t mask) {
  lanes<div, true>(r, a, b, mask);
}

using Lanes = void (*)(uint32_t *, const uint32_t *, uint32_t);
constexpr Lanes kLanesOf[][2] = {
    {ex2Lanes, ex2LanesFlushed},   {lg2Lanes, lg2LanesFlushed}, {rcpLanes, rcpLanesFlushed},
    {rsqrtLanes, rsqrtLanesFlushed}, {sqrtLanes, sqrtLanesFlushed}, {sinLanes, sinLanesFlushed},
    {cosLanes, cosLanesFlushed},   {tanhLanes, tanhLanesFlushed}};

using One = float (*)(float);
constexpr One kOneOf[][2] = {
    {one<ex2, false>, one<ex2, true>},         {one<lg2, false>, one<lg2, true>},
    {one<rcpOf, false>, one<rcpOf, true>},     {one<rsqrtOf, false>, one<rsqrtOf, true>},
    {one<sqrtOf, false>, one<sqrtOf, true>},   {one<sinOf, false>, one<sinOf, true>},
    {one<cosOf, false>, one<cosOf, true>},     {one<tanhOf, false>, one<tanhOf, true>}};

} // namespace

void special(Special function, bool isFlushed, uint32_t *result, const uint32_t *a,
             uint32_t mask) {
  kLanesOf[unsigned(function)][isFlushed](result, a, mask);
}

void divApprox(bool isFull, bool isFlushed, uint32_t *result, const uint32_t *a, const uint32_t *b,
               uint32_t mask) {
  if (isFull)
    isFlushed ? lanes<divFull, true>(result, a, b, mask)
              : lanes<divFull, false>(result, a, b, mask);
  else
    (isFlushed ? divLanesFlushed : divLanes)(result, a, b, mask);
}

float special(Special function, bool isFlushed, float a) {
  return kOneOf[unsigned(function)][isFlushed](a);
}

float divApprox(bool isFull, bool isFlushed, float a, float b) {
  if (isFull)
    return isFlushed ? one<divFull, true>(a, b) : one<divFull, false>(a, b);
  return isFlushed ? one<div, true>(a, b) : one<div, false>(a, b);
}

uint16_t specialF16(Special function, uint16_t a) {
  return narrowFloat<F16>(special(function, false, F16::wide(a)));
}
uint16_t specialBF16(Special function, uint16_t a) {
  return narrowFloat<BF16>(special(function, false, BF16::wide(a)));
}

double specialF64(Special function, double a) {
  constexpr uint64_t high = ~uint64_t(0) << 32;
  auto flushed = [](double x) {
    return (bits(x) & kF64.infinity()) != 0 ? x : f64(bits(x) & kF64.signBit());
  };
  double x = flushed(f64(bits(a) & high));
  double r = function == Special::Rsqrt ? 1.0 / __builtin_sqrt(x) : 1.0 / x;
  return flushed(canonical(f64(bits(r) & high)));
}

} // namespace mamba::sim::numerics
