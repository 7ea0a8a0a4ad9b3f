// Making a kernel of ops, and looking into one.
#pragma once

#include "dialects/ssm/SSMDialect.h"

#include "mlir/Dialect/Func/IR/FuncOps.h"
#include "mlir/IR/Builders.h"

namespace mamba {

/// Makes a kernel of the ops of a free block, which it empties. The ops use
/// values from outside as if they stood at the builder's insertion point; each
/// becomes one operand, in the order of first use. `results` is what the kernel
/// yields, defined by these ops or outside.
ssm::KernelOp buildKernel(mlir::OpBuilder &builder, mlir::Location loc,
                          mlir::Block &ops, mlir::ValueRange results);

/// The kernels of a function, in order.
llvm::SmallVector<ssm::KernelOp> kernelsOf(mlir::func::FuncOp func);

/// Whether the op is one that advances a state pool.
bool isStateOp(mlir::Operation *op);

/// The only op of the kernel beside splits and the terminator, if it is an OpT.
template <typename OpT> OpT soleOp(ssm::KernelOp kernel) {
  OpT found;
  for (mlir::Operation &op : kernel.getBlock().without_terminator()) {
    if (llvm::isa<ssm::SplitOp>(op))
      continue;
    auto candidate = llvm::dyn_cast<OpT>(op);
    if (!candidate || found)
      return {};
    found = candidate;
  }
  return found;
}

/// The only OpT of the kernel, whatever else is there.
template <typename OpT> OpT onlyOp(ssm::KernelOp kernel) {
  auto ops = kernel.getBlock().getOps<OpT>();
  return llvm::hasSingleElement(ops) ? *ops.begin() : OpT();
}

/// The kernels in which `match` (soleOp, onlyOp) finds its op, and the op. They
/// are found before the caller merges any of them, which erases kernels: a
/// merge may erase no other kernel of the list.
template <typename OpT>
llvm::SmallVector<std::pair<ssm::KernelOp, OpT>>
kernelsWith(mlir::func::FuncOp func, OpT (*match)(ssm::KernelOp)) {
  llvm::SmallVector<std::pair<ssm::KernelOp, OpT>> found;
  for (ssm::KernelOp kernel : kernelsOf(func))
    if (OpT op = match(kernel))
      found.emplace_back(kernel, op);
  return found;
}

/// The value outside of the kernel that an op in it reads: the input that the
/// block argument stands for, or null if the value is computed inside.
mlir::Value outsideOf(ssm::KernelOp kernel, mlir::Value inside);

/// The result of the kernel that yields the value, or null if none does.
mlir::Value resultOf(ssm::KernelOp kernel, mlir::Value inside);

/// The value in the producer that the kernel's result stands for.
mlir::Value yieldedFor(mlir::OpResult result);

} // namespace mamba
