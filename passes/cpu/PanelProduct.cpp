#include "passes/cpu/PanelProduct.h"
#include "passes/cpu/LinearDot.h"
#include "passes/cpu/LinearMmla.h"

#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/Math/IR/Math.h"
#include "mlir/Dialect/MemRef/IR/MemRef.h"
#include "mlir/Dialect/Vector/IR/VectorOps.h"

using namespace mlir;

namespace mamba {

namespace {

/// Emits the products of one tile.
class TileProduct {
public:
  TileProduct(CpuEmitter &e, const PanelTile &tile, const WeightPanel &weights)
      : e(e), t(tile), w(weights) {}

  /// Turns of `turn` steps from `first` to `end`.
  SmallVector<Value> turns(Value first, Value end, int64_t turn, ValueRange sums) {
    return e.loop(first, end, turn, sums, [&](Value k, ValueRange carried) {
      return steps(k, turn, carried);
    }, /*keepRolled=*/true);
  }

  /// `count` steps from k on.
  SmallVector<Value> steps(Value k, int64_t count, ValueRange sums) {
    SmallVector<Value> acc(sums);
    for (int64_t s = 0; s < count; s += w.unit())
      acc = unit(e.add(k, s), std::min(w.unit(), count - s), acc);
    return acc;
  }

  /// A group of `count` steps: its own sum, then scaled.
  SmallVector<Value> group(Value k, int64_t count, ValueRange sums) {
    SmallVector<Value> inner(sums.size(), e.zero());
    // Alone, a row's chains overlap with those of the next group.
    int64_t turn = t.rows.size() == 1 ? count : 8, whole = count / turn * turn;
    if (turn == count)
      inner = steps(k, count, inner);
    else
      inner = turns(k, e.add(k, whole), turn, inner);
    if (whole < count)
      inner = steps(e.add(k, whole), count - whole, inner);
    SmallVector<Value> scales, outer;
    for (int64_t j = 0; j < t.vectors; ++j)
      scales.push_back(w.scale(t.panel, k, t.column + j * e.lanes));
    for (auto [i, sum] : llvm::enumerate(sums)) {
      Value scale = scales[i % t.vectors];
      if (t.int8)
        scale = e.math.mul(scale, rowScale(t.rows[i / t.vectors], k));
      outer.push_back(e.math.fma(inner[i], scale, sum));
    }
    return outer;
  }

private:
  Value rowScale(Value row, Value k) {
    return t.int8->scale(row, e.div(t.from ? e.sub(k, t.from) : k, e.index(Int8Rows::kGroup)));
  }

  SmallVector<Value> unit(Value k, int64_t count, ArrayRef<Value> acc) {
    SmallVector<SmallVector<Value>> weights;
    for (int64_t j = 0; j < t.vectors; ++j)
      weights.push_back(w.weights(t.panel, k, count, t.column + j * e.lanes));
    if (t.prefetches)
      w.prefetch(t.panel, k, t.column, t.vectors);
    SmallVector<Value> sums(acc);
    for (int64_t s = 0; s < count; ++s) {
      Value column = e.add(t.from ? e.sub(k, t.from) : k, s);
      for (auto [i, row] : llvm::enumerate(t.rows)) {
        Value xk = e.broadcast(e.scalar(t.x, row, column));
        for (int64_t j = 0; j < t.vectors; ++j) {
          Value &sum = sums[i * t.vectors + j];
          sum = e.math.fma(xk, weights[j][s], sum);
        }
      }
    }
    return sums;
  }

  CpuEmitter &e;
  const PanelTile &t;
  const WeightPanel &w;
};

} // namespace

SmallVector<Value> panelProduct(CpuEmitter &e, const PanelTile &tile, const WeightPanel &weights,
                                int64_t K, Value first, Value end, ValueRange sums) {
  TileProduct product(e, tile, weights);
  int64_t group = tile.pairs ? 0 : weights.group();
  // Few accumulators need several steps a turn to hide the loop.
  int64_t turn = group ? group : tile.rows.size() >= 4 ? 2 : 4;
  if (tile.pairs)
    turn *= kQuad;
  int64_t whole = K / turn * turn, rest = K - whole;
  auto steps = [&](Value k, int64_t count, ValueRange carried) {
    if (tile.int8 && tile.int8->isBytes())
      return dotGroup(e, tile, weights, k, count, carried);
    if (tile.pairs)
      return mmlaSteps(e, tile, weights, k, count, carried);
    return group ? product.group(k, count, carried) : product.steps(k, count, carried);
  };
  SmallVector<Value> acc = tile.pairs ? pairedSums(e, tile, sums) : SmallVector<Value>(sums);
  if (whole > 0)
    acc = e.loop(first, rest ? e.min(end, e.index(whole)) : end, turn, acc,
                 [&](Value k, ValueRange carried) { return steps(k, turn, carried); },
                 /*keepRolled=*/true);
  if (rest > 0) {
    auto last = [&] { return steps(e.index(whole), rest, acc); };
    std::optional<int64_t> fixed = getConstantIntValue(end);
    acc = fixed ? last() : e.when(e.less(e.index(whole), end), last, acc);
  }
  return tile.pairs ? unpairedSums(e, tile, acc) : acc;
}

SmallVector<Value> panelProduct(CpuEmitter &e, const PanelTile &tile, const WeightPanel &weights) {
  SmallVector<Value> sums(tile.rows.size() * tile.vectors, e.zero());
  return panelProduct(e, tile, weights, tile.x.columns, e.index(0), e.index(tile.x.columns), sums);
}

Value sumOfSquares(CpuEmitter &e, const View &x, Value row) {
  // Four partial sums hide the latency of the addition.
  constexpr int64_t parts = 4;
  SmallVector<Value> acc(parts, e.zero());
  int64_t stride = parts * e.lanes, whole = x.columns / stride * stride;
  if (whole > 0)
    acc = e.loop(e.index(0), e.index(whole), stride, acc, [&](Value k, ValueRange carried) {
      SmallVector<Value> next;
      for (int64_t p = 0; p < parts; ++p) {
        Value v = e.loadAt(x.buffer, {row, e.add(k, x.offset + p * e.lanes)}, {});
        next.push_back(e.math.fma(v, v, carried[p]));
      }
      return next;
    });
  int64_t p = 0;
  for (int64_t k = whole; k < x.columns; k += e.lanes, ++p) {
    Value v = e.load(x, row, e.index(k));
    acc[p] = e.math.fma(v, v, acc[p]);
  }
  return e.math.sum(e.math.add(e.math.add(acc[0], acc[1]), e.math.add(acc[2], acc[3])));
}

Value inverseRms(CpuEmitter &e, const View &x, Value row, double eps) {
  return inverseRoot(e, sumOfSquares(e, x, row), x.columns, eps);
}

Value inverseRoot(CpuEmitter &e, Value squares, int64_t columns, double eps) {
  Value mean = e.math.mul(squares, e.math.constant(squares.getType(), 1.0 / columns));
  Value root = math::SqrtOp::create(e.b, e.math.add(mean, e.math.constant(mean.getType(), eps)));
  return e.math.div(e.math.constant(root.getType(), 1), root);
}

} // namespace mamba
