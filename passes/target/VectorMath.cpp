#include "passes/target/VectorMath.h"

#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/LLVMIR/LLVMDialect.h"
#include "mlir/Dialect/Math/IR/Math.h"
#include "mlir/Dialect/Vector/IR/VectorOps.h"

using namespace mlir;

namespace mamba {

// Minimax fits of relative error with p(0) = 1 held exactly: 2^f for f in
// [-1/2, 1/2] (9e-8 and 2e-9) and log1p(u)/u for u in [0, 1] (5e-9).
static constexpr double exp2Degree5[] = {1.0, 0.6931469775988574, 0.2402224208517321,
                                         0.05550733743690889, 0.009671512648915534,
                                         0.0013264727065381116};
static constexpr double exp2Degree6[] = {1.0, 0.6931472028550832, 0.24022647913626588,
                                         0.05550332471099793, 0.009618437357813649,
                                         0.0013398874422376268, 0.0001535336189127321};
static constexpr double log1pOverU[] = {1.0, -0.49999932763762744, 0.33330511322634926,
                                        -0.2495858743230286, 0.19695400552205283,
                                        -0.15355396277234803, 0.10680555418458484,
                                        -0.05766444303515332, 0.020204584223485544,
                                        -0.0033184723800318144};

static Type likeWith(Type like, Type element) {
  if (auto vector = dyn_cast<VectorType>(like))
    return vector.clone(element);
  return element;
}

Value VectorMath::constant(Type like, double value) {
  auto attr = b.getF32FloatAttr(static_cast<float>(value));
  if (auto vector = dyn_cast<VectorType>(like))
    return arith::ConstantOp::create(b, DenseElementsAttr::get(vector, attr.getValue()));
  return arith::ConstantOp::create(b, attr);
}
Value VectorMath::add(Value x, Value y) { return arith::AddFOp::create(b, x, y); }
Value VectorMath::sub(Value x, Value y) { return arith::SubFOp::create(b, x, y); }
Value VectorMath::mul(Value x, Value y) { return arith::MulFOp::create(b, x, y); }
Value VectorMath::div(Value x, Value y) { return arith::DivFOp::create(b, x, y); }
Value VectorMath::max(Value x, Value y) {
  Value less = arith::CmpFOp::create(b, arith::CmpFPredicate::OLT, x, y);
  return arith::SelectOp::create(b, less, y, x);
}
Value VectorMath::fma(Value x, Value y, Value z) { return math::FmaOp::create(b, x, y, z); }

Value VectorMath::polynomial(Value x, ArrayRef<double> coefficients) {
  Value p = constant(x.getType(), coefficients.back());
  for (double c : llvm::reverse(coefficients.drop_back()))
    p = fma(p, x, constant(x.getType(), c));
  return p;
}

Value VectorMath::intrinsic(StringRef name, ValueRange operands) {
  return LLVM::CallIntrinsicOp::create(b, operands.front().getType(), b.getStringAttr(name),
                                       operands)
      .getResult(0);
}

Value VectorMath::exp2WithLow(Value x, Value low, ArrayRef<double> coefficients) {
  Type type = x.getType();
  auto vector = dyn_cast<VectorType>(type);
  if (vector && vector.getNumElements() == 16 && target.has("avx512f") && target.has("avx512dq")) {
    // vreduceps gives x - round(x), 0 at infinity; vscalefps handles what is
    // too large, too small, or not a number.
    auto i32 = [&](int64_t v) -> Value { return arith::ConstantOp::create(b, b.getI32IntegerAttr(v)); };
    Value mask = arith::ConstantOp::create(b, b.getI16IntegerAttr(-1));
    Value current = i32(4);
    Value f = intrinsic("llvm.x86.avx512.mask.reduce.ps.512", {x, i32(8), x, mask, current});
    Value r = sub(x, f);
    if (low)
      f = add(f, low);
    return intrinsic("llvm.x86.avx512.mask.scalef.ps.512",
                  {polynomial(f, coefficients), r, x, mask, current});
  }
  // Adding 1.5 * 2^23 rounds to an integer, which then stands in the low bits;
  // -127 and 128 in the exponent are exactly 0 and inf.
  Value lo = constant(type, -127), hi = constant(type, 128), magic = constant(type, 12582912.0);
  Value below = arith::CmpFOp::create(b, arith::CmpFPredicate::OLE, x, lo);
  Value clamped = arith::SelectOp::create(b, below, lo, x);
  Value above = arith::CmpFOp::create(b, arith::CmpFPredicate::OGE, clamped, hi);
  clamped = arith::SelectOp::create(b, above, hi, clamped);
  Value shifted = add(clamped, magic);
  Value f = sub(clamped, sub(shifted, magic));
  if (low) {
    // At these ends p must be 1, or it borrows from the exponent: a NaN.
    Value none = constant(type, 0);
    low = arith::SelectOp::create(b, below, none, low);
    low = arith::SelectOp::create(b, above, none, low);
    f = add(f, low);
  }
  Value p = polynomial(f, coefficients);
  Type bits = likeWith(type, b.getI32Type());
  Value twentyThree;
  if (vector)
    twentyThree = arith::ConstantOp::create(
        b, DenseElementsAttr::get(cast<VectorType>(bits), b.getI32IntegerAttr(23).getValue()));
  else
    twentyThree = arith::ConstantOp::create(b, b.getI32IntegerAttr(23));
  Value exponent = arith::ShLIOp::create(b, arith::BitcastOp::create(b, bits, shifted), twentyThree);
  Value scaled = arith::BitcastOp::create(
      b, type, arith::AddIOp::create(b, arith::BitcastOp::create(b, bits, p), exponent));
  Value nan = arith::CmpFOp::create(b, arith::CmpFPredicate::UNO, x, x);
  return arith::SelectOp::create(b, nan, x, scaled);
}

Value VectorMath::exp2(Value x) {
  if (target.isGpu())
    return intrinsic("llvm.nvvm.ex2.approx.ftz.f", x);
  return exp2WithLow(x, Value(), exp2Degree5);
}

Value VectorMath::exp2OfProduct(Value x, Value y) {
  // As in exp2WithLow: the product's integer stands in the low bits of t, its rest
  // is exact. Where t is held at -126 the rest is, too: what remains flushes to 0.
  Type type = x.getType();
  Value magic = constant(type, 12582912.0);
  auto atLeast = [&](Value v, double low) -> Value {
    Value bound = constant(type, low);
    Value above = arith::CmpFOp::create(b, arith::CmpFPredicate::OGT, v, bound);
    return arith::SelectOp::create(b, above, v, bound);
  };
  Value t = atLeast(fma(x, y, magic), 12582912.0 - 126);
  Value rest = atLeast(fma(x, y, sub(magic, t)), -0.5);
  Type bits = b.getI32Type();
  Value shift = arith::ConstantOp::create(b, b.getI32IntegerAttr(23));
  Value exponent = arith::ShLIOp::create(b, arith::BitcastOp::create(b, bits, t), shift);
  Value p = arith::BitcastOp::create(b, bits, polynomial(rest, exp2Degree5));
  return arith::BitcastOp::create(b, type, arith::AddIOp::create(b, p, exponent));
}

Value VectorMath::exp(Value x) {
  constexpr double log2e = 1.4426950408889634;
  if (target.isGpu())
    return exp2(mul(x, constant(x.getType(), log2e)));
  // Beyond these bounds the result is inf or 0 all the same.
  Type type = x.getType();
  Value lo = constant(type, -110), hi = constant(type, 110);
  Value below = arith::CmpFOp::create(b, arith::CmpFPredicate::OLT, x, lo);
  x = arith::SelectOp::create(b, below, lo, x);
  Value above = arith::CmpFOp::create(b, arith::CmpFPredicate::OGT, x, hi);
  x = arith::SelectOp::create(b, above, hi, x);
  // log2(e) in two parts: the product of x and the first is exact with its error.
  constexpr double high = static_cast<float>(log2e);
  Value t = mul(x, constant(type, high));
  Value low = fma(x, constant(type, high), arith::NegFOp::create(b, t));
  low = fma(x, constant(type, log2e - high), low);
  return exp2WithLow(t, low, exp2Degree6);
}

Value VectorMath::silu(Value x) {
  Value below = add(constant(x.getType(), 1), exp(arith::NegFOp::create(b, x)));
  if (target.isGpu())
    return mul(x, intrinsic("llvm.nvvm.rcp.approx.ftz.f", below));
  return div(x, below);
}

Value VectorMath::softplus(Value x) {
  // max(x, 0) + log1p(exp(-|x|)); NaN passes through exp.
  Type type = x.getType();
  Value size = target.isGpu() ? intrinsic("llvm.fabs", x) : math::AbsFOp::create(b, x);
  Value u = exp(arith::NegFOp::create(b, size));
  Value zero = constant(type, 0);
  Value positive = arith::CmpFOp::create(b, arith::CmpFPredicate::OGT, x, zero);
  Value linear = arith::SelectOp::create(b, positive, x, zero);
  return fma(u, polynomial(u, log1pOverU), linear);
}

Value VectorMath::rsqrt(Value x) {
  if (target.isGpu())
    return intrinsic("llvm.nvvm.rsqrt.approx.ftz.f", x);
  return div(constant(x.getType(), 1), math::SqrtOp::create(b, x));
}

Value VectorMath::sum(Value vector) {
  auto type = cast<VectorType>(vector.getType());
  int64_t n = type.getNumElements();
  while (n > 1) {
    n /= 2;
    Value low = vector::ExtractStridedSliceOp::create(b, vector, ArrayRef<int64_t>{0},
                                                      ArrayRef<int64_t>{n}, ArrayRef<int64_t>{1});
    Value high = vector::ExtractStridedSliceOp::create(b, vector, ArrayRef<int64_t>{n},
                                                       ArrayRef<int64_t>{n}, ArrayRef<int64_t>{1});
    vector = add(low, high);
  }
  return vector::ExtractOp::create(b, vector, ArrayRef<int64_t>{0});
}

} // namespace mamba
