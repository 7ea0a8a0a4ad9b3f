// --ssm-fuse-conv-consumers: a decode step computes its convolutions where their
// rows are read.
#include "passes/fusion/KernelBuild.h"
#include "passes/fusion/KernelMerge.h"
#include "passes/fusion/Passes.h"

namespace mamba {
#define GEN_PASS_DEF_FUSECONVCONSUMERSPASS
#include "passes/fusion/Passes.h.inc"
} // namespace mamba

using namespace mlir;
using namespace mamba;
using namespace mamba::ssm;

namespace {

/// A convolution and the kernels that read its rows.
struct ConvAndReaders {
  KernelOp conv;
  KernelOp scan = {};
  SmallVector<KernelOp> projections = {};
};

/// The rows of a kernel that computes a convolution, then SiLU perhaps, or null.
Value rowsOf(KernelOp kernel, Conv1dOp conv) {
  for (OpResult result : kernel->getResults()) {
    Value rows = yieldedFor(result);
    if (auto silu = rows.getDefiningOp<SiluOp>())
      rows = silu.getX();
    if (rows == conv.getY())
      return result;
  }
  return {};
}

/// Finds who reads the rows; false, with a reason, if one is none that could
/// compute them.
bool findReaders(Value rows, ConvAndReaders &found, std::string &reason) {
  for (OpOperand &use : rows.getUses()) {
    auto reader = dyn_cast<KernelOp>(use.getOwner());
    Value inside = reader ? reader.getBlock().getArgument(use.getOperandNumber())
                          : Value();
    auto scan = reader ? onlyOp<SelectiveScanOp>(reader) : SelectiveScanOp();
    auto linear = reader && !scan ? onlyOp<LinearOp>(reader) : LinearOp();
    if (scan && scan.getU() == inside && !found.scan) {
      found.scan = reader;
    } else if (linear && linear.getX() == inside) {
      found.projections.push_back(reader);
    } else {
      reason = "what the convolution makes has a reader that is no projection and "
               "not the scan";
      return false;
    }
  }
  if (found.scan)
    return true;
  reason = "no scan reads what the convolution makes, so nothing could move its "
           "state on";
  return false;
}

/// The trial if the target generates its kernel; if not, none and the reason.
std::optional<TrialMerge> tryMerge(KernelOp conv, KernelOp reader, Producers mode,
                                   ArrayRef<KernelOp> rewritten,
                                   const Target &target, std::string &reason) {
  std::optional<TrialMerge> trial =
      TrialMerge::build(conv, reader, mode, reason, rewritten);
  std::string why;
  if (!trial || canGenerate(trial->kernel(), target, why))
    return trial;
  reason = why;
  return std::nullopt;
}

struct FuseConvConsumersPass
    : mamba::impl::FuseConvConsumersPassBase<FuseConvConsumersPass> {
  using FuseConvConsumersPassBase::FuseConvConsumersPassBase;

  void runOnOperation() override {
    FailureOr<Target> target = targetOf(getOperation());
    if (failed(target))
      return signalPassFailure();
    TokenClass tokens = tokenClassOf(getOperation());
    for (auto [kernel, conv] : kernelsWith(getOperation(), onlyOp<Conv1dOp>)) {
      ConvAndReaders found{kernel};
      std::string reason;
      Value rows = rowsOf(kernel, conv);
      if (!rows)
        continue;
      int64_t channels = conv.getY().getType().getShape().back();
      if (tokens != TokenClass::Decode)
        reason = "rows of a sequence share what its convolution reads, so it is "
                 "computed once: only a decode step has none";
      else if (channels > maxChannels)
        reason = "each block of a projection would compute " + std::to_string(channels) +
                 " channels again: above " + std::to_string(maxChannels) +
                 " a kernel of its own is faster";
      if (reason.empty() && findReaders(rows, found, reason) &&
          fuse(found, *target, reason)) {
        ++fused;
      } else {
        noteDeclined(kernel, getArgument(), reason);
        ++declined;
      }
    }
  }

  /// Merges the convolution into all of its readers, or none.
  static bool fuse(ConvAndReaders &found, const Target &target,
                   std::string &reason) {
    SmallVector<TrialMerge> trials;
    for (KernelOp projection : found.projections) {
      if (!projection->isBeforeInBlock(found.scan)) {
        reason = "a projection reads what the convolution makes behind the scan, "
                 "which moves the state on";
        return false;
      }
      auto trial = tryMerge(found.conv, projection, Producers::CloneReading, {},
                            target, reason);
      if (!trial)
        return false;
      trials.push_back(std::move(*trial));
    }
    auto moved = tryMerge(found.conv, found.scan, Producers::Move,
                          found.projections, target, reason);
    if (!moved)
      return false;
    for (TrialMerge &trial : trials)
      trial.commit();
    moved->commit();
    return true;
  }
};

} // namespace
