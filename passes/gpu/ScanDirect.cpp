// A scan step by step, nothing shared: for steps of one row a sequence.
//
// All lanes of a channel compute its dt together, k over the lanes.
#include "passes/gpu/ScanThread.h"

using namespace mlir;

namespace mamba {

void ScanThread::runDirect(Value start, Value end) {
  SmallVector<Value> h = loadStates();
  h = e.loop(start, end, 1, h, [&](Value row, ValueRange old) {
    SmallVector<Value> next(old), b = inTime(p.scan.getB(), row), c = inTime(p.scan.getC(), row);
    Value u = e.load(*e.view(p.scan.getU()), row, column);
    Value delta = p.projection ? projectedByLanes(row) : e.load(*e.view(p.delta), row, column);
    Value dt = stepSize(delta);
    Value y = step(dt, e.math.mul(dt, u), [&](int64_t i) { return b[i]; },
                   [&](int64_t i) { return c[i]; }, next);
    Value stored = result(y, u, row);
    whenHere(shape.lanes > 1 ? e.equal(lane, e.index(0)) : Value(),
             [&] { e.store(stored, out(), row, column); });
    return next;
  });
  storeStates(h);
}

SmallVector<Value> ScanThread::inTime(Value value, Value row) {
  SmallVector<Value> values;
  std::optional<View> view = e.view(value);
  if (view && !shape.masksStates() && shape.states % 4 == 0 && view->offset % 4 == 0 &&
      cast<MemRefType>(view->buffer.getType()).getDimSize(1) % 4 == 0) {
    // Rows are aligned to 64 bytes where they begin.
    for (int64_t i = 0; i < shape.states; i += 4) {
      Value at = e.add(state0, view->offset + i);
      Value vector = e.loadVector(view->buffer, {row, at}, 4);
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
    Value x = view ? e.load(*view, row, state) : e.load(e.buffer(value), state);
    values.push_back(there ? e.select(there, x, e.f32(0)) : x);
  }
  return values;
}

Value ScanThread::projectedByLanes(Value row) {
  View in = *e.view(p.delta);
  Value w = e.buffer(p.projection.getW());
  // All loads of a group are on their way before the first product.
  int64_t count = shape.laneGroup(), group = shape.lanes * count;
  auto body = [&](Value k0, ValueRange old) {
    SmallVector<Value> x, weights;
    for (int64_t i = 0; i < count; ++i) {
      Value k = e.add(e.add(k0, lane), i * shape.lanes), there;
      if (shape.rank % group) {
        there = e.less(k, e.index(shape.rank));
        k = e.min(k, e.index(shape.rank - 1));
      }
      Value loaded = e.load(in, row, k);
      x.push_back(there ? e.select(there, loaded, e.f32(0)) : loaded);
      weights.push_back(e.load(w, {column, k}));
    }
    Value sum = old[0];
    for (int64_t i = 0; i < count; ++i)
      sum = e.math.fma(weights[i], x[i], sum);
    return SmallVector<Value>{sum};
  };
  Value sum = e.loop(e.index(0), e.index(shape.rank), group, e.f32(0), body, /*keepRolled=*/true)[0];
  return e.warpSum(sum, shape.lanes);
}

} // namespace mamba
