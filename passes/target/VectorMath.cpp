#include "passes/target/VectorMath.h"

#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/LLVMIR/LLVMDialect.h"
#include "mlir/Dialect/Math/IR/Math.h"
#include "mlir/Dialect/Vector/IR/VectorOps.h"

#include <limits>

using namespace mlir;

namespace mamba {

// Minimax fits with p(0) = 1 held exactly: 2^f for f in [-1/2, 1/2], of relative error
// (9e-8, chosen among its neighbours in f32 for what a CPU's roundings leave, and 2e-9),
// and log1p(u)/u for u in [0, 1] (5e-9).
static constexpr double exp2Degree5[] = {1.0, 0.69314694404602051, 0.24022242426872253,
                                         0.055507753044366837, 0.0096718575805425644,
                                         0.0013261846033856273};
static constexpr double exp2Degree6[] = {1.0, 0.6931472028550832, 0.24022647913626588,
                                         0.05550332471099793, 0.009618437357813649,
                                         0.0013398874422376268, 0.0001535336189127321};
// 2^f for f in [0, 1], of absolute error (1.3e-7), chosen so too: in f32 p(1) = 2 exactly
// as well, so that what is just below 0 does not drift.
static constexpr double exp2Above[] = {1.0, 0.69315284490585327, 0.24014775454998016,
                                       0.055854067206382751, 0.0089490469545125961,
                                       0.0018962585600093007};
static constexpr double log1pOverU[] = {1.0, -0.49999932763762744, 0.33330511322634926,
                                        -0.2495858743230286, 0.19695400552205283,
                                        -0.15355396277234803, 0.10680555418458484,
                                        -0.05766444303515332, 0.020204584223485544,
                                        -0.0033184723800318144};
// The same, chosen among its neighbours in f32 for what a CPU's roundings leave.
static constexpr double log1pRounded[] = {1.0, -0.49999934434890747, 0.3333051800727844,
                                          -0.24958592653274536, 0.19695399701595306,
                                          -0.15355396270751953, 0.10680557042360306,
                                          -0.05766444280743599, 0.020204585045576096,
                                          -0.003318473696708679};

// Added and taken away, this rounds to an integer, which then stands in the low bits.
static constexpr double toInteger = 12582912.0; // 1.5 * 2^23
static constexpr double log2e = 1.4426950408889634;
// exp of this and below is no normal number; its integer part still has a place in
// the exponent.
static constexpr double lowest = -87.6;

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
Value VectorMath::choose(arith::CmpFPredicate predicate, Value x, Value y, Value ifSo,
                         Value ifNot) {
  return arith::SelectOp::create(b, arith::CmpFOp::create(b, predicate, x, y), ifSo, ifNot);
}
Value VectorMath::atLeast(Value x, double low) {
  Value bound = constant(x.getType(), low);
  if (target.isArm())
    return arith::MaximumFOp::create(b, x, bound);
  return choose(arith::CmpFPredicate::OLT, x, bound, bound, x);
}
Value VectorMath::atMost(Value x, double high) {
  Value bound = constant(x.getType(), high);
  if (target.isArm())
    return arith::MinimumFOp::create(b, x, bound);
  return choose(arith::CmpFPredicate::OGT, x, bound, bound, x);
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

bool VectorMath::scales(Type type) const {
  auto vector = dyn_cast<VectorType>(type);
  return vector && vector.getNumElements() == 16 && target.has("avx512f") &&
         target.has("avx512dq");
}

Value VectorMath::whole512(StringRef name, ValueRange operands) {
  SmallVector<Value> all(operands);
  all.push_back(arith::ConstantOp::create(b, b.getI16IntegerAttr(-1)));
  if (name.contains("reduce") || name.contains("scalef"))
    all.push_back(arith::ConstantOp::create(b, b.getI32IntegerAttr(4))); // MXCSR's rounding
  return intrinsic(("llvm.x86.avx512." + name + ".ps.512").str(), all);
}

Value VectorMath::scaled(Value p, Value shifted) {
  Type bits = likeWith(p.getType(), b.getI32Type());
  auto scalar = b.getI32IntegerAttr(23);
  auto vector = dyn_cast<VectorType>(bits);
  Value shift = arith::ConstantOp::create(
      b, vector ? TypedAttr(DenseElementsAttr::get(vector, scalar.getValue())) : TypedAttr(scalar));
  Value exponent = arith::ShLIOp::create(b, arith::BitcastOp::create(b, bits, shifted), shift);
  return arith::BitcastOp::create(
      b, p.getType(), arith::AddIOp::create(b, arith::BitcastOp::create(b, bits, p), exponent));
}

Value VectorMath::exp2(Value x) {
  if (target.isGpu())
    return intrinsic("llvm.nvvm.ex2.approx.ftz.f", x);
  Type type = x.getType();
  if (scales(type)) {
    // vreduceps gives x - round(x), 0 at infinity; vscalefps handles what is
    // too large, too small, or not a number.
    Value nearest = arith::ConstantOp::create(b, b.getI32IntegerAttr(8));
    Value f = whole512("mask.reduce", {x, nearest, x});
    return whole512("mask.scalef", {polynomial(f, exp2Degree6), sub(x, f), x});
  }
  // -127 and 128 in the exponent are exactly 0 and inf.
  Value lo = constant(type, -127), hi = constant(type, 128), magic = constant(type, toInteger);
  Value clamped = choose(arith::CmpFPredicate::OLE, x, lo, lo, x);
  clamped = choose(arith::CmpFPredicate::OGE, clamped, hi, hi, clamped);
  Value shifted = add(clamped, magic);
  Value f = sub(clamped, sub(shifted, magic));
  Value y = scaled(polynomial(f, exp2Degree6), shifted);
  return choose(arith::CmpFPredicate::UNO, x, x, x, y);
}

Value VectorMath::exp2OfProduct(Value x, Value y) {
  Type type = x.getType();
  if (scales(type)) {
    // Both instructions round down: there is no difference to compute.
    Value product = mul(x, y), down = arith::ConstantOp::create(b, b.getI32IntegerAttr(9));
    Value f = whole512("mask.reduce", {product, down, product});
    return whole512("mask.scalef", {polynomial(f, exp2Above), product, product});
  }
  // As in exp2: the product's integer stands in the low bits of t, its rest is
  // exact. Where t is held at -126 the rest is, too: what remains flushes to 0.
  Value magic = constant(type, toInteger);
  auto notBelow = [&](Value v, double low) {
    if (!target.isGpu())
      return atLeast(v, low);
    Value bound = constant(type, low);
    return choose(arith::CmpFPredicate::OGT, v, bound, v, bound);
  };
  Value t = notBelow(fma(x, y, magic), toInteger - 126);
  Value rest = notBelow(fma(x, y, sub(magic, t)), -0.5);
  Value p = polynomial(rest, exp2Degree5);
  return scaled(p, t);
}

VectorMath::Split VectorMath::splitExp(Value x) {
  // log2(e) in two parts: what the product with the first leaves is exact.
  constexpr double high = static_cast<float>(log2e);
  Type type = x.getType();
  Value magic = constant(type, toInteger);
  Value shifted = fma(x, constant(type, high), magic), integer = sub(shifted, magic);
  Value f = fma(x, constant(type, high), arith::NegFOp::create(b, integer));
  return {shifted, integer, fma(x, constant(type, log2e - high), f)};
}

Value VectorMath::expOf(Value x) {
  Split split = splitExp(x);
  Value p = polynomial(split.f, exp2Degree6);
  return scales(x.getType()) ? whole512("mask.scalef", {p, split.integer, p})
                             : scaled(p, split.shifted);
}

Value VectorMath::exp(Value x) {
  Type type = x.getType();
  if (target.isGpu())
    return exp2(mul(x, constant(type, log2e)));
  Value hi = constant(type, 88.722839);
  Value y = expOf(atLeast(x, lowest));
  y = choose(arith::CmpFPredicate::OLT, x, constant(type, -87.336544), constant(type, 0), y);
  Value infinity = constant(type, std::numeric_limits<float>::infinity());
  y = choose(arith::CmpFPredicate::OGE, x, hi, infinity, y);
  return choose(arith::CmpFPredicate::UNO, x, x, x, y);
}

Value VectorMath::minusSize(Value x) {
  return atLeast(arith::NegFOp::create(b, math::AbsFOp::create(b, x)), lowest);
}

Value VectorMath::silu(Value x) {
  Type type = x.getType();
  Value one = constant(type, 1);
  if (target.isGpu()) {
    Value below = add(one, exp(arith::NegFOp::create(b, x)));
    return mul(x, intrinsic("llvm.nvvm.rcp.approx.ftz.f", below));
  }
  // x / (1 + 2^n 2^f), with 2^f - 1 = f q(f). What rounding takes from the sum below,
  // `rest`, is given back to the quotient.
  Value clamped = atLeast(x, lowest);
  Split minus = splitExp(arith::NegFOp::create(b, atMost(clamped, 87)));
  Value q = polynomial(minus.f, ArrayRef(exp2Degree6).drop_front());
  Value power = scales(type) ? whole512("mask.scalef", {one, minus.integer, one})
                             : scaled(one, minus.shifted);
  Value isLarge = arith::CmpFOp::create(b, arith::CmpFPredicate::OLT, one, power);
  Value larger = arith::SelectOp::create(b, isLarge, power, one);
  Value less = choose(arith::CmpFPredicate::OLT, power, one, power, one);
  less = fma(mul(power, minus.f), q, less);
  Value below = add(larger, less), rest = sub(less, sub(below, larger));
  Value r = scales(type) ? whole512("rcp14", {below, below}) : Value();
  Value quotient = r ? mul(clamped, r) : div(clamped, below);
  Value largest = constant(type, std::numeric_limits<float>::max());
  Value y = choose(arith::CmpFPredicate::OLT, quotient, largest, quotient, largest);
  if (!r)
    return sub(quotient, div(mul(y, rest), below));
  // What 14 bits of the inverse leave; of an infinite quotient, infinity.
  Value lacks = fma(arith::NegFOp::create(b, below), y, clamped);
  lacks = fma(arith::NegFOp::create(b, rest), y, lacks);
  return fma(lacks, r, y);
}

Value VectorMath::softplus(Value x) {
  // max(x, 0) + log1p(exp(-|x|)). NaN passes through exp on a GPU, through max on a
  // CPU.
  bool isGpu = target.isGpu();
  Value u = isGpu ? exp(arith::NegFOp::create(b, intrinsic("llvm.fabs", x))) : expOf(minusSize(x));
  Value zero = constant(x.getType(), 0);
  Value linear = isGpu ? choose(arith::CmpFPredicate::OGT, x, zero, x, zero)
                       : choose(arith::CmpFPredicate::OLT, x, zero, zero, x);
  return fma(u, polynomial(u, isGpu ? log1pOverU : log1pRounded), linear);
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
