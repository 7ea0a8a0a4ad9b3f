// The functions of the models as vector<Nxf32> code, written once for all
// devices. Each takes and gives f32 vectors (or scalars) of any length.
#pragma once

#include "passes/target/Target.h"

#include "mlir/Dialect/Arith/IR/Arith.h"
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

  // Errors on a CPU in units of the last place, where the result is normal: where
  // it is not, kernels flush it to 0. Infinities are right and NaN is kept.

  /// 2^x: within 1. exp2(0) = 1 exactly, so that slow decays do not drift.
  mlir::Value exp2(mlir::Value x);
  /// 2^(x y) with the fewest instructions, on a GPU by multiply-adds alone, of numbers,
  /// for products up to 126: within 2.2 of the rounded product's (4e-7 on a GPU), 0
  /// where the result is not normal, 1 exactly where the product is 0.
  mlir::Value exp2OfProduct(mlir::Value x, mlir::Value y);
  /// e^x: within 1.1; on a GPU a relative error below (4 + |x|) 1e-7.
  mlir::Value exp(mlir::Value x);
  /// x / (1 + exp(-x)): within 2; below -87.3 something that is no larger than it is
  /// there, 1.1e-36.
  mlir::Value silu(mlir::Value x);
  /// log1p(exp(x)): within 2, relatively accurate for very negative x as well.
  mlir::Value softplus(mlir::Value x);
  /// 1 / sqrt(x): relative error below 2e-7, x positive and normal.
  mlir::Value rsqrt(mlir::Value x);
  /// The sum of a vector's elements, added pairwise in a fixed order.
  mlir::Value sum(mlir::Value vector);

private:
  mlir::Value polynomial(mlir::Value x, llvm::ArrayRef<double> coefficients);
  mlir::Value choose(mlir::arith::CmpFPredicate predicate, mlir::Value x, mlir::Value y,
                     mlir::Value ifSo, mlir::Value ifNot);
  // Of a CPU:
  /// x, or the bound beyond it; NaN stays.
  mlir::Value atLeast(mlir::Value x, double low);
  mlir::Value atMost(mlir::Value x, double high);
  /// Whether there are instructions that split off and put on an exponent.
  bool scales(mlir::Type type) const;
  /// Such an instruction for all lanes; the last operand stands where there is none.
  mlir::Value whole512(llvm::StringRef name, mlir::ValueRange operands);
  /// p times 2 to the integer in the low bits of `shifted`.
  mlir::Value scaled(mlir::Value p, mlir::Value shifted);
  /// log2(e) x as an integer, which stands in the low bits of `shifted` too, and a rest.
  struct Split {
    mlir::Value shifted, integer, f;
  };
  Split splitExp(mlir::Value x);
  /// e^x for x from -87.6 to 88.7; of a NaN anything.
  mlir::Value expOf(mlir::Value x);
  /// -|x|, at least -87.6.
  mlir::Value minusSize(mlir::Value x);
  /// A call of an intrinsic with the type of its first operand.
  mlir::Value intrinsic(llvm::StringRef name, mlir::ValueRange operands);

  mlir::ImplicitLocOpBuilder &b;
  const Target &target;
};

} // namespace mamba
