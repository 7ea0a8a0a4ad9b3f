// Pieces of a row of a weight as vectors: the recipe and tables, many elements at
// a time.
#pragma once

#include "passes/cpu/CpuEmitter.h"

namespace mamba {

class WeightRow {
public:
  explicit WeightRow(CpuEmitter &e) : e(e) {}

  /// Whether it makes the matrix of what it is made of.
  static bool makes(mlir::Value matrix);
  /// Columns of a piece of the recipe: those of a group of 32 weights, or 32.
  static int64_t pieceOf(mlir::Value matrix);

  /// The columns from `column` on as they lie in memory, zero beyond the matrix.
  /// `column` is a multiple of `count`; of quantised weights they share a scale.
  mlir::Value at(mlir::Value matrix, mlir::Value row, mlir::Value column, int64_t count);

  /// Columns of a matrix that is an operand of the kernel or is dequantised in it,
  /// as f32; `column` is a multiple of `count`, a power of two.
  mlir::Value wide(mlir::Value matrix, mlir::Value row, mlir::Value column, int64_t count);

private:
  mlir::Value load(mlir::Value buffer, mlir::ArrayRef<mlir::Value> index, int64_t count);
  mlir::Value dequantized(ssm::DequantizeOp op, mlir::Value row, mlir::Value column, int64_t count);
  mlir::Value quantized(ssm::QuantizeOp op, mlir::Value row, mlir::Value column, int64_t count);
  /// In f32, of the weights of a group.
  mlir::Value groupScale(mlir::Value weights, int64_t bits);
  mlir::Value i32(mlir::Type like, int64_t value);

  CpuEmitter &e;
};

} // namespace mamba
