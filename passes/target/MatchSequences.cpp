#include "passes/target/Match.h"

using namespace mlir;

namespace mamba {

std::optional<ssm::Conv1dOp> matchConv(ssm::KernelOp kernel, std::string &reason) {
  auto convs = kernel.getBlock().getOps<ssm::Conv1dOp>();
  if (convs.empty() || !computesInF32(kernel, reason))
    return std::nullopt;
  ssm::Conv1dOp conv = *convs.begin();
  int64_t E = lastDim(conv.getY());
  if (std::distance(convs.begin(), convs.end()) > 1) {
    reason = "two convolutions in one kernel";
    return std::nullopt;
  }
  if (lastDim(conv.getW()) > 8) {
    reason = "a convolution is at most 8 wide, got " + std::to_string(lastDim(conv.getW())) +
             ": split its taps over two and add their results";
    return std::nullopt;
  }
  if (!isRowsView(conv.getX()) || !isPackedArgument(conv.getW()) ||
      (conv.getBias() && !isa<BlockArgument>(conv.getBias())) ||
      !isa<BlockArgument>(conv.getState())) {
    reason = "an input of the convolution is computed in the kernel";
    return std::nullopt;
  }
  bool known = consistsOf(kernel, [&](Operation *op) {
    if (op == conv || isBorder(op))
      return true;
    return isElementwise(op) && lastDim(op->getResult(0)) == E &&
           llvm::all_of(op->getOperands(), [&](Value v) {
             return isRowsView(v) || v == conv.getY() ||
                    (v.getDefiningOp() && isElementwise(v.getDefiningOp()));
           });
  });
  unsigned states = 0;
  for (unsigned i = 0; i < kernel.getNumResults(); ++i) {
    Value v = yielded(kernel, i);
    states += v == conv.getNewState();
    if (v != conv.getNewState() && v != conv.getY() &&
        !(v.getDefiningOp() && isElementwise(v.getDefiningOp())))
      known = false;
  }
  if (!known || kernel.getNumResults() != 2 || states != 1) {
    reason = "a convolution takes elementwise ops after it, and yields y and the state";
    return std::nullopt;
  }
  return conv;
}

std::optional<ScanParts> matchScan(ssm::KernelOp kernel, std::string &reason) {
  ScanParts parts;
  for (auto scan : kernel.getBlock().getOps<ssm::SelectiveScanOp>()) {
    if (parts.scan) {
      reason = "two scans in one kernel";
      return std::nullopt;
    }
    parts.scan = scan;
  }
  if (!parts.scan || !computesInF32(kernel, reason))
    return std::nullopt;
  ssm::SelectiveScanOp scan = parts.scan;
  parts.E = lastDim(scan.getY());
  parts.N = lastDim(scan.getA());
  if (parts.N > 256) {
    reason = "a scan has at most 256 states, got " + std::to_string(parts.N) +
             ": split them over two scans and add their results";
    return std::nullopt;
  }
  parts.delta = scan.getDelta();
  parts.softplus = parts.delta.getDefiningOp<ssm::SoftplusOp>();
  if (parts.softplus) {
    if (scan.getSoftplus() || scan.getDeltaBias()) {
      reason = "softplus twice, or a bias after it";
      return std::nullopt;
    }
    parts.delta = parts.softplus.getX();
  }
  parts.projection = parts.delta.getDefiningOp<ssm::LinearOp>();
  if (parts.projection) {
    parts.delta = parts.projection.getX();
    if (!isPackedArgument(parts.projection.getW())) {
      reason = "the weight of the dt projection must be an operand of the kernel";
      return std::nullopt;
    }
  }
  auto argument = [](Value v) { return !v || isa<BlockArgument>(v); };
  auto inTime = [](Value v) {
    return isRowsView(v) || (isa<BlockArgument>(v) && cast<RankedTensorType>(v.getType()).getRank() == 1);
  };
  if (!isRowsView(parts.delta) || !isRowsView(scan.getU()) || !inTime(scan.getB()) ||
      !inTime(scan.getC()) || (scan.getZ() && !isRowsView(scan.getZ())) ||
      !isPackedArgument(scan.getA()) || !argument(scan.getD()) || !argument(scan.getDeltaBias()) ||
      !argument(scan.getState()) || (parts.projection && !argument(parts.projection.getBias()))) {
    reason = "an input of the scan is computed in the kernel, and is not dt";
    return std::nullopt;
  }
  bool known = consistsOf(kernel, [&](Operation *op) {
    if (op == scan || isBorder(op) ||
        (parts.softplus && op == parts.softplus) || (parts.projection && op == parts.projection))
      return true;
    return isElementwise(op) && lastDim(op->getResult(0)) == parts.E &&
           llvm::all_of(op->getOperands(), [&](Value v) {
             return isRowsView(v) || v == scan.getY() ||
                    (v.getDefiningOp() && v.getDefiningOp() != parts.softplus &&
                     isElementwise(v.getDefiningOp()));
           });
  });
  unsigned states = 0;
  for (unsigned i = 0; i < kernel.getNumResults(); ++i) {
    Value v = yielded(kernel, i);
    states += v == scan.getNewState();
    if (v != scan.getNewState() && v != scan.getY() &&
        !(v.getDefiningOp() && isElementwise(v.getDefiningOp()) && v.getDefiningOp() != parts.softplus))
      known = false;
  }
  if (!known || kernel.getNumResults() != 2 || states != 1) {
    reason = "a scan takes its dt projection and softplus before it and elementwise ops after it, "
             "and yields y and the state";
    return std::nullopt;
  }
  return parts;
}

} // namespace mamba
