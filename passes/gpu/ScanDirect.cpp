// A scan step by step, nothing shared: for steps of one row a sequence.
//
// All lanes of a channel compute its dt together, k over the lanes, and each the
// convolution that makes u, if the kernel has one.
#include "passes/gpu/ConvPrologue.h"
#include "passes/gpu/ScanThread.h"

#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/Vector/IR/VectorOps.h"

#include <optional>

using namespace mlir;

namespace mamba {

void ScanThread::runDirect(Value start) {
  Values h = loadStates();
  std::optional<ConvPrologue> conv;
  ConvPrologue::Taps taps;
  if (p.conv.conv) {
    conv.emplace(e, p.conv);
    taps = conv->taps(column, 1);
    for (int64_t k = 0; k < conv->W - 1; ++k) {
      auto load = [&] { return conv->loadPool(slot, k, column)[0]; };
      h.push_back(exists ? e.when(exists, load, e.f32(0)) : load());
    }
  }
  h = e.loop(start, end, 1, h, [&](Value row, ValueRange old) {
    Values next(old.take_front(shape.states)), window(old.drop_front(shape.states));
    Values b = constantB, c = constantC;
    if (b.empty())
      b = inTime(p.B, row);
    if (c.empty())
      c = inTime(p.C, row);
    auto at = [&](Value rows) { return e.load(*e.view(rows), row, column); };
    Value u;
    if (conv) {
      window.push_back(at(p.conv.conv.getX()));
      u = conv->apply(window, taps);
      window.erase(window.begin());
    } else {
      u = at(p.u);
    }
    Value dt = stepSize(p.projection ? projectedByLanes(row) : at(p.delta));
    Value dtU = times(e.math.mul(dt, u), factorOfLanes(p.normOfB, b));
    Value y = step(dt, dtU, [&](int64_t i) { return b[i]; }, [&](int64_t i) { return c[i]; }, next);
    Value sum = times(e.warpSum(y, shape.lanes), factorOfLanes(p.normOfC, c));
    Value stored = result(sum, u, at);
    whenAll(here(isFirstLane()), [&] { e.store(stored, out(), row, column); });
    llvm::append_range(next, window);
    return next;
  });
  storeStates(ValueRange(h).take_front(shape.states));
  if (!conv)
    return;
  // All lanes of a channel have read its window before one writes it.
  if (shape.lanes > 1)
    e.warpBarrier();
  whenAll(here(isFirstLane()), [&] {
    for (int64_t k = 0; k < conv->W - 1; ++k)
      conv->storePool(h[shape.states + k], slot, k, column);
  });
}

Value ScanThread::isFirstLane() {
  return shape.lanes > 1 ? e.equal(lane, e.index(0)) : Value();
}

ScanThread::Values ScanThread::inTime(Value value, Value row) {
  Values values;
  View view = *e.view(value);
  if (!shape.masksStates() && shape.states % 4 == 0 && view.offset % 4 == 0 &&
      cast<MemRefType>(view.buffer.getType()).getDimSize(1) % 4 == 0) {
    // Rows are aligned to 64 bytes where they begin.
    for (int64_t i = 0; i < shape.states; i += 4) {
      Value at = e.add(state0, view.offset + i);
      Value vector = e.loadVector(view.buffer, {row, at}, 4);
      for (int64_t j = 0; j < 4; ++j)
        values.push_back(e.extract(vector, j));
    }
    return values;
  }
  for (int64_t i = 0; i < shape.states; ++i) {
    Value state = e.add(state0, i), there;
    if (shape.masksStates()) {
      there = e.less(state, e.index(shape.N));
      state = e.min(state, e.index(shape.N - 1));
    }
    Value x = e.load(view, row, state);
    values.push_back(there ? e.select(there, x, e.f32(0)) : x);
  }
  return values;
}

/// So many neighbours, by one load; four of bf16 as two words.
static SmallVector<Value> loadNeighbours(GpuEmitter &e, Value buffer, ValueRange at,
                                         int64_t count) {
  SmallVector<Value> values;
  Type element = cast<MemRefType>(buffer.getType()).getElementType();
  if (count == 1)
    return {e.load(buffer, at)};
  if (!element.isInteger(16)) {
    Value loaded = e.loadVector(buffer, at, count);
    for (int64_t i = 0; i < count; ++i)
      values.push_back(e.extract(loaded, i));
    return values;
  }
  Value halves = vector::LoadOp::create(e.b, VectorType::get({count}, element), buffer, at,
                                        /*nontemporal=*/false, llvm::MaybeAlign(2 * count));
  Type word = e.b.getI32Type();
  Value words = vector::BitCastOp::create(e.b, VectorType::get({count / 2}, word), halves);
  Value sixteen = arith::ConstantOp::create(e.b, e.b.getI32IntegerAttr(16));
  Value upper = arith::ConstantOp::create(e.b, e.b.getI32IntegerAttr(-65536));
  for (int64_t i = 0; i < count; i += 2) {
    Value both = e.extract(words, i / 2);
    for (Value bits : {arith::ShLIOp::create(e.b, both, sixteen).getResult(),
                       arith::AndIOp::create(e.b, both, upper).getResult()})
      values.push_back(arith::BitcastOp::create(e.b, e.b.getF32Type(), bits));
  }
  return values;
}

// Four neighbours of k are one load where rows of both are multiples of that: on
// a GPU weights are aligned as rows are. All loads of a group are on their way
// before the first product.
ScanThread::Groups ScanThread::groups() {
  View in = *e.view(p.delta);
  int64_t width = cast<MemRefType>(in.buffer.getType()).getDimSize(1);
  int64_t vector = shape.rank % 4 || in.offset % 4 || width % 4 ? 1 : 4;
  int64_t vectors = (shape.rank / vector + shape.lanes - 1) / shape.lanes;
  int64_t count = std::min<int64_t>(vectors, vector == 1 ? 16 : 5), apart = shape.lanes * vector;
  // Whole groups, if there can be.
  while (shape.rank % apart == 0 && vectors % count)
    --count;
  return {vector, count, apart};
}

Value ScanThread::placeInGroup(const Groups &g, Value k0, int64_t i, Value &there) {
  Value k = e.add(e.add(k0, e.mul(lane, g.vector)), i * g.apart);
  if (shape.rank % g.length() == 0)
    return k;
  there = e.less(k, e.index(shape.rank));
  return e.min(k, e.index(shape.rank - g.vector));
}

ScanThread::Values ScanThread::weightsOfGroup(const Groups &g, Value k0) {
  Values weights;
  for (int64_t i = 0; i < g.count; ++i) {
    Value there, k = placeInGroup(g, k0, i, there);
    llvm::append_range(
        weights, loadNeighbours(e, e.buffer(p.projection.getW()), {column, k}, g.vector));
  }
  return weights;
}

Value ScanThread::projectedByLanes(Value row) {
  View in = *e.view(p.delta);
  Groups g = groups();
  auto body = [&](Value k0, ValueRange old) {
    Values x;
    for (int64_t i = 0; i < g.count; ++i) {
      Value there, k = placeInGroup(g, k0, i, there);
      for (Value loaded : loadNeighbours(e, in.buffer, {row, e.add(k, in.offset)}, g.vector))
        x.push_back(there ? e.select(there, loaded, e.f32(0)) : loaded);
    }
    Values weights = projectionWeights.empty() ? weightsOfGroup(g, k0) : projectionWeights;
    Values sums(old);
    for (auto [factor, weight] : llvm::zip_equal(x, weights)) {
      sums[0] = e.math.fma(weight, factor, sums[0]);
      if (p.deltaNorm)
        sums[1] = e.math.fma(factor, factor, sums[1]);
    }
    return sums;
  };
  Values sums = e.loop(e.index(0), e.index(shape.rank), g.length(),
                       Values(p.deltaNorm ? 2 : 1, e.f32(0)), body, /*keepRolled=*/true);
  Value sum = e.warpSum(sums[0], shape.lanes);
  return p.deltaNorm ? times(sum, factorOfSquares(p.deltaNorm, sums[1])) : sum;
}

} // namespace mamba
