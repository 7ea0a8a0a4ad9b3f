// Which ops become a part of the statement that uses their value, and which get
// a variable.
#pragma once

#include "mlir/Dialect/GPU/IR/GPUDialect.h"
#include "llvm/ADT/DenseSet.h"

namespace mamba {

/// Costs nothing wherever it stands: a constant, a component, another name.
bool isFreeInCuda(mlir::Operation *op);

/// The operand that a sum is added to; null of other ops.
mlir::Value accumulator(mlir::Operation *op);

/// Whether the value's only use, in its own block, adds to it or carries it
/// into a loop: then that happens in its variable.
bool isContinued(mlir::Value value);

/// Whether `value` belongs to that block: an argument of it or a result in it.
bool isOfBlock(mlir::Value value, mlir::Block *block);

class CudaFolding {
public:
  explicit CudaFolding(mlir::Region &body);
  /// True of ops with one use in their block whose value does not change until
  /// there.
  bool isFolded(mlir::Operation *op) const { return folded.contains(op); }

private:
  void visit(mlir::Block &block);
  llvm::DenseSet<mlir::Operation *> folded;
};

} // namespace mamba
