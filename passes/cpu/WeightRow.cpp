#include "passes/cpu/WeightRow.h"

#include "passes/target/WeightElement.h"

#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/MemRef/IR/MemRef.h"
#include "mlir/Dialect/Vector/IR/VectorOps.h"

using namespace mlir;

namespace mamba {

/// Weights that share a scale.
static constexpr int64_t kGroup = 32;

bool WeightRow::makes(Value matrix) {
  auto type = ::cast<RankedTensorType>(matrix.getType());
  if (type.getRank() != 2)
    return false;
  if (isa<BlockArgument>(matrix))
    return true;
  Operation *op = matrix.getDefiningOp();
  if (isa<ssm::DequantizeOp>(op))
    return llvm::all_of(op->getOperands(), llvm::IsaPred<BlockArgument>);
  return isa<ssm::CastOp, ssm::ScaleColumnsOp, ssm::QuantScalesOp, ssm::QuantizeOp>(op) &&
         llvm::all_of(op->getOperands(), [](Value operand) {
           bool isRow = ::cast<RankedTensorType>(operand.getType()).getRank() == 1;
           return isRow ? isa<BlockArgument>(operand) : makes(operand);
         });
}

int64_t WeightRow::pieceOf(Value matrix) {
  if (matrix.getDefiningOp<ssm::QuantScalesOp>())
    return 1;
  auto quantize = matrix.getDefiningOp<ssm::QuantizeOp>();
  return quantize && quantize.getBits() == 4 ? kGroup / 2 : kGroup;
}

Value WeightRow::i32(Type like, int64_t value) {
  auto attr = e.b.getI32IntegerAttr(value);
  if (auto vector = dyn_cast<VectorType>(like))
    return arith::ConstantOp::create(e.b, DenseElementsAttr::get(vector, attr));
  return arith::ConstantOp::create(e.b, attr);
}

Value WeightRow::load(Value buffer, ArrayRef<Value> index, int64_t count) {
  auto memref = ::cast<MemRefType>(buffer.getType());
  int64_t columns = memref.getShape().back();
  auto type = VectorType::get({count}, memref.getElementType());
  if (columns % count == 0)
    return vector::LoadOp::create(e.b, type, buffer, index);
  Value mask = vector::CreateMaskOp::create(e.b, type.clone(e.b.getI1Type()),
                                            e.sub(e.index(columns), index.back()));
  Value none = arith::ConstantOp::create(e.b, type, e.b.getZeroAttr(type));
  return vector::MaskedLoadOp::create(e.b, type, buffer, index, mask, none);
}

Value WeightRow::at(Value matrix, Value row, Value column, int64_t count) {
  if (isa<BlockArgument>(matrix))
    return load(e.buffer(matrix), {row, column}, count);
  Operation *op = matrix.getDefiningOp();
  if (auto cast = dyn_cast<ssm::CastOp>(op))
    return convertWeight(e, at(cast.getX(), row, column, count),
                         WeightElement::elementType(cast.getX()),
                         WeightElement::elementType(matrix));
  if (auto columns = dyn_cast<ssm::ScaleColumnsOp>(op))
    return e.math.mul(at(columns.getX(), row, column, count),
                      load(e.buffer(columns.getS()), {column}, count));
  if (auto quantize = dyn_cast<ssm::QuantizeOp>(op))
    return quantized(quantize, row, column, count);
  if (auto dequantize = dyn_cast<ssm::DequantizeOp>(op))
    return dequantized(dequantize, row, column, count);
  auto scales = ::cast<ssm::QuantScalesOp>(op);
  Value scale = groupScale(at(scales.getX(), row, e.mul(column, kGroup), kGroup), scales.getBits());
  Value stored = convertWeight(e, scale, e.b.getF32Type(), WeightElement::elementType(matrix));
  return vector::BroadcastOp::create(e.b, VectorType::get({1}, stored.getType()), stored);
}

Value WeightRow::groupScale(Value weights, int64_t bits) {
  // A NaN is not the largest: a magnitude beyond infinity.
  auto type = ::cast<VectorType>(weights.getType()).clone(e.b.getI32Type());
  Value pattern = arith::BitcastOp::create(e.b, type, weights);
  Value magnitudes = arith::AndIOp::create(e.b, pattern, i32(type, 0x7fffffff));
  Value isNumber = arith::CmpIOp::create(e.b, arith::CmpIPredicate::sle, magnitudes,
                                         i32(type, 0x7f800000));
  magnitudes = arith::SelectOp::create(e.b, isNumber, magnitudes, i32(type, 0));
  Value largest = vector::ReductionOp::create(e.b, vector::CombiningKind::MAXSI, magnitudes);
  Value m = arith::BitcastOp::create(e.b, e.b.getF32Type(), largest);
  if (bits == 8)
    return e.math.mul(m, e.math.constant(m.getType(), 1.0f / 127));
  // The sign of the first of those that are largest.
  auto bitsOf = [&](Value mask) -> Value {
    Value word = vector::BitCastOp::create(e.b, VectorType::get({1}, e.b.getI32Type()), mask);
    return vector::ExtractOp::create(e.b, word, 0);
  };
  Value all = vector::BroadcastOp::create(e.b, type, largest);
  Value ties = bitsOf(arith::CmpIOp::create(e.b, arith::CmpIPredicate::eq, magnitudes, all));
  Value negative = bitsOf(arith::CmpIOp::create(e.b, arith::CmpIPredicate::slt, pattern, i32(type, 0)));
  Type word = e.b.getI32Type();
  Value first = arith::AndIOp::create(e.b, ties, arith::SubIOp::create(e.b, i32(word, 0), ties));
  Value isNegative = arith::CmpIOp::create(e.b, arith::CmpIPredicate::ne,
                                           arith::AndIOp::create(e.b, first, negative), i32(word, 0));
  Value eighth = e.math.mul(m, e.math.constant(m.getType(), 0.125));
  return arith::SelectOp::create(e.b, isNegative, eighth, arith::NegFOp::create(e.b, eighth));
}

Value WeightRow::quantized(ssm::QuantizeOp op, Value row, Value column, int64_t count) {
  int64_t perByte = 8 / op.getBits(), weights = count * perByte;
  Value k = e.mul(column, perByte), w = at(op.getX(), row, k, weights), scale;
  auto made = op.getS().getDefiningOp<ssm::QuantScalesOp>();
  if (made && made.getX() == op.getX() && weights == kGroup)
    scale = convertWeight(e, groupScale(w, made.getBits()), e.b.getF32Type(), e.b.getBF16Type());
  else
    scale = WeightElement(e).at(op.getS(), {row, e.div(k, e.index(kGroup))});
  Value scales = vector::BroadcastOp::create(e.b, w.getType(), e.widen(scale));
  Value q = quantizedWeight(e, w, scales, op.getBits());
  if (op.getBits() == 4) {
    auto halves = vector::DeinterleaveOp::create(e.b, q);
    Type half = halves.getRes1().getType();
    Value low = arith::AndIOp::create(e.b, halves.getRes1(), i32(half, 15));
    q = arith::OrIOp::create(e.b, low, arith::ShLIOp::create(e.b, halves.getRes2(), i32(half, 4)));
  }
  return arith::TruncIOp::create(e.b, VectorType::get({count}, e.b.getI8Type()), q);
}

Value WeightRow::dequantized(ssm::DequantizeOp op, Value row, Value column, int64_t count) {
  int64_t perByte = 8 / op.getBits();
  Value bytes = load(e.buffer(op.getX()), {row, e.div(column, e.index(perByte))}, count / perByte);
  auto type = VectorType::get({count / perByte}, e.b.getI32Type());
  Value q = arith::ExtSIOp::create(e.b, type, bytes);
  if (op.getBits() == 4) {
    // The sign of the low half goes to the top and comes down again.
    Value low = arith::ShRSIOp::create(e.b, arith::ShLIOp::create(e.b, q, i32(type, 28)), i32(type, 28));
    q = vector::InterleaveOp::create(e.b, low, arith::ShRSIOp::create(e.b, q, i32(type, 4)));
  }
  Value scale = memref::LoadOp::create(e.b, e.buffer(op.getS()),
                                       ValueRange{row, e.div(column, e.index(kGroup))});
  auto f32 = VectorType::get({count}, e.b.getF32Type());
  Value numbers = arith::SIToFPOp::create(e.b, f32, q);
  Value y = e.math.mul(numbers, vector::BroadcastOp::create(e.b, f32, e.widen(scale)));
  return convertWeight(e, y, e.b.getF32Type(), WeightElement::elementType(op.getY()));
}

Value WeightRow::wide(Value matrix, Value row, Value column, int64_t count) {
  auto dequantize = matrix.getDefiningOp<ssm::DequantizeOp>();
  if (!dequantize)
    return e.widen(load(e.buffer(matrix), {row, column}, count));
  if (count <= kGroup)
    return e.widen(dequantized(dequantize, row, column, count));
  // The upper half may lie beyond the row, and its scale too.
  int64_t columns = ::cast<RankedTensorType>(matrix.getType()).getDimSize(1);
  Value low = wide(matrix, row, column, count / 2), middle = e.add(column, count / 2);
  Value high = e.when(e.less(middle, e.index(columns)),
                      [&] { return wide(matrix, row, middle, count / 2); },
                      e.math.constant(low.getType(), 0));
  return vector::ShuffleOp::create(e.b, low, high, llvm::to_vector(llvm::seq<int64_t>(0, count)));
}

} // namespace mamba
