// bfmmla adds to each sum the products of two k, twice. A row's sums see neither the
// other row of their instruction nor how many there are, so one row and many give the
// same bits: that one row leaves half of each instruction idle costs nothing where the
// matrix comes from memory.
//
// Integers become bf16 in scratch memory, a part of a panel at a time for all rows of a
// tile; few rows are multiplied by LinearFma.
#include "passes/cpu/LinearMmla.h"
#include "passes/target/Int8Rows.h"
#include "passes/target/Schedule.h"

#include "mlir/Dialect/LLVMIR/LLVMDialect.h"
#include "mlir/Dialect/Vector/IR/VectorOps.h"
#include "llvm/Support/MathExtras.h"

#include <algorithm>

using namespace mlir;

namespace mamba {

/// Steps of k that integers become bf16 together: a unit of theirs at least.
static constexpr int64_t kMade = 8;

static bool isMany(TokenClass tokens) {
  return tokens == TokenClass::Prefill || tokens == TokenClass::Invariant;
}

static bool isQuantised(LinearParts parts) {
  return bool(parts.linear.getW().getDefiningOp<ssm::DequantizeOp>());
}

/// Whether the operands are such at all.
static bool takesOperands(LinearParts parts, const Target &target) {
  return target.isArm() && target.has("bf16") && storedElement(parts.x).isBF16() &&
         !int8RowsOf(parts) &&
         (isQuantised(parts) || getElementTypeOrSelf(parts.linear.getW().getType()).isBF16());
}

bool takesMmla(LinearParts parts, const Target &target, TokenClass tokens) {
  return takesOperands(parts, target) && (isMany(tokens) || !isQuantised(parts));
}

ssm::ScheduleAttr mmlaSchedule(LinearParts parts, const Target &target, TokenClass tokens,
                               MLIRContext *context) {
  int64_t panel = panelBlock(parts.linear.getW(), target);
  int64_t panels = llvm::divideCeil(parts.O, panel);
  // Eight rows take half a panel at a time: sums of more leave LLVM too few registers.
  Schedule schedule{.lanes = target.lanes, .rowTile = 8, .colTile = panel, .mma = kQuad};
  if (!isMany(tokens)) {
    // Panels enough that copying the rows costs little, and tiles enough for many
    // threads. A convolution interrupts the reading of the matrix once a tile.
    int64_t aTile = parts.after.conv ? std::clamp<int64_t>(panels / 16, 1, 4)
                                     : std::clamp<int64_t>(panels / 32, 1, 8);
    schedule.rowBlock = 16;
    schedule.colBlock = panel * aTile;
    return schedule.get(context);
  }
  // Of the first level cache two thirds for a part of a panel.
  int64_t steps = target.l1Bytes * 2 / 3 / (2 * panel) / 32 * 32;
  int64_t pieces = llvm::divideCeil(parts.K, steps);
  schedule.rowBlock = isQuantised(parts) ? 192 : 96;
  schedule.colBlock = panel * llvm::divideCeil(panels, llvm::divideCeil(panels, 8));
  schedule.kBlock = llvm::alignTo(llvm::divideCeil(parts.K, pieces), 32);
  return schedule.get(context);
}

bool checkMmlaSchedule(LinearParts parts, const Target &target, ssm::ScheduleAttr s,
                       std::string &reason) {
  if (!takesOperands(parts, target)) {
    reason = "mma = 4 needs rows of bf16, a matrix of bf16 or integers and a target with bf16";
    return false;
  }
  if (s.getLanes() != 4 || s.getMma() != kQuad || s.getRowTile() % 2 || s.getRowBlock() % 2 ||
      (isQuantised(parts) && s.getKBlock() == 0)) {
    reason = "a projection by pairs of rows needs lanes = 4, mma = 4, even row_block and "
             "row_tile, and of integers k_block";
    return false;
  }
  return true;
}

void makeQuads(CpuEmitter &e, const WeightPanel &weights, Value panel, int64_t K, Value k0,
               Value kEnd, int64_t vectors, Value made) {
  auto steps = [&](Value k, int64_t there) {
    for (int64_t j = 0; j < vectors; ++j) {
      int64_t column = j * e.lanes;
      Value scale = weights.scale(panel, k, column);
      SmallVector<Value> bits;
      for (int64_t step = 0; step < there; step += weights.unit())
        for (Value w : weights.weights(panel, e.add(k, step),
                                       std::min(weights.unit(), there - step), column))
          bits.push_back(e.narrow(e.math.mul(w, scale), e.b.getI16Type()));
      bits.resize(kMade, e.narrow(e.zero(), e.b.getI16Type()));
      auto twoSteps = [&](int64_t step) -> Value {
        Value both = vector::InterleaveOp::create(e.b, bits[step], bits[step + 1]);
        return vector::BitCastOp::create(e.b, e.vectorType, both);
      };
      for (int64_t quad = 0; quad < kMade / kQuad; ++quad) {
        Value outputs = vector::InterleaveOp::create(e.b, twoSteps(quad * kQuad),
                                                     twoSteps(quad * kQuad + 2));
        Value at = e.add(e.div(e.sub(k, k0), e.index(kQuad)), quad);
        vector::StoreOp::create(e.b, outputs, made, ValueRange{at, e.index(2 * column)});
      }
    }
  };
  int64_t whole = K / kMade * kMade, rest = K - whole;
  Value end = rest ? e.min(kEnd, e.index(whole)) : kEnd;
  e.loop(k0, end, kMade, [&](Value k) { steps(k, kMade); }, /*keepRolled=*/true);
  if (rest)
    e.when(e.less(e.index(whole), kEnd), [&] { steps(e.index(whole), rest); });
}

/// The sums of a vector of outputs of the rows `row` and, if it is there, the next.
static std::pair<Value, Value> sumsOfPair(CpuEmitter &e, const PanelTile &t, ValueRange sums,
                                          int64_t row, int64_t j) {
  bool isPair = row + 1 < int64_t(t.rows.size());
  return {sums[row * t.vectors + j], isPair ? sums[(row + 1) * t.vectors + j] : e.zero()};
}

SmallVector<Value> pairedSums(CpuEmitter &e, const PanelTile &t, ValueRange sums) {
  SmallVector<Value> paired;
  for (int64_t row = 0, rows = t.rows.size(); row < rows; row += 2)
    for (int64_t j = 0; j < t.vectors; ++j) {
      auto [one, other] = sumsOfPair(e, t, sums, row, j);
      for (int64_t first : {0, 2})
        paired.push_back(vector::ShuffleOp::create(
            e.b, one, other, ArrayRef<int64_t>{first, first + 1, first + 4, first + 5}));
    }
  return paired;
}

SmallVector<Value> unpairedSums(CpuEmitter &e, const PanelTile &t, ValueRange paired) {
  SmallVector<Value> sums(t.rows.size() * t.vectors);
  for (int64_t row = 0, rows = t.rows.size(); row < rows; ++row)
    for (int64_t j = 0; j < t.vectors; ++j) {
      int64_t at = 2 * (row / 2 * t.vectors + j), first = row % 2 * 2;
      sums[row * t.vectors + j] = vector::ShuffleOp::create(
          e.b, paired[at], paired[at + 1],
          ArrayRef<int64_t>{first, first + 1, first + 4, first + 5});
    }
  return sums;
}

SmallVector<Value> mmlaSteps(CpuEmitter &e, const PanelTile &t, const WeightPanel &weights,
                             Value k, int64_t count, ValueRange paired) {
  SmallVector<Value> sums(paired);
  int64_t perPair = 2 * t.vectors;
  for (int64_t step = 0; step < count; step += kQuad) {
    Value at = e.add(k, step);
    SmallVector<Value> x;
    for (size_t row = 0; row < t.rows.size(); row += 2)
      x.push_back(t.pairs->quads(t.rows[row], t.from ? e.sub(at, t.from) : at));
    if (t.prefetches)
      weights.prefetch(t.panel, at, t.column, t.vectors);
    for (int64_t i = 0; i < perPair; ++i) {
      Value outputs = weights.quads(t.panel, at, t.column + 2 * i);
      for (auto [pair, rows] : llvm::enumerate(x)) {
        Value &sum = sums[pair * perPair + i];
        sum = LLVM::CallIntrinsicOp::create(e.b, e.vectorType,
                                            e.b.getStringAttr("llvm.aarch64.neon.bfmmla"),
                                            ValueRange{sum, rows, outputs})
                  .getResult(0);
      }
    }
  }
  return sums;
}

} // namespace mamba
