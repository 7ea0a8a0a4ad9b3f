// What follows the sums of a projection, for columns beside each other.
#pragma once

#include "passes/gpu/Linear.h"
#include "passes/gpu/LinearConv.h"

namespace mamba {

/// The finished outputs of neighbouring columns, loaded and stored as a vector if
/// there are several.
class LinearOutputs {
public:
  /// Of `sums` in the row from the column on; operands of the elementwise ops
  /// are read there. `factor` and the elements of `bias` may be null.
  LinearOutputs(GpuEmitter &e, const LinearParts &parts, llvm::ArrayRef<mlir::Value> sums,
                mlir::Value factor, llvm::ArrayRef<mlir::Value> bias, mlir::Value row,
                mlir::Value column);

  /// Whether `count` columns from a multiple of count on can be stored as a
  /// vector; then they are all there, or none is.
  static bool areVectors(GpuEmitter &e, const LinearParts &parts, int64_t count);

  void store(mlir::Value row, mlir::Value column, std::optional<LinearConv> &conv);

private:
  GpuEmitter &e;
  LinearParts parts;
  llvm::SmallVector<mlir::Value> results;
};

} // namespace mamba
