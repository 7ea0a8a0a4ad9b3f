#include "passes/lowering/Rows.h"

#include "dialects/ssm/SSMDialect.h"

#include "mlir/IR/BuiltinTypes.h"

using namespace mlir;
using namespace mamba;
using namespace mamba::ssm;

static bool hasRows(Value value) {
  auto type = dyn_cast<RankedTensorType>(value.getType());
  return type && !type.hasStaticShape();
}

namespace {
class RowsAnalysis {
public:
  LogicalResult visit(Block &block);
  DenseMap<Value, Rows> rows;

private:
  LogicalResult visit(Operation &op);
  LogicalResult visitKernel(KernelOp kernel);
  FailureOr<Rows> rowsOfOperands(Operation &op);
};
} // namespace

/// The rows that the op's operands agree on, pools aside.
FailureOr<Rows> RowsAnalysis::rowsOfOperands(Operation &op) {
  Rows all = Rows::None;
  for (Value operand : op.getOperands()) {
    Rows own = rows.lookup(operand);
    if (own == Rows::None || own == Rows::Slots)
      continue;
    if (all != Rows::None && own != all)
      return op.emitOpError("mixes rows of tokens with rows of sequences");
    all = own;
  }
  return all;
}

LogicalResult RowsAnalysis::visitKernel(KernelOp kernel) {
  for (auto [arg, input] : llvm::zip_equal(kernel.getBlock().getArguments(), kernel.getInputs()))
    rows[arg] = rows.lookup(input);
  if (failed(visit(kernel.getBlock())))
    return failure();
  Operation *yield = kernel.getBlock().getTerminator();
  for (auto [result, yielded] : llvm::zip_equal(kernel.getResults(), yield->getOperands()))
    rows[result] = rows.lookup(yielded);
  return success();
}

LogicalResult RowsAnalysis::visit(Operation &op) {
  if (auto kernel = dyn_cast<KernelOp>(op))
    return visitKernel(kernel);
  if (op.hasTrait<OpTrait::IsTerminator>())
    return success();

  FailureOr<Rows> own = rowsOfOperands(op);
  if (failed(own))
    return failure();
  if (isa<LastRowsOp, Conv1dOp, SelectiveScanOp, ScanSlicesOp>(op) && *own != Rows::Tokens)
    return op.emitOpError("must read rows of tokens: a batch says which of them belong together");
  if (isa<LastRowsOp>(op))
    own = Rows::Sequences;
  for (Value result : op.getResults())
    rows[result] = hasRows(result) ? *own : Rows::None;
  if (auto conv = dyn_cast<Conv1dOp>(op))
    rows[conv.getNewState()] = Rows::Slots;
  if (auto scan = dyn_cast<SelectiveScanOp>(op))
    rows[scan.getNewState()] = Rows::Slots;
  return success();
}

LogicalResult RowsAnalysis::visit(Block &block) {
  for (Operation &op : block)
    if (failed(visit(op)))
      return failure();
  return success();
}

FailureOr<DenseMap<Value, Rows>> mamba::rowsOf(func::FuncOp func) {
  RowsAnalysis analysis;
  for (BlockArgument arg : func.getArguments()) {
    unsigned i = arg.getArgNumber();
    bool isState = bool(func.getArgAttr(i, "ssm.state"));
    bool isOfSequences = bool(func.getArgAttr(i, "ssm.rows"));
    analysis.rows[arg] = isState         ? Rows::Slots
                         : !hasRows(arg) ? Rows::None
                         : isOfSequences ? Rows::Sequences
                                         : Rows::Tokens;
  }
  if (failed(analysis.visit(func.getBody().front())))
    return failure();
  return std::move(analysis.rows);
}
