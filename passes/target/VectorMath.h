// The functions of the models as vector<Nxf32> code, written once for all
// devices. Each takes and gives f32 vectors (or scalars) of any length.
#pragma once

#include "passes/target/Target.h"

#include "mlir/IR/ImplicitLocOpBuilder.h"

namespace mamba {

class VectorMath {
public:
  VectorMath(mlir::ImplicitLocOpBuilder &b, const Target &target) : b(b), target(target) {}

  mlir::Value constant(mlir::Type like, double value);
  mlir::Value add(mlir::Value x, mlir::Value y);
  mlir::Value sub(mlir::Value x, mlir::Value y);
  mlir::Value mul(mlir::Value x, mlir::Value y);
  mlir::Value div(mlir::Value x, mlir::Value y);
  mlir::Value max(mlir::Value x, mlir::Value y); // of numbers
  mlir::Value fma(mlir::Value x, mlir::Value y, mlir::Value z);

  /// 2^x: relative error below 2e-7 where the result is normal; 0 and inf
  /// beyond, NaN kept. exp2(0) = 1 exactly, so that slow decays do not drift.
  mlir::Value exp2(mlir::Value x);
  /// 2^(x y) of a GPU by multiply-adds alone, for products up to 126: relative
  /// error below 4e-7 where the result is normal, 0 beyond, 1 exactly where the
  /// product is 0.
  mlir::Value exp2OfProduct(mlir::Value x, mlir::Value y);
  /// e^x: relative error below 2e-7 where the result is normal; on a GPU below
  /// (4 + |x|) 1e-7.
  mlir::Value exp(mlir::Value x);
  /// x / (1 + exp(-x)).
  mlir::Value silu(mlir::Value x);
  /// log1p(exp(x)), relatively accurate for very negative x as well.
  mlir::Value softplus(mlir::Value x);
  /// 1 / sqrt(x): relative error below 2e-7, x positive and normal.
  mlir::Value rsqrt(mlir::Value x);
  /// The sum of a vector's elements, added pairwise in a fixed order.
  mlir::Value sum(mlir::Value vector);

private:
  mlir::Value polynomial(mlir::Value x, llvm::ArrayRef<double> coefficients);
  /// 2^(x + low) for a small correction low (null: none).
  mlir::Value exp2WithLow(mlir::Value x, mlir::Value low, llvm::ArrayRef<double> coefficients);
  /// A call of an intrinsic with the type of its first operand.
  mlir::Value intrinsic(llvm::StringRef name, mlir::ValueRange operands);

  mlir::ImplicitLocOpBuilder &b;
  const Target &target;
};

} // namespace mamba
