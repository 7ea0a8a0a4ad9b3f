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
  auto unpack = ::cast<ssm::UnpackOp>(op);
  int64_t block = shape(unpack.getX()).back();
  return at(unpack.getX(), {e.div(index[0], e.index(block)), index[1], e.rem(index[0], e.index(block))});
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

Value WeightElement::convert(Value x, Type from, Type to) {
  if (from == to)
    return x;
  if (from.isBF16())
    x = fromBf16(x);
  else if (from.isF16())
    x = arith::ExtFOp::create(e.b, e.b.getF32Type(), x);
  if (to.isBF16())
    return toBf16(x);
  return to.isF16() ? arith::TruncFOp::create(e.b, to, x) : x;
}

Value WeightElement::i32(int64_t value) {
  return arith::ConstantOp::create(e.b, e.b.getI32IntegerAttr(value));
}

Value WeightElement::fromBf16(Value bits) {
  Value wide = arith::ExtUIOp::create(e.b, e.b.getI32Type(), bits);
  wide = arith::ShLIOp::create(e.b, wide, i32(16));
  return arith::BitcastOp::create(e.b, e.b.getF32Type(), wide);
}

Value WeightElement::toBf16(Value x) {
  Value bits = arith::BitcastOp::create(e.b, e.b.getI32Type(), x);
  Value high = arith::ShRUIOp::create(e.b, bits, i32(16));
  Value odd = arith::AndIOp::create(e.b, high, i32(1));
  Value rounded = arith::AddIOp::create(e.b, bits, arith::AddIOp::create(e.b, odd, i32(0x7fff)));
  rounded = arith::ShRUIOp::create(e.b, rounded, i32(16));
  Value quiet = arith::OrIOp::create(e.b, high, i32(0x40));
  Value isNan = arith::CmpFOp::create(e.b, arith::CmpFPredicate::UNO, x, x);
  Value result = arith::SelectOp::create(e.b, isNan, quiet, rounded);
  return arith::TruncIOp::create(e.b, e.b.getIntegerType(16), result);
}

} // namespace mamba
