// The kernels of a model, and the schedules that each could have.
#pragma once

#include "passes/target/ScheduleKey.h"
#include "runtime/support/Status.h"

#include "mlir/IR/BuiltinOps.h"

#include <string>
#include <vector>

namespace mamba {

/// A kernel that has schedules to choose from, or would have.
struct TunedKernel {
  std::string name; // "linear_768x3072_cast_norm"
  ScheduleKey key;
  TokenClass tokens;
  uint64_t uses = 0;  // in a step of the model
  /// The sequences of the step that it is timed with: one of one row where all
  /// have one, or where its rows are sequences.
  std::vector<int64_t> lengths;
  std::string module; // the kernel by itself, without a schedule
  /// The generator's own first, then every legal one of the space that keeps the
  /// layout of the weights.
  std::vector<Schedule> candidates;
  std::vector<double> predictedUs; // of each; empty for a GPU
};

/// The step that kernels are timed with, and what runs it.
struct StepSize {
  int64_t prefillTokens = 512;
  unsigned threads = 0; // 0: one for each processor
};

/// The kernels of a module in phase fused, those of one key once; the ones that
/// give the next token come first.
Result<std::vector<TunedKernel>> tunedKernels(mlir::ModuleOp fused, const Target &target,
                                              const StepSize &step);

/// "decode", "few", "prefill", "invariant".
std::string className(const TunedKernel &kernel);

} // namespace mamba
