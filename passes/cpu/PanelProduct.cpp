#include "passes/cpu/PanelProduct.h"

#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/Math/IR/Math.h"
#include "mlir/Dialect/MemRef/IR/MemRef.h"
#include "mlir/Dialect/Vector/IR/VectorOps.h"

using namespace mlir;

namespace mamba {

SmallVector<Value> panelProduct(CpuEmitter &e, const View &x, ArrayRef<Value> rows,
                                Value packed, Value panel, int64_t vectors) {
  int64_t K = x.columns;
  auto step = [&](Value k, ValueRange acc) {
    SmallVector<Value> weights;
    for (int64_t j = 0; j < vectors; ++j)
      weights.push_back(vector::LoadOp::create(e.b, e.vectorType, packed,
                                               ValueRange{panel, k, e.index(j * e.lanes)}));
    SmallVector<Value> next;
    for (auto [i, row] : llvm::enumerate(rows)) {
      Value scalar = memref::LoadOp::create(e.b, x.buffer, ValueRange{row, e.add(k, x.offset)});
      Value xk = e.broadcast(scalar);
      for (int64_t j = 0; j < vectors; ++j)
        next.push_back(e.math.fma(xk, weights[j], acc[i * vectors + j]));
    }
    return next;
  };
  // Few accumulators need several steps a turn to hide the loop.
  int64_t unroll = rows.size() >= 4 ? 2 : 4;
  SmallVector<Value> acc(rows.size() * vectors, e.zero());
  int64_t whole = K / unroll * unroll;
  if (whole > 0)
    acc = e.loop(e.index(0), e.index(whole), unroll, acc, [&](Value k, ValueRange carried) {
      SmallVector<Value> values(carried);
      for (int64_t u = 0; u < unroll; ++u)
        values = step(e.add(k, u), values);
      return values;
    }, /*keepRolled=*/true);
  for (int64_t k = whole; k < K; ++k)
    acc = step(e.index(k), acc);
  return acc;
}

Value inverseRms(CpuEmitter &e, const View &x, Value row, double eps) {
  // Four partial sums hide the latency of the addition.
  constexpr int64_t parts = 4;
  SmallVector<Value> acc(parts, e.zero());
  int64_t stride = parts * e.lanes, whole = x.columns / stride * stride;
  if (whole > 0)
    acc = e.loop(e.index(0), e.index(whole), stride, acc, [&](Value k, ValueRange carried) {
      SmallVector<Value> next;
      for (int64_t p = 0; p < parts; ++p) {
        Value v = vector::LoadOp::create(
            e.b, e.vectorType, x.buffer,
            ValueRange{row, e.add(k, x.offset + p * e.lanes)});
        next.push_back(e.math.fma(v, v, carried[p]));
      }
      return next;
    });
  int64_t p = 0;
  for (int64_t k = whole; k < x.columns; k += e.lanes, ++p) {
    Value v = e.load(x, row, e.index(k));
    acc[p] = e.math.fma(v, v, acc[p]);
  }
  Value squares = e.math.sum(e.math.add(e.math.add(acc[0], acc[1]), e.math.add(acc[2], acc[3])));
  Value mean = e.math.mul(squares, e.math.constant(squares.getType(), 1.0 / x.columns));
  Value root = math::SqrtOp::create(e.b, e.math.add(mean, e.math.constant(mean.getType(), eps)));
  return e.math.div(e.math.constant(root.getType(), 1), root);
}

} // namespace mamba
