// --ssm-fuse-conv-silu: SiLU is applied where the convolution computes y.
#include "passes/fusion/KernelBuild.h"
#include "passes/fusion/KernelMerge.h"
#include "passes/fusion/Passes.h"

namespace mamba {
#define GEN_PASS_DEF_FUSECONVSILUPASS
#include "passes/fusion/Passes.h.inc"
} // namespace mamba

using namespace mlir;
using namespace mamba;
using namespace mamba::ssm;

namespace {

/// The kernel that only computes the convolution whose y is the value, or null.
KernelOp convolutionOf(Value y) {
  auto kernel = y ? y.getDefiningOp<KernelOp>() : KernelOp();
  auto conv = kernel ? soleOp<Conv1dOp>(kernel) : Conv1dOp();
  return conv && yieldedFor(cast<OpResult>(y)) == conv.getY() ? kernel
                                                              : KernelOp();
}

struct FuseConvSiluPass : mamba::impl::FuseConvSiluPassBase<FuseConvSiluPass> {
  void runOnOperation() override {
    FailureOr<Target> target = targetOf(getOperation());
    if (failed(target))
      return signalPassFailure();
    for (auto [kernel, silu] : kernelsWith(getOperation(), soleOp<SiluOp>)) {
      Value y = outsideOf(kernel, silu.getX());
      KernelOp conv = convolutionOf(y);
      if (!conv)
        continue;
      std::string reason;
      if (fuse(conv, y, kernel, *target, reason)) {
        ++fused;
      } else {
        noteDeclined(conv, getArgument(), reason);
        ++declined;
      }
    }
  }

  static KernelOp fuse(KernelOp conv, Value y, KernelOp silu,
                       const Target &target, std::string &reason) {
    if (y.hasOneUse())
      return mergeInto(conv, silu, Producers::Move, target, reason);
    reason = "the result of the convolution has another reader";
    return {};
  }
};

} // namespace
