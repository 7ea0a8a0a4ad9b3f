#include "passes/fusion/KernelBuild.h"

#include "llvm/ADT/SetVector.h"

using namespace mlir;
using namespace mamba;
using namespace mamba::ssm;

KernelOp mamba::buildKernel(OpBuilder &builder, Location loc, Block &ops,
                            ValueRange results) {
  llvm::SetVector<Value> inputs;
  auto noteInput = [&](Value value) {
    if (value.getParentBlock() != &ops)
      inputs.insert(value);
  };
  for (Operation &op : ops)
    llvm::for_each(op.getOperands(), noteInput);
  llvm::for_each(results, noteInput);

  auto kernel =
      KernelOp::create(builder, loc, TypeRange(results), inputs.getArrayRef());
  Block &body = kernel.getBlock();
  body.getOperations().splice(body.end(), ops.getOperations());
  OpBuilder end = OpBuilder::atBlockEnd(&body);
  YieldOp::create(end, loc, results);
  for (BlockArgument arg : body.getArguments())
    kernel.getInput(arg).replaceUsesWithIf(arg, [&](OpOperand &use) {
      return use.getOwner()->getBlock() == &body;
    });
  return kernel;
}

SmallVector<KernelOp> mamba::kernelsOf(func::FuncOp func) {
  SmallVector<KernelOp> kernels;
  for (Block &block : func.getBody())
    llvm::append_range(kernels, block.getOps<KernelOp>());
  return kernels;
}

bool mamba::isStateOp(Operation *op) {
  return isa<Conv1dOp, SelectiveScanOp>(op);
}

Value mamba::outsideOf(KernelOp kernel, Value inside) {
  auto arg = dyn_cast<BlockArgument>(inside);
  return arg ? kernel.getInput(arg) : Value();
}

Value mamba::resultOf(KernelOp kernel, Value inside) {
  for (auto [yielded, result] :
       llvm::zip_equal(kernel.getBlock().getTerminator()->getOperands(),
                       kernel.getOutputs()))
    if (yielded == inside)
      return result;
  return {};
}

Value mamba::yieldedFor(OpResult result) {
  auto kernel = cast<KernelOp>(result.getOwner());
  return kernel.getBlock().getTerminator()->getOperand(
      result.getResultNumber());
}
