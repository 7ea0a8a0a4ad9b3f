#include "passes/target/WeightElement.h"

#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/MemRef/IR/MemRef.h"

using namespace mlir;

namespace mamba {

Value WeightElement::at(Value value, ArrayRef<Value> index) {
  if (isa<BlockArgument>(value))
    return memref::LoadOp::create(e.b, e.buffer(value), index);
  Operation *op = value.getDefiningOp();
  if (auto cast = dyn_cast<ssm::CastOp>(op))
    return convert(at(cast.getX(), index), elementType(cast.getX()), elementType(value));
  if (auto reshape = dyn_cast<ssm::ReshapeOp>(op))
    return at(reshape.getX(), delinearize(linearize(index, shape(value)), shape(reshape.getX())));
  if (auto decay = dyn_cast<ssm::DecayOp>(op))
    return arith::NegFOp::create(e.b, e.math.exp(at(decay.getALog(), index)));
  if (auto scale = dyn_cast<ssm::ScaleOp>(op)) {
    Value x = at(scale.getX(), index);
    return e.math.mul(x, e.math.constant(x.getType(), scale.getFactor().convertToDouble()));
  }
  if (auto columns = dyn_cast<ssm::ScaleColumnsOp>(op))
    return e.math.mul(at(columns.getX(), index), at(columns.getS(), index.back()));
  if (auto scales = dyn_cast<ssm::QuantScalesOp>(op))
    return convert(groupScale(scales, index), e.b.getF32Type(), elementType(value));
  if (auto quantize = dyn_cast<ssm::QuantizeOp>(op))
    return quantized(quantize, index);
  if (auto dequantize = dyn_cast<ssm::DequantizeOp>(op))
    return convert(dequantized(dequantize, index), e.b.getF32Type(), elementType(value));
  auto unpack = ::cast<ssm::UnpackOp>(op);
  Value block = e.index(unpack.getBlock()), side = e.index(unpack.getInterleave());
  Value place = e.add(e.mul(e.rem(index[0], block), side), e.rem(index[1], side));
  return at(unpack.getX(), {e.div(index[0], block), e.div(index[1], side), place});
}

/// Weights of a group share a scale.
static constexpr int64_t group = 32;

Value WeightElement::groupScale(ssm::QuantScalesOp op, ArrayRef<Value> index) {
  int64_t K = shape(op.getX())[1];
  Value first = e.mul(index[1], group);
  Value end = e.min(e.add(first, group), e.index(K));
  Value zero = e.math.constant(e.b.getF32Type(), 0);
  auto magnitude = [&](Value x) { return e.math.max(x, arith::NegFOp::create(e.b, x)); };
  Value largest = e.loop(first, end, 1, zero, [&](Value k, ValueRange known) -> SmallVector<Value> {
    Value w = at(op.getX(), {index[0], k});
    Value larger = arith::CmpFOp::create(e.b, arith::CmpFPredicate::OGT,
                                         magnitude(w), magnitude(known[0]));
    return {arith::SelectOp::create(e.b, larger, w, known[0])};
  })[0];
  bool isByte = op.getBits() == 8;
  Value m = isByte ? magnitude(largest) : largest;
  return e.math.mul(m, e.math.constant(m.getType(), isByte ? 1.0f / 127 : -0.125f));
}

Value quantizedWeight(KernelEmitter &e, Value w, Value scale, int64_t bits) {
  Value zero = e.math.constant(w.getType(), 0);
  Value none = arith::CmpFOp::create(e.b, arith::CmpFPredicate::OEQ, scale, zero);
  Value q = arith::SelectOp::create(e.b, none, zero, e.math.div(w, scale));
  Value low = e.math.constant(w.getType(), bits == 8 ? -127 : -8);
  Value high = e.math.constant(w.getType(), bits == 8 ? 127 : 7);
  q = e.math.max(q, low);
  q = arith::SelectOp::create(
      e.b, arith::CmpFOp::create(e.b, arith::CmpFPredicate::OLT, q, high), q, high);
  // Rounds to nearest, ties to even.
  Value large = e.math.constant(w.getType(), 12582912.0);
  q = e.math.sub(e.math.add(q, large), large);
  Type i32 = e.b.getI32Type();
  if (auto vector = dyn_cast<VectorType>(w.getType()))
    i32 = vector.clone(i32);
  return arith::FPToSIOp::create(e.b, i32, q);
}

Value WeightElement::quantized(ssm::QuantizeOp op, ArrayRef<Value> index) {
  auto one = [&](Value k) -> Value { // as i32
    Value w = at(op.getX(), {index[0], k});
    Value scale = convert(at(op.getS(), {index[0], e.div(k, e.index(group))}),
                          elementType(op.getS()), e.b.getF32Type());
    return quantizedWeight(e, w, scale, op.getBits());
  };
  Value bits;
  if (op.getBits() == 8) {
    bits = one(index[1]);
  } else {
    Value even = e.mul(index[1], 2), odd = e.add(even, 1);
    int64_t K = shape(op.getX())[1];
    Value high = K % 2 == 0 ? one(odd)
                            : e.when(e.less(odd, e.index(K)), [&] { return one(odd); }, i32(0));
    bits = arith::OrIOp::create(e.b, arith::AndIOp::create(e.b, one(even), i32(15)),
                                arith::ShLIOp::create(e.b, high, i32(4)));
  }
  return arith::TruncIOp::create(e.b, e.b.getIntegerType(8), bits);
}

Value WeightElement::dequantized(ssm::DequantizeOp op, ArrayRef<Value> index) {
  Value scale = convert(at(op.getS(), {index[0], e.div(index[1], e.index(group))}),
                        elementType(op.getS()), e.b.getF32Type());
  Value column = op.getBits() == 8 ? index[1] : e.div(index[1], e.index(2));
  Value byte = at(op.getX(), {index[0], column});
  Value q = arith::ExtSIOp::create(e.b, e.b.getI32Type(), byte);
  if (op.getBits() == 4) {
    // The half's sign goes to the top and comes down again.
    Value odd = arith::IndexCastOp::create(e.b, e.b.getI32Type(), e.rem(index[1], e.index(2)));
    Value up = arith::SubIOp::create(e.b, i32(28), arith::ShLIOp::create(e.b, odd, i32(2)));
    q = arith::ShRSIOp::create(e.b, arith::ShLIOp::create(e.b, q, up), i32(28));
  }
  return e.math.mul(arith::SIToFPOp::create(e.b, e.b.getF32Type(), q), scale);
}

SmallVector<Value> WeightElement::delinearize(Value linear, ArrayRef<int64_t> shape) {
  SmallVector<Value> index(shape.size());
  for (int64_t i = shape.size() - 1; i > 0; --i) {
    index[i] = e.rem(linear, e.index(shape[i]));
    linear = e.div(linear, e.index(shape[i]));
  }
  if (!shape.empty())
    index[0] = linear;
  return index;
}


Value WeightElement::linearize(ArrayRef<Value> index, ArrayRef<int64_t> shape) {
  Value linear = e.index(0);
  for (auto [i, size] : llvm::zip_equal(index, shape))
    linear = e.add(e.mul(linear, size), i);
  return linear;
}

Value convertWeight(KernelEmitter &e, Value x, Type from, Type to) {
  if (from == to)
    return x;
  x = e.widen(x);
  return to.isF32() ? x : e.narrow(x, to.isBF16() ? Type(e.b.getIntegerType(16)) : to);
}

Value WeightElement::convert(Value x, Type from, Type to) { return convertWeight(e, x, from, to); }

Value WeightElement::i32(int64_t value) {
  return arith::ConstantOp::create(e.b, e.b.getI32IntegerAttr(value));
}

Value weightAt(KernelEmitter &e, Value matrix, ArrayRef<Value> index) {
  return e.widen(WeightElement(e).at(matrix, index));
}

} // namespace mamba
