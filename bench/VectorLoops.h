// Bodies of Loops for the instructions that the unit is compiled for. Nothing
// here may come from the standard library or have a name outside of the unit:
// the linker could take a wider unit's copy for all.
#pragma once

#include "bench/Loops.h"

#include <cstdint>

namespace mamba::bench {
namespace {

#if defined(__AVX512F__)
constexpr int kLanes = 16, kAccumulators = 24;
#elif defined(__AVX2__)
constexpr int kLanes = 8, kAccumulators = 12;
#else
constexpr int kLanes = 4, kAccumulators = 12;
#endif
using Vector = float __attribute__((vector_size(kLanes * 4)));
using Ints = int32_t __attribute__((vector_size(kLanes * 4)));

/// Keeps the compiler from dropping or moving what makes the value.
template <typename T> void keep(T &value) { asm volatile("" : "+v"(value)); }

/// In several places at once: one stream alone does not keep memory busy.
double readLoop(const char *memory, size_t bytes) {
  constexpr size_t streams = 4, line = 8 * sizeof(Vector);
  size_t each = bytes / streams / line * line;
  Vector sums[8] = {};
  for (size_t k = 0; k < each; k += line)
    for (size_t s = 0; s < streams; ++s)
      for (int j = 0; j < 8; ++j) {
        Vector v;
        __builtin_memcpy(&v, memory + s * each + k + j * sizeof v, sizeof v);
        sums[j] += v;
      }
  for (Vector &sum : sums)
    keep(sum);
  return double(each) * streams;
}

double fmaLoop() {
  Vector acc[kAccumulators] = {}, a = Vector{} + 1.0f, b = Vector{} + 1e-9f;
  keep(a);
  keep(b);
  constexpr int64_t turns = 5'000'000;
  for (int64_t i = 0; i < turns; ++i)
#pragma GCC unroll 24
    for (int j = 0; j < kAccumulators; ++j) {
      acc[j] = a * acc[j] + b;
      keep(acc[j]);
    }
  return double(turns) * kAccumulators * kLanes * 2;
}

/// 2^f for a fraction f, degree 5.
Vector fraction(Vector f) {
  constexpr float rest[] = {0.0096715126f, 0.055507337f, 0.24022242f, 0.69314698f, 1.0f};
  Vector p = Vector{} + 0.0013264727f;
  for (float c : rest)
    p = p * f + c;
  return p;
}

/// 2^(dt * decay): the integer part is shifted into the exponent.
struct ShiftExp2 {
  static Vector of(Vector dt, Vector decay) {
    Vector shifted = dt * decay + 12582912.0f;
    Vector f = dt * decay - (shifted - 12582912.0f);
    return (Vector)((Ints)fraction(f) + ((Ints)shifted << 23));
  }
};

template <typename Exp2> double scanLoop() {
  constexpr int states = 8;
  Vector h[states], decay[states], y = {}, dt = Vector{} + 0.01f, x = Vector{} + 0.02f;
  for (int n = 0; n < states; ++n) {
    h[n] = Vector{} + 0.1f;
    decay[n] = Vector{} - 0.5f * float(n + 1);
    keep(decay[n]);
  }
  constexpr int64_t turns = 1'000'000;
  for (int64_t t = 0; t < turns; ++t) {
    keep(dt);
#pragma GCC unroll 8
    for (int n = 0; n < states; ++n) {
      keep(x); // x * B has as many values as there are states
      h[n] = Exp2::of(dt, decay[n]) * h[n] + x * 0.3f;
      y = h[n] * 0.7f + y;
    }
  }
  keep(y);
  return double(turns) * states * kLanes;
}

} // namespace
} // namespace mamba::bench
