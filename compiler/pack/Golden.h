// Self-tests of kernels: what the float64 reference says of documented inputs.
#pragma once

#include "runtime/pack/Manifest.h"
#include "runtime/support/Status.h"

#include "mlir/IR/BuiltinOps.h"

#include <functional>
#include <string>
#include <vector>

namespace mamba {

/// Element `i` of argument `index` as FORMAT.md documents, rounded to the
/// argument's type.
double goldenInput(const GoldenArg &arg, uint64_t index, uint64_t i);

/// Gives each kernel of the target, whose plan.kernel ops the plan holds in the
/// same order, a case; a kernel too large for one is noted. The result is the
/// content of the blob that the cases name `blob`.
Result<std::vector<float>> addGoldenCases(TargetSpec &target, mlir::ModuleOp plan,
                                          const std::string &blob,
                                          const std::function<void(const std::string &)> &note);

} // namespace mamba
