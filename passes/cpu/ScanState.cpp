#include "passes/cpu/ScanState.h"

#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/MemRef/IR/MemRef.h"
#include "mlir/Dialect/Vector/IR/VectorOps.h"

using namespace mlir;

namespace mamba {

/// Of each group of `group` elements: the wanted ones of x, then those of y.
static Value pick(CpuEmitter &e, Value x, Value y, int64_t group, ArrayRef<int64_t> wanted) {
  SmallVector<int64_t> mask;
  for (int64_t first = 0; first < e.lanes; first += group)
    for (int64_t from : {int64_t(0), e.lanes})
      for (int64_t i : wanted)
        mask.push_back(from + first + i);
  return vector::ShuffleOp::create(e.b, x, y, mask);
}

/// Pairs of elements of x and y side by side: the lower or the upper half of each
/// four.
static Value zip(CpuEmitter &e, Value x, Value y, int64_t half) {
  SmallVector<int64_t> mask;
  for (int64_t first = 2 * half; first < e.lanes; first += 4)
    for (int64_t i : {first, first + 1}) {
      mask.push_back(i);
      mask.push_back(e.lanes + i);
    }
  return vector::ShuffleOp::create(e.b, x, y, mask);
}

/// Fours of elements as units: the b-th vector has the b-th four of each.
static SmallVector<Value> transposeFours(CpuEmitter &e, ArrayRef<Value> rows) {
  if (rows.size() == 1)
    return {rows[0]};
  SmallVector<int64_t> fours[2];
  for (int64_t i = 0; i < e.lanes; ++i)
    fours[i / 4 % 2].push_back(i);
  SmallVector<Value> halves[2];
  for (size_t i = 0; i < rows.size(); i += 2)
    for (int odd : {0, 1})
      halves[odd].push_back(pick(e, rows[i], rows[i + 1], e.lanes, fours[odd]));
  SmallVector<Value> even = transposeFours(e, halves[0]), odd = transposeFours(e, halves[1]), all;
  for (auto [x, y] : llvm::zip_equal(even, odd))
    all.append({x, y});
  return all;
}

SmallVector<Value> transpose(CpuEmitter &e, ArrayRef<Value> rows) {
  // Within fours first: instructions that cross them are few and slow.
  SmallVector<Value> columns[4];
  for (size_t i = 0; i < rows.size(); i += 4)
    for (int64_t half : {0, 1}) {
      Value x = zip(e, rows[i], rows[i + 1], half), y = zip(e, rows[i + 2], rows[i + 3], half);
      columns[2 * half].push_back(pick(e, x, y, 4, {0, 1}));
      columns[2 * half + 1].push_back(pick(e, x, y, 4, {2, 3}));
    }
  SmallVector<Value> all(rows.size());
  for (auto [k, column] : llvm::enumerate(columns))
    for (auto [b, vector] : llvm::enumerate(transposeFours(e, column)))
      all[4 * b + k] = vector;
  return all;
}

namespace {
/// A square of the pool: the states from n0 on of `lanes` channels.
struct Square {
  Value local, column;
  int64_t n0, states;
};
} // namespace

/// Each square of the pool's part and h.
static void eachSquare(CpuEmitter &e, Value pool, Value column0, Value h,
                       const std::function<void(const Square &)> &body) {
  int64_t N = cast<MemRefType>(pool.getType()).getShape().back();
  int64_t block = cast<MemRefType>(h.getType()).getShape().back();
  e.loop(e.index(0), e.index(block), e.lanes, [&](Value local) {
    for (int64_t n0 = 0; n0 < N; n0 += e.lanes)
      body({local, e.add(column0, local), n0, std::min(e.lanes, N - n0)});
  }, /*keepRolled=*/true);
}

/// The states of the i-th channel of the square that are there; null: all lanes.
static Value presentStates(CpuEmitter &e, Value pool, const Square &square, int64_t i) {
  int64_t E = cast<MemRefType>(pool.getType()).getDimSize(1);
  if (E % e.reach == 0 && square.states == e.lanes)
    return {};
  Value states = e.index(square.states);
  if (E % e.reach != 0) {
    Value isThere = e.less(e.add(square.column, i), e.index(E));
    states = arith::SelectOp::create(e.b, isThere, states, e.index(0));
  }
  return vector::CreateMaskOp::create(e.b, VectorType::get({e.lanes}, e.b.getI1Type()), states);
}

void loadStates(CpuEmitter &e, Value pool, Value slot, Value column0, Value h) {
  eachSquare(e, pool, column0, h, [&](const Square &square) {
    SmallVector<Value> channels;
    for (int64_t i = 0; i < e.lanes; ++i)
      channels.push_back(e.loadAt(pool, {slot, e.add(square.column, i), e.index(square.n0)},
                                  presentStates(e, pool, square, i)));
    SmallVector<Value> states = transpose(e, channels);
    for (int64_t n = 0; n < square.states; ++n)
      e.storeAt(states[n], h, {e.index(square.n0 + n), square.local}, {});
  });
}

void storeStates(CpuEmitter &e, Value h, Value pool, Value slot, Value column0) {
  eachSquare(e, pool, column0, h, [&](const Square &square) {
    SmallVector<Value> states(e.lanes, e.zero());
    for (int64_t n = 0; n < square.states; ++n)
      states[n] = e.loadAt(h, {e.index(square.n0 + n), square.local}, {});
    for (auto [i, channel] : llvm::enumerate(transpose(e, states)))
      e.storeAt(channel, pool, {slot, e.add(square.column, i), e.index(square.n0)},
                presentStates(e, pool, square, i));
  });
}

} // namespace mamba
