// Loops that run at one limit of the processor, compiled once for each set of
// vector instructions and chosen by what the processor has.
#pragma once

#include <cstddef>

namespace mamba::bench {

struct Loops {
  const char *name; // "avx512"
  int lanes;        // f32 lanes of its vectors
  /// Sums up the memory; returns its bytes.
  double (*read)(const char *memory, size_t bytes);
  /// f32 multiply-adds in registers; returns flops, two each.
  double (*fma)();
  /// A selective scan in registers: exp2 by a polynomial, the state's update and
  /// its part of the output; returns updates of a state. Null ends the forms.
  double (*scans[2])();
};

extern const Loops sseLoops, avx2Loops, avx512Loops;

/// bf16 tiles of AMX in registers, 2x2 accumulators; returns flops. Only after
/// the operating system has let the process use them.
double tileLoop();

} // namespace mamba::bench
