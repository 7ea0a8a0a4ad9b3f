#include "passes/target/Match.h"

using namespace mlir;

namespace mamba {

std::optional<LinearParts> matchLinear(ssm::KernelOp kernel, std::string &reason) {
  LinearParts parts;
  for (Operation &op : kernel.getBlock().without_terminator())
    if (auto linear = dyn_cast<ssm::LinearOp>(op)) {
      if (parts.linear) {
        reason = "two projections in one kernel";
        return std::nullopt;
      }
      parts.linear = linear;
    }
  if (!parts.linear)
    return std::nullopt;
  ssm::LinearOp linear = parts.linear;
  parts.x = linear.getX();
  parts.norm = parts.x.getDefiningOp<ssm::RMSNormOp>();
  if (parts.norm) {
    if (parts.norm.getWeight()) {
      reason = "the norm has a weight: fold it into the projection first";
      return std::nullopt;
    }
    parts.x = parts.norm.getX();
  }
  parts.K = lastDim(parts.x);
  parts.O = lastDim(linear.getY());
  if (!isRowsView(parts.x)) {
    reason = "the input of the projection is computed in the kernel, and is no norm";
    return std::nullopt;
  }
  if (!isWeightArgument(linear.getW()) ||
      !cast<RankedTensorType>(linear.getW().getType()).getElementType().isF32()) {
    reason = "the weight of the projection must be an f32 operand of the kernel: cast the weight to f32 first";
    return std::nullopt;
  }
  if (linear.getBias() && !isa<BlockArgument>(linear.getBias())) {
    reason = "the bias of the projection must be an operand of the kernel";
    return std::nullopt;
  }
  if (kernel.getNumResults() != 1) {
    reason = "a projection kernel yields one value";
    return std::nullopt;
  }
  bool known = consistsOf(kernel, [&](Operation *op) {
    if (op == parts.linear || (parts.norm && op == parts.norm))
      return true;
    if (isa<ssm::SplitOp, ssm::UnpackOp>(op))
      return true;
    // Elementwise ops must follow the projection, on its columns.
    return isElementwise(op) && lastDim(op->getResult(0)) == parts.O &&
           llvm::all_of(op->getOperands(), [&](Value v) {
             return isRowsView(v) || v == linear.getY() ||
                    (v.getDefiningOp() && isElementwise(v.getDefiningOp()));
           });
  });
  Value yielded = kernel.getBlock().getTerminator()->getOperand(0);
  if (!known || (yielded != linear.getY() && !(yielded.getDefiningOp() && isElementwise(yielded.getDefiningOp())))) {
    reason = "a projection takes a norm before it and elementwise ops after it, nothing else";
    return std::nullopt;
  }
  return parts;
}

} // namespace mamba
