// The recipe of the weights, element by element.
#pragma once

#include "passes/target/KernelEmitter.h"

namespace mamba {

/// Emits the element of a value at an index, from the elements of what it is
/// made of. Values of bf16 are their bits.
class WeightElement {
public:
  explicit WeightElement(KernelEmitter &e) : e(e) {}

  mlir::Value at(mlir::Value value, llvm::ArrayRef<mlir::Value> index);

  /// The index of the linear-th element in row-major order.
  llvm::SmallVector<mlir::Value> delinearize(mlir::Value linear, llvm::ArrayRef<int64_t> shape);

  static llvm::ArrayRef<int64_t> shape(mlir::Value v) {
    return mlir::cast<mlir::RankedTensorType>(v.getType()).getShape();
  }
  static mlir::Type elementType(mlir::Value v) {
    return mlir::cast<mlir::RankedTensorType>(v.getType()).getElementType();
  }

private:
  mlir::Value linearize(llvm::ArrayRef<mlir::Value> index, llvm::ArrayRef<int64_t> shape);
  mlir::Value convert(mlir::Value x, mlir::Type from, mlir::Type to);
  mlir::Value i32(int64_t value);
  // Of quantised matrices.
  mlir::Value groupScale(ssm::QuantScalesOp op, llvm::ArrayRef<mlir::Value> index); // f32
  mlir::Value quantized(ssm::QuantizeOp op, llvm::ArrayRef<mlir::Value> index);     // i8
  mlir::Value dequantized(ssm::DequantizeOp op, llvm::ArrayRef<mlir::Value> index); // f32

  KernelEmitter &e;
};

// Of f32 numbers or vectors of them.
/// Between types as they lie in memory.
mlir::Value convertWeight(KernelEmitter &e, mlir::Value x, mlir::Type from, mlir::Type to);
/// The integers of ssm.quantize, as i32.
mlir::Value quantizedWeight(KernelEmitter &e, mlir::Value w, mlir::Value scale, int64_t bits);

/// An element of a matrix that is an operand of the kernel or is dequantised in
/// it, as f32.
mlir::Value weightAt(KernelEmitter &e, mlir::Value matrix, llvm::ArrayRef<mlir::Value> index);

} // namespace mamba
