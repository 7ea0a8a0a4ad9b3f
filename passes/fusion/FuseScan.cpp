// --ssm-fuse-scan: the time step's projection and softplus, the norms of B and C,
// and the gate, become part of the scan.
#include "passes/fusion/KernelBuild.h"
#include "passes/fusion/KernelMerge.h"
#include "passes/fusion/Passes.h"

namespace mamba {
#define GEN_PASS_DEF_FUSESCANPASS
#include "passes/fusion/Passes.h.inc"
} // namespace mamba

using namespace mlir;
using namespace mamba;
using namespace mamba::ssm;

namespace {

/// A scan and the kernels around it that could be part of it, or null.
struct ScanAndNeighbours {
  KernelOp scan;
  KernelOp linear = {}, softplus = {}, gate = {};
  SmallVector<KernelOp> norms = {};
  std::string reason = {}; // why a neighbour was left out
};

/// The kernel, not itself a scan's, that computes the value for this one
/// reader, or null.
KernelOp soleProducer(Value value, ScanAndNeighbours &found) {
  auto kernel = value ? value.getDefiningOp<KernelOp>() : KernelOp();
  if (!kernel || onlyOp<SelectiveScanOp>(kernel))
    return {};
  if (value.hasOneUse())
    return kernel;
  if (soleOp<SoftplusOp>(kernel) || onlyOp<LinearOp>(kernel))
    found.reason = "the time step has another reader";
  return {};
}

void findTimeStep(SelectiveScanOp scan, ScanAndNeighbours &found) {
  Value delta = scan.getDelta();
  auto inner = delta.getDefiningOp<SoftplusOp>();
  Value outside = outsideOf(found.scan, inner ? inner.getX() : delta);
  KernelOp producer = soleProducer(outside, found);
  if (!inner && producer)
    if (auto softplus = soleOp<SoftplusOp>(producer)) {
      found.softplus = producer;
      outside = outsideOf(producer, softplus.getX());
      producer = soleProducer(outside, found);
    }
  auto linear = producer ? onlyOp<LinearOp>(producer) : LinearOp();
  if (linear && yieldedFor(cast<OpResult>(outside)) == linear.getY())
    found.linear = producer;
}

void findNorms(SelectiveScanOp scan, ScanAndNeighbours &found) {
  for (Value rows : {scan.getB(), scan.getC()}) {
    Value outside = rows ? outsideOf(found.scan, rows) : Value();
    auto producer = outside ? outside.getDefiningOp<KernelOp>() : KernelOp();
    if (!producer || !soleOp<RMSNormOp>(producer) || llvm::is_contained(found.norms, producer))
      continue;
    if (outside.hasOneUse())
      found.norms.push_back(producer);
    else
      found.reason = "the norm of B or C has another reader";
  }
}

void findGate(SelectiveScanOp scan, ScanAndNeighbours &found) {
  Value y = resultOf(found.scan, scan.getY());
  if (!y)
    return;
  for (OpOperand &use : y.getUses()) {
    auto reader = dyn_cast<KernelOp>(use.getOwner());
    auto gate = reader ? soleOp<GateOp>(reader) : GateOp();
    if (!gate)
      continue;
    BlockArgument arg = reader.getBlock().getArgument(use.getOperandNumber());
    if (gate.getX() != arg || gate.getZ() == arg)
      found.reason = "the scan's y gates instead of being gated";
    else if (!y.hasOneUse())
      found.reason = "the scan's y has another reader";
    else
      found.gate = reader;
  }
}

struct FuseScanPass : mamba::impl::FuseScanPassBase<FuseScanPass> {
  void runOnOperation() override {
    FailureOr<Target> target = targetOf(getOperation());
    if (failed(target))
      return signalPassFailure();
    for (auto [kernel, scan] :
         kernelsWith(getOperation(), onlyOp<SelectiveScanOp>))
      fuse(kernel, scan, *target);
  }

  void fuse(KernelOp kernel, SelectiveScanOp scan, const Target &target) {
    ScanAndNeighbours found{kernel};
    findTimeStep(scan, found);
    findNorms(scan, found);
    findGate(scan, found);
    fuseFound(found, target);
    if (found.reason.empty())
      return;
    noteDeclined(found.scan, getArgument(), found.reason);
    ++declined;
  }

  /// Merges all that was found, or else one after the other what the target
  /// accepts.
  void fuseFound(ScanAndNeighbours &found, const Target &target) {
    SmallVector<KernelOp> feeds;
    for (KernelOp feed : {found.linear, found.softplus})
      if (feed)
        feeds.push_back(feed);
    SmallVector<KernelOp> all(found.norms);
    llvm::append_range(all, feeds);
    if (merge(all, found.scan, found.gate, target, found.reason))
      return;
    if (all.size() + (found.gate ? 1 : 0) < 2)
      return;
    std::string ignored; // the reason for the whole is the one to tell
    for (KernelOp norm : found.norms)
      merge(norm, found.scan, KernelOp(), target, ignored);
    for (KernelOp feed : llvm::reverse(feeds))
      if (!merge(feed, found.scan, KernelOp(), target, ignored))
        break;
    if (found.gate)
      merge({}, found.scan, found.gate, target, ignored);
  }

  /// Merges the feeds, the scan and the gate, if there is one; the kernel that
  /// comes of it is the scan from then on.
  bool merge(ArrayRef<KernelOp> feeds, KernelOp &scan, KernelOp gate,
             const Target &target, std::string &reason) {
    SmallVector<KernelOp> producers(feeds);
    if (gate)
      producers.push_back(scan);
    if (producers.empty())
      return true;
    KernelOp merged = mergeInto(producers, gate ? gate : scan, Producers::Move,
                                target, reason);
    if (!merged)
      return false;
    fused += producers.size();
    scan = merged;
    return true;
  }
};

} // namespace
