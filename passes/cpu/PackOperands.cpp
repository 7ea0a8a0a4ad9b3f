#include "passes/cpu/Generator.h"
#include "passes/cpu/LinearDot.h"
#include "passes/cpu/Passes.h"
#include "passes/cpu/WeightPanel.h"

#include "dialects/plan/PlanDialect.h"
#include "dialects/ssm/SSMInt8.h"

using namespace mlir;

namespace mamba {
#define GEN_PASS_DEF_PACKOPERANDSPASS
#include "passes/cpu/Passes.h.inc"

namespace {

/// An argument of the region is packed outside and unpacked inside.
void packArgument(ssm::KernelOp kernel, OpOperand &use, int64_t block, int64_t interleave) {
  Value weight = use.get();
  if (weight.getDefiningOp<ssm::UnpackOp>())
    return;
  auto argument = cast<BlockArgument>(weight);
  auto type = cast<RankedTensorType>(weight.getType());
  auto packedType = RankedTensorType::get(
      {int64_t(llvm::divideCeil(type.getDimSize(0), block)),
       int64_t(llvm::divideCeil(type.getDimSize(1), interleave)), block * interleave},
      type.getElementType());
  OpBuilder b(kernel);
  Value outside = ssm::PackOp::create(b, kernel.getLoc(), packedType, kernel.getInput(argument),
                                      block, interleave);
  BlockArgument inside = argument;
  if (argument.hasOneUse()) {
    kernel.setOperand(argument.getArgNumber(), outside);
    argument.setType(packedType);
  } else {
    kernel->insertOperands(kernel->getNumOperands(), outside);
    inside = kernel.getBlock().addArgument(packedType, kernel.getLoc());
  }
  b.setInsertionPointToStart(&kernel.getBlock());
  use.set(ssm::UnpackOp::create(b, kernel.getLoc(), type, inside, interleave));
}

void packUse(ssm::KernelOp kernel, PackedUse packed, bool dots) {
  Value weight = packed.use->get();
  auto dequantize = weight.getDefiningOp<ssm::DequantizeOp>();
  if (!dequantize)
    return packArgument(
        kernel, *packed.use, packed.block,
        packedInterleave(getElementTypeOrSelf(weight.getType()), 0, dots, packed.quads));
  Type byte = getElementTypeOrSelf(dequantize.getX().getType());
  packArgument(kernel, dequantize.getXMutable(), packed.block,
               packedInterleave(byte, dequantize.getBits(), dots, packed.quads));
  packArgument(kernel, dequantize.getSMutable(), packed.block, 1);
}

/// Whether some kernel multiplies integers: then they lie so for all classes.
bool hasDots(Operation *module) {
  return module
      ->walk([](ssm::Int8RowsOp op) {
        FailureOr<Target> target = targetOf(op);
        bool dots = succeeded(target) && takesDots(*target, target->lanes);
        return dots ? WalkResult::interrupt() : WalkResult::advance();
      })
      .wasInterrupted();
}

struct PackOperands : impl::PackOperandsPassBase<PackOperands> {
  void runOnOperation() override {
    bool dots = hasDots(getOperation());
    WalkResult result = getOperation().walk([&](ssm::KernelOp kernel) {
      // A kernel without a schedule is not generated: weights in a recipe.
      if (!kernel.getScheduleAttr())
        return WalkResult::advance();
      FailureOr<Target> target = targetOf(kernel);
      if (failed(target))
        return WalkResult::interrupt();
      std::string reason;
      const KernelGenerator *generator = findGenerator(kernel, *target, reason);
      if (!generator) {
        kernel.emitError("no kernel can be generated for target '") << target->name << "': " << reason;
        return WalkResult::interrupt();
      }
      auto *cpu = static_cast<const CpuGenerator *>(generator);
      for (PackedUse use : cpu->packedUses(kernel, kernel.getScheduleAttr()))
        packUse(kernel, use, dots);
      return WalkResult::advance();
    });
    if (result.wasInterrupted())
      signalPassFailure();
  }
};

} // namespace
} // namespace mamba
