#include "passes/target/Int8Rows.h"

#include "dialects/plan/PlanDialect.h"

using namespace mlir;

namespace mamba {

bool isOfDecode(ssm::KernelOp kernel) {
  auto planned = kernel->getParentOfType<plan::KernelOp>();
  return planned ? planned.isDecodeOnly() : tokenClassOf(kernel) == TokenClass::Decode;
}

/// Finds the convolution of some of the outputs, if there is one that is not
/// before them.
static bool matchConvAfter(ssm::KernelOp kernel, LinearParts &parts, std::string &reason) {
  for (auto conv : kernel.getBlock().getOps<ssm::Conv1dOp>()) {
    if (conv == parts.conv.conv)
      continue;
    Value x = conv.getX();
    if (auto split = x.getDefiningOp<ssm::SplitOp>()) {
      for (Value part : split.getParts()) {
        if (part == x)
          break;
        parts.afterColumn += lastDim(part);
      }
      x = split.getX();
    }
    if (x != parts.linear.getY() || parts.after.conv) {
      reason = "a projection takes a convolution of its rows or of its outputs, one of each";
      return false;
    }
    parts.after.conv = conv;
    if (conv.getY().hasOneUse())
      parts.after.silu = dyn_cast<ssm::SiluOp>(*conv.getY().getUsers().begin());
    if (!conv.getNewState().hasOneUse() || !rowsAfter(parts).hasOneUse()) {
      reason = "a projection yields once what a convolution makes of its outputs, and its state";
      return false;
    }
    if (!isKnownConv(conv, reason))
      return false;
  }
  return true;
}

/// Finds what is yielded beside the rows and the state of that convolution: the
/// same value, whatever its precision.
static bool matchOutputs(ssm::KernelOp kernel, LinearParts &parts, std::string &reason) {
  Value rows = rowsAfter(parts);
  for (unsigned i = 0; i < kernel.getNumResults(); ++i) {
    Value value = yielded(kernel, i);
    if (rows && (value == rows || value == parts.after.conv.getNewState()))
      continue;
    if (kernel.getTiedInput(i) || (parts.y && value != parts.y)) {
      reason = "a projection kernel yields one value, in one or several precisions";
      return false;
    }
    parts.y = value;
  }
  if (!parts.y)
    parts.y = parts.linear.getY();
  if (!rows || parts.y == parts.linear.getY())
    return true;
  reason = "a convolution of a projection's outputs takes them as they are";
  return false;
}

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
  ssm::Int8RowsOp int8 = int8RowsOf(parts);
  if (int8) {
    if (!linear.getW().getDefiningOp<ssm::DequantizeOp>()) {
      reason = "a projection of rows of int8 needs a quantised matrix";
      return std::nullopt;
    }
    parts.x = int8.getX();
  }
  if (!matchConvRows(parts.x, parts.conv, reason))
    return std::nullopt;
  if (parts.conv.conv) {
    if (parts.norm || !parts.conv.conv.getNewState().use_empty()) {
      reason = "a projection takes a convolution before it without a norm, and leaves its state";
      return std::nullopt;
    }
    parts.x = parts.conv.conv.getX();
  }
  parts.K = lastDim(parts.x);
  parts.O = lastDim(linear.getY());
  if (!isRowsView(parts.x)) {
    reason = "the input of the projection is computed in the kernel, and is no norm or convolution";
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
  if (!matchConvAfter(kernel, parts, reason) || !matchOutputs(kernel, parts, reason))
    return std::nullopt;
  bool known = consistsOf(kernel, [&](Operation *op) {
    if (op == parts.linear || (parts.norm && op == parts.norm) || (int8 && op == int8))
      return true;
    if (isBorder(op) || isOf(parts.conv, op) || isOf(parts.after, op))
      return true;
    // Elementwise ops must follow the projection, on its columns.
    return isElementwise(op) && lastDim(op->getResult(0)) == parts.O &&
           llvm::all_of(op->getOperands(), [&](Value v) {
             return isRowsView(v) || v == linear.getY() ||
                    (v.getDefiningOp() && isElementwise(v.getDefiningOp()));
           });
  });
  Operation *last = parts.y.getDefiningOp();
  if (!known || (parts.y != linear.getY() && !(last && isElementwise(last)))) {
    reason = "a projection takes a norm or a convolution before it and elementwise ops or a "
             "convolution after it, nothing else";
    return std::nullopt;
  }
  return parts;
}

} // namespace mamba
