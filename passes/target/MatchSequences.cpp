#include "passes/target/Match.h"

using namespace mlir;

namespace mamba {

bool isKnownConv(ssm::Conv1dOp conv, std::string &reason) {
  if (lastDim(conv.getW()) > 8) {
    reason = "a convolution is at most 8 wide, got " + std::to_string(lastDim(conv.getW())) +
             ": split its taps over two and add their results";
    return false;
  }
  if (!isPackedArgument(conv.getW()) || !isa<BlockArgument>(conv.getState()) ||
      (conv.getBias() && !isa<BlockArgument>(conv.getBias()))) {
    reason = "an input of the convolution is computed in the kernel";
    return false;
  }
  return true;
}

/// The same, of rows that the kernel reads.
static bool isOfArguments(ssm::Conv1dOp conv, std::string &reason) {
  if (isRowsView(conv.getX()))
    return isKnownConv(conv, reason);
  reason = "the rows of the convolution are computed in the kernel";
  return false;
}

bool matchConvRows(Value rows, ConvRows &found, std::string &reason) {
  auto silu = rows.getDefiningOp<ssm::SiluOp>();
  auto conv = (silu ? silu.getX() : rows).getDefiningOp<ssm::Conv1dOp>();
  if (!conv)
    return true;
  if (!conv.getY().hasOneUse() || !rows.hasOneUse()) {
    reason = "what the convolution before it makes has another reader";
    return false;
  }
  found = {conv, silu};
  return isOfArguments(conv, reason);
}

std::optional<ssm::Conv1dOp> matchConv(ssm::KernelOp kernel, std::string &reason) {
  auto convs = kernel.getBlock().getOps<ssm::Conv1dOp>();
  bool isBefore = llvm::any_of(kernel.getBlock(), [](Operation &op) {
    return isa<ssm::LinearOp, ssm::SelectiveScanOp, ssm::ScanSlicesOp>(op);
  });
  if (convs.empty() || isBefore || !computesInF32(kernel, reason))
    return std::nullopt;
  ssm::Conv1dOp conv = *convs.begin();
  int64_t E = lastDim(conv.getY());
  if (std::distance(convs.begin(), convs.end()) > 1) {
    reason = "two convolutions in one kernel";
    return std::nullopt;
  }
  if (!isOfArguments(conv, reason))
    return std::nullopt;
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

/// The rows that a norm without a weight reads, and the norm, if one makes them.
static Value beforeNorm(Value rows, ssm::RMSNormOp &norm) {
  auto found = rows ? rows.getDefiningOp<ssm::RMSNormOp>() : ssm::RMSNormOp();
  if (!found || found.getWeight())
    return rows;
  norm = found;
  return norm.getX();
}

/// The parts that both scans name alike.
template <typename Scan> static void takeOperands(Scan scan, ScanParts &parts) {
  parts.u = scan.getU();
  parts.delta = scan.getDelta();
  parts.A = scan.getA();
  parts.B = scan.getB();
  parts.deltaBias = scan.getDeltaBias();
  parts.state = scan.getState();
  parts.log2Decay = scan.getLog2Decay();
  parts.hasSoftplus = scan.getSoftplus();
}

/// What the scan is made of; nothing if there is none, or two.
static std::optional<ScanParts> findScan(ssm::KernelOp kernel, std::string &reason) {
  ScanParts parts = {};
  for (Operation &op : kernel.getBlock()) {
    if (!isa<ssm::SelectiveScanOp, ssm::ScanSlicesOp>(op))
      continue;
    if (parts.u) {
      reason = "two scans in one kernel";
      return std::nullopt;
    }
    if (auto scan = dyn_cast<ssm::SelectiveScanOp>(op)) {
      takeOperands(scan, parts);
      parts.scan = scan;
      parts.C = scan.getC();
      parts.D = scan.getD();
      parts.z = scan.getZ();
      parts.slices = scan.getSlices();
    } else {
      parts.scanSlices = cast<ssm::ScanSlicesOp>(op);
      takeOperands(parts.scanSlices, parts);
      parts.slices = parts.scanSlices.getP();
    }
  }
  if (!parts.u)
    return std::nullopt;
  parts.E = lastDim(parts.u);
  parts.N = lastDim(parts.A);
  if (parts.slices)
    parts.sliceCount = cast<RankedTensorType>(parts.slices.getType()).getDimSize(0);
  return parts;
}

std::optional<ScanParts> matchScan(ssm::KernelOp kernel, std::string &reason) {
  std::optional<ScanParts> found = findScan(kernel, reason);
  if (!found || !computesInF32(kernel, reason))
    return std::nullopt;
  ScanParts parts = *found;
  if (parts.N > 256) {
    reason = "a scan has at most 256 states, got " + std::to_string(parts.N) +
             ": split them over two scans and add their results";
    return std::nullopt;
  }
  parts.softplus = parts.delta.getDefiningOp<ssm::SoftplusOp>();
  if (parts.softplus) {
    if (parts.hasSoftplus || parts.deltaBias) {
      reason = "softplus twice, or a bias after it";
      return std::nullopt;
    }
    parts.hasSoftplus = true;
    parts.delta = parts.softplus.getX();
  }
  parts.projection = parts.delta.getDefiningOp<ssm::LinearOp>();
  if (parts.projection) {
    parts.delta = beforeNorm(parts.projection.getX(), parts.deltaNorm);
    if (!isPackedArgument(parts.projection.getW())) {
      reason = "the weight of the dt projection must be an operand of the kernel";
      return std::nullopt;
    }
  }
  parts.B = beforeNorm(parts.B, parts.normOfB);
  parts.C = beforeNorm(parts.C, parts.normOfC);
  if (!matchConvRows(parts.u, parts.conv, reason))
    return std::nullopt;
  auto argument = [](Value v) { return !v || isa<BlockArgument>(v); };
  auto inTime = [](Value v) {
    return isRowsView(v) || (isa<BlockArgument>(v) && cast<RankedTensorType>(v.getType()).getRank() == 1);
  };
  if (!isRowsView(parts.delta) || (!parts.conv.conv && !isRowsView(parts.u)) || !inTime(parts.B) ||
      (parts.C && !inTime(parts.C)) || (parts.z && !isRowsView(parts.z)) ||
      !isPackedArgument(parts.A) || !argument(parts.D) || !argument(parts.deltaBias) ||
      !argument(parts.state) || (parts.scan && !argument(parts.slices)) ||
      (parts.projection && !argument(parts.projection.getBias()))) {
    reason = "an input of the scan is computed in the kernel, and is not dt, u by a convolution "
             "or a norm without a weight of what dt is projected from, of B or of C";
    return std::nullopt;
  }
  auto isBefore = [&](Operation *op) {
    auto is = [&](Operation *part) { return part && op == part; };
    return isBorder(op) || is(parts.softplus) || is(parts.projection) || is(parts.deltaNorm) ||
           is(parts.normOfB) || is(parts.normOfC);
  };
  if (parts.scanSlices) {
    if (consistsOf(kernel, [&](Operation *op) { return op == parts.scanSlices || isBefore(op); }) &&
        kernel.getNumResults() == 1 && yielded(kernel, 0) == parts.slices)
      return parts;
    reason = "a scan of slices takes norms, its dt projection and softplus before it, and yields "
             "alone what it found";
    return std::nullopt;
  }
  ssm::SelectiveScanOp scan = parts.scan;
  bool known = consistsOf(kernel, [&](Operation *op) {
    if (op == scan || isBefore(op) || isOf(parts.conv, op))
      return true;
    return isElementwise(op) && lastDim(op->getResult(0)) == parts.E &&
           llvm::all_of(op->getOperands(), [&](Value v) {
             return isRowsView(v) || v == scan.getY() ||
                    (v.getDefiningOp() && v.getDefiningOp() != parts.softplus &&
                     isElementwise(v.getDefiningOp()));
           });
  });
  // y, and each pool once.
  unsigned states = 0, pools = parts.conv.conv ? 2 : 1;
  for (unsigned i = 0; i < kernel.getNumResults(); ++i) {
    Value v = yielded(kernel, i);
    bool isState = v == scan.getNewState() ||
                   (parts.conv.conv && v == parts.conv.conv.getNewState());
    states += isState;
    if (!isState && v != scan.getY() &&
        !(v.getDefiningOp() && isElementwise(v.getDefiningOp()) && v.getDefiningOp() != parts.softplus))
      known = false;
  }
  if (!known || kernel.getNumResults() != pools + 1 || states != pools ||
      !scan.getNewState().hasOneUse()) {
    reason = "a scan takes norms, its dt projection and softplus and a convolution before it and "
             "elementwise ops after it, and yields y and the states";
    return std::nullopt;
  }
  return parts;
}

} // namespace mamba
