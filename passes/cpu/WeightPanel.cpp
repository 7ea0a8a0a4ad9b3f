#include "passes/cpu/WeightPanel.h"

#include "passes/cpu/Bf16Pairs.h"
#include "passes/target/Match.h"

#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/LLVMIR/LLVMDialect.h"
#include "mlir/Dialect/MemRef/IR/MemRef.h"
#include "mlir/Dialect/Vector/IR/VectorOps.h"

using namespace mlir;

namespace mamba {

int64_t packedInterleave(Type stored, int64_t bits, bool dots, bool quads) {
  if (stored.isInteger(8))
    return bits == 4 || dots ? 4 : 1;
  if (!stored.isBF16())
    return 1;
  return quads ? kQuad : 2;
}

int64_t panelBlock(Value matrix, const Target &target) {
  int64_t O = ::cast<RankedTensorType>(matrix.getType()).getDimSize(0), lanes = target.lanes;
  // Two tiles of 16 columns.
  if (target.has("amx-bf16") && getElementTypeOrSelf(matrix.getType()).isBF16())
    return 32;
  // As wide as the registers allow, unless a narrower panel pads much less.
  auto padded = [&](int64_t vectors) { return int64_t(llvm::alignTo(O, vectors * lanes)); };
  int64_t widest = target.registers >= 32 ? 4 : 2, least = padded(1);
  for (int64_t vectors = widest; vectors > 1; --vectors)
    if (padded(vectors) * 5 <= least * 6)
      return vectors * lanes;
  return lanes;
}

WeightPanel::WeightPanel(CpuEmitter &e, Value matrix) : e(e) {
  if (auto dequantize = matrix.getDefiningOp<ssm::DequantizeOp>()) {
    stored = e.buffer(packedArgument(dequantize.getX()));
    scales = e.buffer(packedArgument(dequantize.getS()));
    auto unpack = dequantize.getX().getDefiningOp<ssm::UnpackOp>();
    unitSteps = dequantize.getBits() == 4 ? 8 : int64_t(unpack.getInterleave());
    return;
  }
  stored = e.buffer(packedArgument(matrix));
  Type element = getElementTypeOrSelf(matrix.getType());
  isPlain = element.isF32();
  unitSteps = matrix.getDefiningOp<ssm::UnpackOp>().getInterleave();
}

WeightPanel WeightPanel::widenedIn(Value matrix, Value k0) const {
  WeightPanel panel = *this;
  panel.wide = matrix;
  panel.wideFrom = k0;
  panel.unitSteps = 1;
  return panel;
}

Value WeightPanel::load(Type lane, int64_t perOutput, Value panel, Value unitIndex,
                        int64_t column) const {
  Type element = ::cast<MemRefType>(stored.getType()).getElementType();
  Value loaded = vector::LoadOp::create(
      e.b, VectorType::get({e.lanes * perOutput}, element), stored,
      ValueRange{panel, unitIndex, e.index(column * perOutput)});
  if (perOutput == 1)
    return loaded;
  return vector::BitCastOp::create(e.b, VectorType::get({e.lanes}, lane), loaded);
}

static Value constantOf(CpuEmitter &e, VectorType type, int64_t value) {
  return arith::ConstantOp::create(
      e.b, DenseElementsAttr::get(type, e.b.getIntegerAttr(type.getElementType(), value)));
}

Value WeightPanel::shift(Value words, int64_t left) const {
  if (left == 0)
    return words;
  Value by = constantOf(e, ::cast<VectorType>(words.getType()), std::abs(left));
  if (left > 0)
    return arith::ShLIOp::create(e.b, words, by);
  return arith::ShRUIOp::create(e.b, words, by);
}

Value WeightPanel::nibble(Value words, int64_t i) const {
  if (e.lanes == 16 && e.target.has("avx512f")) {
    // A table look-up reads the low four bits of each lane.
    float values[16];
    for (int64_t v = 0; v < 16; ++v)
      values[v] = v < 8 ? v : v - 16;
    Value table = arith::ConstantOp::create(
        e.b, DenseElementsAttr::get(e.vectorType, ArrayRef<float>(values)));
    return LLVM::CallIntrinsicOp::create(e.b, e.vectorType,
                                         e.b.getStringAttr("llvm.x86.avx512.permvar.sf.512"),
                                         ValueRange{table, shift(words, -4 * i)})
        .getResult(0);
  }
  // The sign goes to the top and comes down again.
  Value top = shift(words, 28 - 4 * i);
  Value value = arith::ShRSIOp::create(
      e.b, top, constantOf(e, ::cast<VectorType>(words.getType()), 28));
  return arith::SIToFPOp::create(e.b, e.vectorType, value);
}

Value WeightPanel::byte(Value words, int64_t i) const {
  // The sign goes to the top and comes down again.
  Value value = arith::ShRSIOp::create(
      e.b, shift(words, 24 - 8 * i), constantOf(e, ::cast<VectorType>(words.getType()), 24));
  return arith::SIToFPOp::create(e.b, e.vectorType, value);
}

SmallVector<Value> WeightPanel::bytes(Value panel, Value k, int64_t column) const {
  Type i32 = e.b.getI32Type();
  Value loaded = load(i32, 4, panel, e.div(k, e.index(unitSteps)), column);
  auto type = VectorType::get({4 * e.lanes}, e.b.getI8Type());
  if (unitSteps == 4)
    return {vector::BitCastOp::create(e.b, type, loaded)};
  SmallVector<Value> parts;
  Value high = constantOf(e, VectorType::get({e.lanes}, i32), int32_t(0xf0f0f0f0));
  for (int64_t left : {4, 0})
    parts.push_back(vector::BitCastOp::create(
        e.b, type, arith::AndIOp::create(e.b, shift(loaded, left), high)));
  return parts;
}

Value WeightPanel::quads(Value panel, Value k, int64_t column) const {
  auto type = VectorType::get({2 * kQuad}, e.b.getBF16Type());
  SmallVector<Value> at = {panel, e.div(k, e.index(kQuad)), e.index(column * kQuad)};
  if (!wide)
    return arith::BitcastOp::create(
        e.b, type, vector::LoadOp::create(e.b, type.clone(e.b.getI16Type()), stored, at));
  at = {e.div(e.sub(k, wideFrom), e.index(kQuad)), e.index(column * kQuad / 2)};
  auto words = VectorType::get({kQuad}, e.b.getF32Type());
  return vector::BitCastOp::create(e.b, type, vector::LoadOp::create(e.b, words, wide, at));
}

SmallVector<Value> WeightPanel::weights(Value panel, Value k, int64_t count,
                                        int64_t column) const {
  if (wide)
    return {vector::LoadOp::create(e.b, e.vectorType, wide,
                                   ValueRange{e.sub(k, wideFrom), e.index(column)})};
  Type i32 = e.b.getI32Type();
  auto words = VectorType::get({e.lanes}, i32);
  SmallVector<Value> steps;
  if (unitSteps == 8) {
    Value loaded = load(i32, 4, panel, e.div(k, e.index(8)), column);
    for (int64_t i = 0; i < count; ++i)
      steps.push_back(nibble(loaded, i));
  } else if (unitSteps == 4) {
    Value loaded = load(i32, 4, panel, e.div(k, e.index(4)), column);
    for (int64_t i = 0; i < count; ++i)
      steps.push_back(byte(loaded, i));
  } else if (unitSteps == 2) {
    Value loaded = load(i32, 2, panel, e.div(k, e.index(2)), column);
    for (int64_t i = 0; i < count; ++i) {
      Value high = i == 0 ? shift(loaded, 16)
                          : arith::AndIOp::create(e.b, loaded, constantOf(e, words, -65536));
      steps.push_back(arith::BitcastOp::create(e.b, e.vectorType, high));
    }
  } else {
    Value loaded = load({}, 1, panel, k, column);
    steps.push_back(scales ? Value(arith::SIToFPOp::create(
                                 e.b, e.vectorType, arith::ExtSIOp::create(e.b, words, loaded)))
                           : e.widen(loaded));
  }
  return steps;
}

/// Bytes between what is read and what is asked for: a page, which the processor's own
/// prefetching does not leave.
static constexpr int64_t kAhead = 4096;

void WeightPanel::prefetch(Value panel, Value k, int64_t column, int64_t vectors) const {
  auto type = ::cast<MemRefType>(stored.getType());
  int64_t element = type.getElementTypeBitWidth() / 8, row = type.getShape().back();
  int64_t side = unitSteps == 8 ? 4 : unitSteps, line = 64 / element;
  for (int64_t at = column * side; at < (column + vectors * e.lanes) * side; at += line)
    memref::PrefetchOp::create(
        e.b, stored,
        ValueRange{panel, e.add(e.div(k, e.index(unitSteps)), llvm::divideCeil(kAhead, row * element)),
                   e.index(at)},
        /*isWrite=*/false, /*localityHint=*/3, /*isDataCache=*/true);
}

Value WeightPanel::scale(Value panel, Value k, int64_t column) const {
  Value loaded = vector::LoadOp::create(
      e.b, VectorType::get({e.lanes}, ::cast<MemRefType>(scales.getType()).getElementType()),
      scales, ValueRange{panel, e.div(k, e.index(group())), e.index(column)});
  return e.widen(loaded);
}

} // namespace mamba
