// Self-tests of kernels: what the float64 reference says of documented inputs.
#pragma once

#include "dialects/plan/PlanDialect.h"
#include "runtime/pack/Manifest.h"
#include "runtime/support/Status.h"

#include "mlir/IR/DialectRegistry.h"

#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <vector>

namespace mamba {

/// Element `i` of argument `index` as FORMAT.md documents, rounded to the
/// argument's type.
double goldenInput(const GoldenArg &arg, uint64_t index, uint64_t i);

/// The self-test of a kernel, but for its grid and the name of its blob.
struct GoldenTest {
  std::optional<GoldenCase> golden; // None: `why`.
  std::vector<float> samples;
  std::string why;
};

/// What the kernel computes, as text: of equal texts the self-tests are equal.
std::string goldenText(plan::KernelOp planned);

/// The self-test of such a text, in a context of its own; of one sequence of each
/// length if there are any.
Result<GoldenTest> computeGolden(const std::string &text, const mlir::DialectRegistry &registry,
                                 const std::vector<int64_t> &lengths = {});

/// A self-test as bytes, and back; none of what is no such bytes.
std::vector<uint8_t> writeGoldenTest(const GoldenTest &test);
std::optional<GoldenTest> readGoldenTest(std::span<const uint8_t> bytes);

} // namespace mamba
