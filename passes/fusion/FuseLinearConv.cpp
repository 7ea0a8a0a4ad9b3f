// --ssm-fuse-linear-conv: a decode step computes its convolutions where their
// input is projected.
#include "passes/fusion/KernelBuild.h"
#include "passes/fusion/KernelMerge.h"
#include "passes/fusion/Passes.h"

namespace mamba {
#define GEN_PASS_DEF_FUSELINEARCONVPASS
#include "passes/fusion/Passes.h.inc"
} // namespace mamba

using namespace mlir;
using namespace mamba;
using namespace mamba::ssm;

namespace {

/// The kernel of a projection of whose outputs the convolution takes some, or null.
KernelOp projectionOf(KernelOp kernel, Conv1dOp conv) {
  Value x = conv.getX();
  if (auto split = x.getDefiningOp<SplitOp>())
    x = split.getX();
  Value outside = outsideOf(kernel, x);
  auto producer = outside ? outside.getDefiningOp<KernelOp>() : KernelOp();
  auto linear = producer ? onlyOp<LinearOp>(producer) : LinearOp();
  return linear && yieldedFor(cast<OpResult>(outside)) == linear.getY() ? producer
                                                                        : KernelOp();
}

struct FuseLinearConvPass
    : mamba::impl::FuseLinearConvPassBase<FuseLinearConvPass> {
  void runOnOperation() override {
    FailureOr<Target> target = targetOf(getOperation());
    if (failed(target))
      return signalPassFailure();
    for (auto [kernel, conv] : kernelsWith(getOperation(), onlyOp<Conv1dOp>)) {
      KernelOp linear = projectionOf(kernel, conv);
      if (!linear)
        continue;
      std::string reason;
      if (mergeInto(linear, kernel, Producers::Move, *target, reason)) {
        ++fused;
      } else {
        noteDeclined(kernel, getArgument(), reason);
        ++declined;
      }
    }
  }
};

} // namespace
