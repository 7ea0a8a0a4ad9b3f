// Kernels with one defect, beside the same without it, as PTX text.
#pragma once

#include "runtime/device/sim/Sim.h"

#include <cstdint>
#include <ostream>
#include <string>
#include <vector>

namespace mamba::sim {

/// A kernel `k(.param .u64 x, .param .u64 y)` over x, `xWords` written words, and
/// y, `yWords` unwritten ones. In `body`, <<a|b>> is a in the good and b in the
/// broken form, and lines end in `// A` or `// B` where the defect's message has
/// to point. %x, %y and %t (the thread) are ready, and so are %p1-4, %r1-19,
/// %q1-9, %f1-9.
struct BrokenKernel {
  std::string name;
  std::string declarations;
  std::string body;
  std::string message; // parts of it, with " ... " between; @A, @B: "line N `"
  uint32_t blocks = 1, threads = 64;
  uint32_t xWords = 64, yWords = 64;
  bool isXReadOnly = false;
  /// Whether it is launched while others may run, which write y, or both.
  enum class Overlap { None, WithY, WithBoth } overlap = Overlap::None;
};

inline void PrintTo(const BrokenKernel &kernel, std::ostream *out) { *out << kernel.name; }

const std::vector<BrokenKernel> &brokenKernels();

/// The module of either form.
std::string textOf(const BrokenKernel &kernel, bool isBroken);

/// Loads and runs it over fresh memory.
Status runForm(const BrokenKernel &kernel, bool isBroken, unsigned threads = 1,
               const Checks &checks = {});

} // namespace mamba::sim
