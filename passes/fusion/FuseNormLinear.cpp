// --ssm-fuse-norm-linear: the norm goes into each projection that reads it.
#include "passes/fusion/KernelBuild.h"
#include "passes/fusion/KernelMerge.h"
#include "passes/fusion/Passes.h"

#include "llvm/ADT/SetVector.h"

namespace mamba {
#define GEN_PASS_DEF_FUSENORMLINEARPASS
#include "passes/fusion/Passes.h.inc"
} // namespace mamba

using namespace mlir;
using namespace mamba;
using namespace mamba::ssm;

namespace {

/// Whether the kernel reads its argument in projections only.
bool onlyProjects(BlockArgument arg) {
  return llvm::all_of(arg.getUses(), [&](OpOperand &use) {
    auto linear = dyn_cast<LinearOp>(use.getOwner());
    return linear && &linear.getXMutable() == &use;
  });
}

struct FuseNormLinearPass
    : mamba::impl::FuseNormLinearPassBase<FuseNormLinearPass> {
  void runOnOperation() override {
    FailureOr<Target> target = targetOf(getOperation());
    if (failed(target))
      return signalPassFailure();
    for (auto [kernel, norm] : kernelsWith(getOperation(), soleOp<RMSNormOp>)) {
      std::string reason;
      if (failed(
              fuse(kernel, resultOf(kernel, norm.getY()), *target, reason)) &&
          !reason.empty()) {
        noteDeclined(kernel, getArgument(), reason);
        ++declined;
      }
    }
  }

  /// Fails without a reason if no projection reads the norm.
  LogicalResult fuse(KernelOp norm, Value y, const Target &target,
                     std::string &reason) {
    llvm::SetVector<Operation *> projections;
    for (OpOperand &use : y.getUses()) {
      auto reader = dyn_cast<KernelOp>(use.getOwner());
      if (reader &&
          onlyProjects(reader.getBlock().getArgument(use.getOperandNumber())))
        projections.insert(reader);
    }
    if (projections.empty())
      return failure();
    // A norm that is in memory anyway is read faster than computed again.
    if (!llvm::all_of(y.getUsers(), [&](Operation *user) {
          return projections.contains(user);
        })) {
      reason = "the norm is also read by something other than a projection";
      return failure();
    }
    SmallVector<TrialMerge> merges;
    for (Operation *projection : projections) {
      auto merge = TrialMerge::build(norm, cast<KernelOp>(projection),
                                     Producers::Clone, reason);
      if (!merge || !canGenerate(merge->kernel(), target, reason))
        return failure();
      merges.push_back(std::move(*merge));
    }
    for (TrialMerge &merge : merges)
      merge.commit();
    ++fused;
    return success();
  }
};

} // namespace
