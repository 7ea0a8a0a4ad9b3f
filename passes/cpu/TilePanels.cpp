#include "passes/cpu/TilePanels.h"

#include "passes/target/Match.h"

#include "mlir/Dialect/AMX/AMXDialect.h"
#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/Vector/IR/VectorOps.h"
#include "llvm/Support/MathExtras.h"

using namespace mlir;

namespace mamba {

bool TilePanels::takes(Value matrix) {
  return getElementTypeOrSelf(matrix.getType()).isBF16() || matrix.getDefiningOp<ssm::DequantizeOp>();
}

TilePanels::TilePanels(CpuEmitter &e, Value matrix, int64_t K, int64_t columns)
    : e(e), matrix(matrix), weights(e, matrix), K(K), columns(columns),
      block(e.schedule.getColTile()) {
  if (K % kTileStep || !getElementTypeOrSelf(matrix.getType()).isBF16())
    made = e.scratch(columns / kTilePanel * llvm::alignTo(K, kTileStep) / 2, kTilePanel);
}

void TilePanels::prepare(Value firstColumn) {
  firstPanel = e.div(firstColumn, e.index(kTilePanel));
  if (inPlace())
    return;
  int64_t O = ::cast<RankedTensorType>(matrix.getType()).getDimSize(0);
  Value first = e.div(firstColumn, e.index(block));
  Value last = e.min(e.index(llvm::divideCeil(O, block)), e.add(first, columns / block));
  e.loop(first, last, 1, [&](Value panel) { makePanel(panel, e.sub(panel, first)); });
}

/// Two vectors rounded to bf16, each lane beside its neighbour's.
Value TilePanels::pairs(Value low, Value high) const {
  auto words = VectorType::get({e.lanes}, e.b.getI32Type());
  auto bits = [&](Value x) -> Value {
    return arith::ExtUIOp::create(e.b, words, e.narrow(x, e.b.getI16Type()));
  };
  Value sixteen = arith::ConstantOp::create(
      e.b, DenseElementsAttr::get(words, e.b.getI32IntegerAttr(16)));
  Value both = arith::OrIOp::create(
      e.b, bits(low), arith::ShLIOp::create(e.b, bits(high), sixteen));
  return arith::BitcastOp::create(e.b, e.vectorType, both);
}

void TilePanels::makePanel(Value panel, Value local) {
  int64_t steps = llvm::alignTo(K, kTileStep), whole = K / kTileStep * kTileStep;
  for (int64_t column = 0; column < block; column += e.lanes) {
    Value at = e.add(e.mul(local, block), column);
    Value row0 = e.mul(e.div(at, e.index(kTilePanel)), steps / 2);
    Value place = e.rem(at, e.index(kTilePanel));
    auto group = [&](Value k0, int64_t there) {
      Value scale = weights.group() ? weights.scale(panel, k0, column) : Value();
      SmallVector<Value> values;
      for (int64_t k = 0; k < there; k += weights.unit())
        for (Value w : weights.weights(panel, e.add(k0, k), std::min(weights.unit(), there - k),
                                       column))
          values.push_back(scale ? e.math.mul(w, scale) : w);
      values.resize(kTileStep, e.zero());
      for (int64_t k = 0; k < kTileStep; k += 2) {
        Value row = e.add(row0, e.div(e.add(k0, k), e.index(2)));
        vector::StoreOp::create(e.b, pairs(values[k], values[k + 1]), made,
                                ValueRange{row, place});
      }
    };
    e.loop(e.index(0), e.index(whole), kTileStep, [&](Value k0) { group(k0, kTileStep); });
    if (whole < K)
      group(e.index(whole), K - whole);
  }
}

Value TilePanels::tile(Value panel, Value k, int64_t half) const {
  auto type = amx::TileType::get({kTileStep / 2, kTileStep}, e.b.getBF16Type());
  Value pair = e.div(k, e.index(2));
  if (inPlace())
    return amx::TileLoadOp::create(e.b, type, e.buffer(packedArgument(matrix)),
                                   ValueRange{panel, pair, e.index(half * kTileStep)});
  Value row = e.add(e.mul(e.sub(panel, firstPanel), llvm::alignTo(K, kTileStep) / 2), pair);
  return amx::TileLoadOp::create(e.b, type, made, ValueRange{row, e.index(half * kTilePanel / 2)});
}

} // namespace mamba
