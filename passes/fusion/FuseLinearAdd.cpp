// --ssm-fuse-linear-add: the residual is added where the projection is
// computed.
#include "passes/fusion/KernelBuild.h"
#include "passes/fusion/KernelMerge.h"
#include "passes/fusion/Passes.h"

namespace mamba {
#define GEN_PASS_DEF_FUSELINEARADDPASS
#include "passes/fusion/Passes.h.inc"
} // namespace mamba

using namespace mlir;
using namespace mamba;
using namespace mamba::ssm;

namespace {

/// The kernel whose projection is the value, or null.
KernelOp projectionOf(Value value) {
  auto kernel = value ? value.getDefiningOp<KernelOp>() : KernelOp();
  auto linear = kernel ? onlyOp<LinearOp>(kernel) : LinearOp();
  return linear && yieldedFor(cast<OpResult>(value)) == linear.getY()
             ? kernel
             : KernelOp();
}

struct FuseLinearAddPass
    : mamba::impl::FuseLinearAddPassBase<FuseLinearAddPass> {
  void runOnOperation() override {
    FailureOr<Target> target = targetOf(getOperation());
    if (failed(target))
      return signalPassFailure();
    for (auto [kernel, add] : kernelsWith(getOperation(), soleOp<AddOp>))
      fuse(kernel, add, *target);
  }

  void fuse(KernelOp sum, AddOp add, const Target &target) {
    std::string reason;
    for (Value operand : {add.getA(), add.getB()}) {
      Value outside = outsideOf(sum, operand);
      KernelOp projection = projectionOf(outside);
      if (!projection)
        continue;
      if (add.getA() == add.getB()) {
        reason = "both operands of the sum are the projection";
      } else if (!outside.hasOneUse()) {
        reason = "the projection has another reader";
      } else if (mergeInto(projection, sum, Producers::Move, target, reason)) {
        ++fused;
        return;
      }
    }
    if (reason.empty())
      return;
    noteDeclined(sum, getArgument(), reason);
    ++declined;
  }
};

} // namespace
