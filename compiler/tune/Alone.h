// A kernel by itself with one schedule, compiled in this process.
#pragma once

#include "compiler/tune/BuildCandidate.h"
#include "dialects/plan/PlanDialect.h"
#include "runtime/pack/Manifest.h"

#include "mlir/IR/MLIRContext.h"
#include "mlir/IR/OwningOpRef.h"

#include <memory>

namespace mamba {

struct Alone {
  Alone();
  /// To phase kernels; the generator's own schedule without one. What the generator would take for
  /// few sequences in its place is left out.
  Status generate(const CandidateKernel &kernel, const Schedule *schedule);
  /// As far as phase llvm or nvvm.
  Status compile(const CandidateKernel &kernel, const Schedule *schedule);
  /// Its code: a shared object, or PTX of a GPU. Adds the target to the manifest,
  /// with the kernel and its place in the code.
  Result<std::vector<uint8_t>> emit(Manifest &manifest);

  mlir::DialectRegistry registry;
  std::unique_ptr<mlir::MLIRContext> context;
  mlir::OwningOpRef<mlir::ModuleOp> module;
  plan::KernelOp planned;
  /// Sequences of a step up to which others would take its place; 0: none.
  int64_t othersUpTo = 0;
};

} // namespace mamba
