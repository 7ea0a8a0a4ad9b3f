// --ssm-form-kernels: each op that computes becomes a kernel of its own.
#include "passes/fusion/KernelBuild.h"
#include "passes/fusion/Passes.h"

#include "mlir/IR/IRMapping.h"

namespace mamba {
#define GEN_PASS_DEF_FORMKERNELSPASS
#include "passes/fusion/Passes.h.inc"
} // namespace mamba

using namespace mlir;
using namespace mamba;
using namespace mamba::ssm;

namespace {

/// Ops on weights work on static shapes. Those on arguments of the function
/// are no recipe, but lowering makes kernels of them in the same way.
bool worksOnWeights(Operation *op) {
  if (isa<ReshapeOp, PackOp, UnpackOp, DecayOp, ScaleOp, ScaleColumnsOp, QuantScalesOp, QuantizeOp,
          DequantizeOp>(op))
    return true;
  auto cast = dyn_cast<CastOp>(op);
  return cast && cast.getX().getType().hasStaticShape();
}

bool computes(Operation *op) {
  return isa<SSMDialect>(op->getDialect()) && !isa<KernelOp, WeightOp>(op) &&
         !worksOnWeights(op);
}

/// Appends a clone of the split that defines the value, if one does, and first
/// of the split that defines that one's operand.
void cloneSplits(Value value, OpBuilder &body, IRMapping &mapping) {
  auto split = value.getDefiningOp<SplitOp>();
  if (!split || mapping.contains(value))
    return;
  cloneSplits(split.getX(), body, mapping);
  body.clone(*split, mapping);
}

/// The matrix that kernels read quantised, if the op has one.
Value quantisedMatrix(Operation *op) {
  Value matrix;
  if (auto linear = dyn_cast<LinearOp>(op))
    matrix = linear.getW();
  else if (auto embedding = dyn_cast<EmbeddingOp>(op))
    matrix = embedding.getTable();
  return matrix && matrix.getDefiningOp<DequantizeOp>() ? matrix : Value();
}

/// Replaces the op by a kernel that holds it.
void formKernel(Operation *op) {
  Block ops;
  OpBuilder body(op->getContext());
  body.setInsertionPointToEnd(&ops);
  IRMapping mapping;
  for (Value operand : op->getOperands())
    cloneSplits(operand, body, mapping);
  if (Value matrix = quantisedMatrix(op))
    body.clone(*matrix.getDefiningOp(), mapping);
  Operation *inner = body.clone(*op, mapping);
  OpBuilder builder(op);
  KernelOp kernel =
      buildKernel(builder, op->getLoc(), ops, inner->getResults());
  op->replaceAllUsesWith(kernel.getOutputs());
  op->erase();
}

struct FormKernelsPass : mamba::impl::FormKernelsPassBase<FormKernelsPass> {
  void runOnOperation() override {
    SmallVector<Operation *> ops;
    SmallVector<SplitOp> splits;
    for (Block &block : getOperation().getBody())
      for (Operation &op : block) {
        if (auto split = dyn_cast<SplitOp>(op))
          splits.push_back(split);
        else if (computes(&op))
          ops.push_back(&op);
      }
    for (Operation *op : ops)
      formKernel(op);
    // The last first: a split of a part may be all that reads a split. What is
    // read after all stands in memory.
    for (SplitOp split : llvm::reverse(splits)) {
      if (split->use_empty())
        split.erase();
      else
        formKernel(split);
    }
  }
};

} // namespace
