#include "passes/cpu/Int8Rows.h"
#include "passes/cpu/PanelProduct.h"

#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/MemRef/IR/MemRef.h"
#include "mlir/Dialect/Vector/IR/VectorOps.h"

using namespace mlir;

namespace mamba {

/// Added to a small number it leaves the number rounded in the low byte.
static constexpr float kRound = 12582912.0f;

Int8Rows::Int8Rows(CpuEmitter &e, const View &x, int64_t rows, int64_t columns, Form form,
                   bool hasNorm)
    : e(e), x(x), form(form) {
  int64_t held = llvm::alignTo(columns, kGroup);
  numbers = e.scratch(rows, isBytes() ? held / 4 : held);
  scales = e.scratch(rows, held / kGroup);
  if (hasNorm)
    squares = e.scratch(rows, e.lanes);
}

/// The scale of a group and its inverse; 0 for a group of nothing.
std::pair<Value, Value> Int8Rows::scaleOf(ArrayRef<Value> x) {
  Type word = e.b.getI32Type(), f32 = e.b.getF32Type();
  auto words = VectorType::get({e.lanes}, word);
  Value sign = arith::ConstantOp::create(
      e.b, DenseElementsAttr::get(words, e.b.getI32IntegerAttr(0x7fffffff)));
  // As integers, magnitudes have the same order, and a NaN is the largest.
  Value most;
  for (Value v : x) {
    Value size = arith::AndIOp::create(e.b, arith::BitcastOp::create(e.b, words, v), sign);
    most = most ? Value(arith::MaxUIOp::create(e.b, most, size)) : size;
  }
  Value bits = vector::ReductionOp::create(e.b, vector::CombiningKind::MAXUI, most);
  Value least = arith::ConstantOp::create(e.b, e.b.getI32IntegerAttr(0x0d800000)); // 2^-100
  Value none = arith::CmpIOp::create(e.b, arith::CmpIPredicate::ult, bits, least);
  Value m = arith::BitcastOp::create(e.b, f32, bits), zero = e.math.constant(f32, 0);
  // m - m is NaN where m is infinite.
  Value scale = e.math.add(e.math.mul(m, e.math.constant(f32, 1.0f / 127)), e.math.sub(m, m));
  Value inverse = e.math.div(e.math.constant(f32, 127), m);
  return {arith::SelectOp::create(e.b, none, zero, scale),
          arith::SelectOp::create(e.b, none, zero, inverse)};
}

/// 32 bytes in the form's order, as words.
Value Int8Rows::packed(ArrayRef<Value> rounded) const {
  auto word = VectorType::get({e.lanes}, e.b.getI32Type());
  auto byte = VectorType::get({e.lanes}, e.b.getI8Type());
  SmallVector<Value> parts;
  for (Value v : rounded)
    parts.push_back(
        arith::TruncIOp::create(e.b, byte, arith::BitcastOp::create(e.b, word, v)));
  auto join = [&](size_t i, ArrayRef<int64_t> order) -> Value {
    return vector::ShuffleOp::create(e.b, parts[2 * i], parts[2 * i + 1], order);
  };
  for (; parts.size() > 2; parts.truncate(parts.size() / 2))
    for (size_t i = 0; i < parts.size() / 2; ++i)
      parts[i] = join(i, llvm::to_vector(llvm::seq<int64_t>(2 * kGroup / parts.size())));
  SmallVector<int64_t> order;
  for (int64_t i = 0; i < kGroup; ++i)
    order.push_back(form == Form::Bytes ? i : i / 8 * 8 + i % 4 * 2 + i % 8 / 4);
  return vector::BitCastOp::create(e.b, VectorType::get({kGroup / 4}, e.b.getF32Type()),
                                   join(0, order));
}

void Int8Rows::makeGroup(Value row, Value local, Value k, Value first, Value *sum) {
  SmallVector<Value> values, rounded;
  for (int64_t j = 0; j < kGroup; j += e.lanes)
    values.push_back(e.load(x, row, e.add(k, j)));
  auto [scale, inverse] = scaleOf(values);
  Value wideScale = e.broadcast(scale), wideInverse = e.broadcast(inverse);
  Value round = e.math.constant(e.vectorType, isSigned() ? kRound : kRound + 128);
  Value at = e.sub(k, first);
  for (auto [j, v] : llvm::enumerate(values)) {
    rounded.push_back(e.math.fma(v, wideInverse, round));
    Value q = e.math.sub(rounded.back(), round);
    if (sum) {
      Value y = e.math.mul(q, wideScale);
      *sum = e.math.fma(y, y, *sum);
    }
    if (!isBytes())
      vector::StoreOp::create(e.b, q, numbers, ValueRange{local, e.add(at, j * e.lanes)});
  }
  if (isBytes())
    vector::StoreOp::create(e.b, packed(rounded), numbers,
                            ValueRange{local, e.div(at, e.index(4))});
  if (form == Form::BytesOfPairs)
    scale = e.math.mul(scale, e.math.constant(scale.getType(), 0.0625));
  memref::StoreOp::create(e.b, scale, scales, ValueRange{local, e.div(at, e.index(kGroup))});
}

void Int8Rows::make(Value row, Value local, Value first, Value end) {
  SmallVector<Value> at = {local, e.index(0)}, sums;
  if (squares) {
    Value isFirst = arith::CmpIOp::create(e.b, arith::CmpIPredicate::eq, first, e.index(0));
    Value before = vector::LoadOp::create(e.b, e.vectorType, squares, at);
    sums.push_back(arith::SelectOp::create(e.b, isFirst, e.zero(), before));
  }
  int64_t reach = std::exchange(e.reach, std::max(kGroup, e.lanes));
  sums = e.loop(first, end, kGroup, sums, [&](Value k, ValueRange carried) {
    SmallVector<Value> next(carried);
    makeGroup(row, local, k, first, squares ? next.data() : nullptr);
    return next;
  });
  e.reach = reach;
  if (squares)
    vector::StoreOp::create(e.b, sums[0], squares, at);
}

Value Int8Rows::bytes(Value local, Value word) const {
  Value four = memref::LoadOp::create(e.b, numbers, ValueRange{local, word});
  return vector::BitCastOp::create(e.b, VectorType::get({4 * e.lanes}, e.b.getI8Type()),
                                   e.broadcast(four));
}

Value Int8Rows::words(Value local, Value word) const {
  return arith::BitcastOp::create(
      e.b, VectorType::get({e.lanes}, e.b.getI32Type()),
      vector::LoadOp::create(e.b, e.vectorType, numbers, ValueRange{local, word}));
}

Value Int8Rows::bytesOf(Value words, int64_t i) const {
  Value repeated =
      vector::ShuffleOp::create(e.b, words, words, SmallVector<int64_t>(e.lanes, i));
  return vector::BitCastOp::create(e.b, VectorType::get({4 * e.lanes}, e.b.getI8Type()), repeated);
}

Value Int8Rows::scale(Value local, Value group) const {
  return e.broadcast(memref::LoadOp::create(e.b, scales, ValueRange{local, group}));
}

Value Int8Rows::inverseRms(Value local, double eps) const {
  Value sum = vector::LoadOp::create(e.b, e.vectorType, squares, ValueRange{local, e.index(0)});
  return inverseRoot(e, e.math.sum(sum), x.columns, eps);
}

} // namespace mamba
