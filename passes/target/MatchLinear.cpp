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
  if (!parts.linear || !computesInF32(kernel, reason))
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
  if (!isWeightArgument(linear.getW())) {
    reason = "the weight of the projection must be an operand of the kernel";
    return std::nullopt;
  }
  if (linear.getBias() && !isa<BlockArgument>(linear.getBias())) {
    reason = "the bias of the projection must be an operand of the kernel";
    return std::nullopt;
  }
  for (unsigned i = 0; i < kernel.getNumResults(); ++i)
    if (kernel.getTiedInput(i) || yielded(kernel, i) != yielded(kernel, 0)) {
      reason = "a projection kernel yields one value, in one or several precisions";
      return std::nullopt;
    }
  bool known = consistsOf(kernel, [&](Operation *op) {
    if (op == parts.linear || (parts.norm && op == parts.norm))
      return true;
    if (isBorder(op))
      return true;
    // Elementwise ops must follow the projection, on its columns.
    return isElementwise(op) && lastDim(op->getResult(0)) == parts.O &&
           llvm::all_of(op->getOperands(), [&](Value v) {
             return isRowsView(v) || v == linear.getY() ||
                    (v.getDefiningOp() && isElementwise(v.getDefiningOp()));
           });
  });
  Value y = yielded(kernel, 0);
  if (!known || (y != linear.getY() && !(y.getDefiningOp() && isElementwise(y.getDefiningOp())))) {
    reason = "a projection takes a norm before it and elementwise ops after it, nothing else";
    return std::nullopt;
  }
  return parts;
}

} // namespace mamba
