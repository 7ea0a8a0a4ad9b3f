// --ssm-slice-scan: a scan of few long sequences is scanned in slices of time,
// after a kernel that finds the states between them.
#include "passes/fusion/KernelBuild.h"
#include "passes/fusion/KernelMerge.h"
#include "passes/fusion/Passes.h"
#include "passes/target/Match.h"
#include "passes/target/Slices.h"
#include "passes/target/Target.h"

#include "mlir/IR/IRMapping.h"

namespace mamba {
#define GEN_PASS_DEF_SLICESCANPASS
#include "passes/fusion/Passes.h.inc"
} // namespace mamba

using namespace mlir;
using namespace mamba;
using namespace mamba::ssm;

namespace {

/// Copies the ops behind a value of the kernel into a free block; gives what
/// stands for the value there: a copy, or the kernel's own operand.
Value copyInto(Block &block, KernelOp kernel, Value value, IRMapping &copies) {
  if (Value outside = outsideOf(kernel, value))
    return outside;
  if (Value known = copies.lookupOrNull(value))
    return known;
  Operation *op = value.getDefiningOp();
  for (Value operand : op->getOperands())
    copies.map(operand, copyInto(block, kernel, operand, copies));
  block.push_back(op->clone(copies));
  copies.map(op->getResults(), block.back().getResults());
  return copies.lookup(value);
}

/// The kernel that finds what the scan's slices leave, before the scan's.
KernelOp buildSlices(KernelOp kernel, SelectiveScanOp scan, int64_t slices) {
  Block block;
  IRMapping copies;
  auto copy = [&](Value value) {
    return value ? copyInto(block, kernel, value, copies) : Value();
  };
  ArrayRef<int64_t> shape = cast<ShapedType>(scan.getA().getType()).getShape();
  int64_t E = shape[0], N = shape[1];
  OpBuilder builder(kernel);
  auto type = RankedTensorType::get({slices, 2 * N + 1, E}, builder.getF32Type());
  SmallVector<Value> in = {copy(scan.getU()), copy(scan.getDelta()), copy(scan.getDeltaBias()),
                           copy(scan.getA()), copy(scan.getB()),     copy(scan.getState()),
                           copy(scan.getBatch())};
  builder.setInsertionPointToEnd(&block);
  auto found = ScanSlicesOp::create(builder, scan.getLoc(), type, in[0], in[1], in[2],
                                     scan.getSoftplus(), in[3], scan.getLog2Decay(), in[4], in[5],
                                     in[6]);
  builder.setInsertionPoint(kernel);
  return buildKernel(builder, scan.getLoc(), block, found.getP());
}

/// How many slices a scan of the function gets: on a CPU as many as whoever compiles
/// says, on a GPU as the rule does.
int64_t slicesOf(func::FuncOp func, SelectiveScanOp scan, const Target &target) {
  if (auto given = func->getAttrOfType<IntegerAttr>("ssm.scan_slices"))
    return std::max<int64_t>(given.getInt(), 1);
  return SliceRule::ofGpu(lastDim(scan.getU()), target.chip).slices;
}

/// The kernel with one operand more, which its scan takes as its slices.
KernelOp withSlices(KernelOp kernel, Value p) {
  SmallVector<Value> inputs(kernel.getInputs());
  inputs.push_back(p);
  OpBuilder builder(kernel);
  auto made = KernelOp::create(builder, kernel.getLoc(), kernel.getResultTypes(), inputs);
  IRMapping copies;
  Block &body = made.getBlock();
  copies.map(kernel.getBlock().getArguments(), body.getArguments().drop_back());
  builder.setInsertionPointToEnd(&body);
  for (Operation &op : kernel.getBlock())
    builder.clone(op, copies);
  auto scan = *body.getOps<SelectiveScanOp>().begin();
  scan.getSlicesMutable().assign(body.getArguments().back());
  return made;
}

struct SliceScanPass : mamba::impl::SliceScanPassBase<SliceScanPass> {
  void runOnOperation() override {
    if (tokenClassOf(getOperation()) != TokenClass::Long)
      return;
    FailureOr<Target> target = targetOf(getOperation());
    if (failed(target))
      return signalPassFailure();
    if (!target->isGpu() && !getOperation()->hasAttr("ssm.scan_slices"))
      return;
    for (auto [kernel, scan] : kernelsWith(getOperation(), onlyOp<SelectiveScanOp>))
      if (!scan.getSlices())
        slice(kernel, scan, *target);
  }

  void slice(KernelOp kernel, SelectiveScanOp scan, const Target &target) {
    KernelOp slices = buildSlices(kernel, scan, slicesOf(getOperation(), scan, target)), sliced;
    std::string reason;
    if (canGenerate(slices, target, reason)) {
      sliced = withSlices(kernel, slices.getResult(0));
      if (canGenerate(sliced, target, reason)) {
        kernel.replaceAllUsesWith(sliced.getResults());
        kernel.erase();
        ++cut;
        return;
      }
      sliced.erase();
    }
    slices.erase();
    noteDeclined(kernel, getArgument(), reason);
    ++declined;
  }
};

} // namespace
