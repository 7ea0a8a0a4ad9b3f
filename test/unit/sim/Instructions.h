// Runs one PTX instruction in the simulator over many operands: a kernel around
// it loads them, executes it, stores the result.
#pragma once

#include "test/unit/sim/Numbers.h"

#include <cstdint>
#include <functional>
#include <string>
#include <vector>

namespace mamba::sim {

/// `text` names its operands %d, %a, %b, %c. `kinds` says what they are, %d
/// first: f f32, d f64, h f16, b bf16, x f16x2, y bf16x2, i 32, l 64 and s 16
/// bits of integer, n a small integer (shift amounts), p a predicate, 2 two
/// floats in 64 bits. A result that is stored has zeros above it.
struct InstructionCase {
  std::string text;
  std::string kinds;
  std::function<uint64_t(uint64_t, uint64_t, uint64_t)> expected;
};

/// Fails the test for each case whose result differs: without a guard, and with
/// one that half of the lanes pass.
void checkInstructions(const std::vector<InstructionCase> &cases);

/// A module with these kernels, each `.visible .entry name(.param .u64 in,
/// .param .u64 out) { body }`; %in and %out hold the addresses, %t the thread,
/// and the registers %p0-7, %h0-7, %r0-19, %q0-9 are declared.
struct KernelText {
  std::string name, body, declarations;
};
std::string moduleOf(const std::vector<KernelText> &kernels);

/// Loads the text and runs its only kernel on one block; `out` comes back.
std::vector<uint32_t> runKernel(const std::string &body, const std::vector<uint32_t> &in,
                                size_t outWords, uint32_t threads = 32,
                                const std::string &declarations = "");

} // namespace mamba::sim
