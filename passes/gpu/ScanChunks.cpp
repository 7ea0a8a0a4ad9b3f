// A scan in chunks of time. In each, B, C and what dt is projected from go to
// shared memory, once a block, and the states stay in registers.
//
// A thread that holds all states of a channel takes a tile of steps at a time:
// dt, recurrence, skip, gate and store, all in its registers. Where threads share
// a channel the block meets in between:
//   1. dt and dt * u of the chunk go to shared memory, a tile of steps a thread
//   2. the recurrence; y of each thread's states goes to shared memory
//   3. their sums, skip, gate and store, tiles as in 1
// and what a chunk needs is loaded during the one before it. The order of every
// sum is that of the states and of k, whatever the chunks. Steps behind the end
// have dt = 0: they change no state, to the bit.
#include "passes/gpu/ScanThread.h"

#include "mlir/Dialect/SCF/IR/SCF.h"

using namespace mlir;

namespace mamba {

void ScanThread::allocate() {
  auto inTime = [&](const View &view, const TimeMatrix &m) {
    Value to = e.shared({shape.chunk / m.steps(), m.vectors(), m.lanes, 4});
    stages.push_back({view, m, to});
    return to;
  };
  if (!isConstantInTime(p.B))
    B = inTime(*e.view(p.B), shape.inTime());
  if (p.C && !isConstantInTime(p.C))
    C = inTime(*e.view(p.C), shape.inTime());
  if (shape.isMma) {
    View view = *e.view(p.delta);
    Value w = e.buffer(p.projection.getW());
    Type element = cast<MemRefType>(w.getType()).getElementType();
    input = e.shared({shape.planes * shape.chunk, shape.lineWidth()}, element);
    weight = e.shared({shape.channels, shape.lineWidth()}, element);
    stages.push_back({view, shape.input(), input, /*isMma=*/true});
  } else if (shape.rank) {
    input = inTime(*e.view(p.delta), shape.input());
    weight = e.shared({shape.piece / 4, shape.weightWidth()});
  }
  if (shape.isShared() || shape.isMma)
    dt = e.shared({shape.chunk / 4, shape.dtWidth()});
  if (shape.isShared()) {
    dtU = e.shared({shape.chunk / 4, 4 * shape.channels});
  }
  if (shape.isShared() && p.C) {
    y = e.shared({shape.lanes * shape.chunk / 4, 4 * shape.channels});
  }
  if (shape.norms)
    factors = e.shared({shape.norms, shape.chunk});
}

ScanThread::Values ScanThread::runChunks(Value start, ValueRange states) {
  last = e.sub(end, e.index(1));
  Values h(states);
  if (!shape.isShared()) {
    h = e.loop(start, end, shape.chunk, h,
               [&](Value first, ValueRange old) { return runTiles(first, old); });
  } else {
    llvm::append_range(h, ahead(start));
    h = e.loop(start, end, shape.chunk, h,
               [&](Value first, ValueRange old) { return runShared(first, old); });
    h.truncate(states.size());
  }
  return h;
}

ScanThread::Values ScanThread::runTiles(Value first, ValueRange h) {
  for (const Stage &stage : stages)
    put(stage, fetch(stage, first, e.index(0)));
  putFactors(fetchFactors(first));
  e.barrier();
  if (shape.isMma)
    projectByMma();
  SmallVector<Value> after = leaves();
  SmallVector<View> views = inputs();
  size_t before = views.size();
  for (Value value : after)
    views.push_back(*e.view(value));
  auto tile = [&](Value t, ValueRange old) {
    Rows rows = tileAt(e.add(first, t));
    SmallVector<Values> loaded = read(views, rows);
    Values deltas = shape.rank ? projected(t) : loaded[1];
    Sizes steps = sizes(t, deltas, loaded[0], rows);
    Values next(old), y = recur(t, steps.dt, steps.dtU, next);
    if (p.C)
      storeResults(rows, y, loaded[0], ArrayRef(loaded).drop_front(before));
    return next;
  };
  Values next;
  if (shape.chunk == shape.group)
    next = tile(e.index(0), h);
  else
    next = e.loop(e.index(0), e.min(e.sub(end, first), e.index(shape.chunk)), shape.group, h, tile,
                  /*keepRolled=*/true);
  e.barrier();
  return next;
}

ScanThread::Values ScanThread::ahead(Value first) {
  Values all;
  for (const Stage &stage : stages)
    if (!isInPieces(stage))
      llvm::append_range(all, fetch(stage, first, e.index(0)));
  llvm::append_range(all, fetchFactors(first));
  Rows rows = tileAt(e.add(first, e.mul(lane, shape.tile())));
  for (const Values &values : read(inputs(), rows))
    llvm::append_range(all, values);
  return all;
}

ScanThread::Values ScanThread::runShared(Value first, ValueRange carried) {
  Values h(carried.take_front(shape.carried()));
  carried = carried.drop_front(shape.carried());
  auto take = [&](size_t count) {
    ValueRange values = carried.take_front(count);
    carried = carried.drop_front(count);
    return Values(values);
  };
  for (const Stage &stage : stages)
    if (!isInPieces(stage))
      put(stage, take(vectorsOf(stage)));
  putFactors(take(factorsOfThread()));
  e.barrier();
  Values fetched = ahead(e.add(first, shape.chunk));
  Value t = e.mul(lane, shape.tile());
  Rows rows = tileAt(e.add(first, t));
  SmallVector<View> views;
  for (Value value : leaves())
    views.push_back(*e.view(value));
  SmallVector<Values> after = read(views, rows);
  Values u = take(shape.tile()), deltas;
  if (shape.isMma)
    projectByMma();
  if (shape.inPieces())
    deltas = projectedInPieces(first, t);
  else
    deltas = shape.rank ? projected(t) : take(shape.tile());
  Sizes steps = sizes(t, deltas, u, rows);
  putSteps(dt, t, steps.dt, shape.tileVector());
  putSteps(dtU, t, steps.dtU, shape.tileVector());
  if (shape.lanes > 1)
    e.barrier();
  Value length = e.min(e.sub(end, first), e.index(shape.chunk));
  h = e.loop(e.index(0), length, shape.group, h, [&](Value t, ValueRange old) {
    Values next(old), sizes = getSteps(dt, t, shape.group, 4);
    Values found = recur(t, sizes, getSteps(dtU, t, shape.group, 4), next);
    if (y)
      putSteps(y, e.add(t, e.mul(lane, shape.chunk)), found, 4);
    return next;
  }, /*keepRolled=*/true);
  e.barrier();
  if (y) {
    Value limit = e.mul(e.ceilDiv(length, shape.group), shape.group);
    storeResults(rows, gatherY(t, limit), u, after);
  }
  llvm::append_range(h, fetched);
  return h;
}

//===----------------------------------------------------------------------===//
// Tiles of steps
//===----------------------------------------------------------------------===//

ScanThread::Rows ScanThread::tileAt(Value row0) { return {row0, e.sub(end, row0)}; }

SmallVector<View> ScanThread::inputs() {
  SmallVector<View> views = {*e.view(p.u)};
  if (!shape.rank)
    views.push_back(*e.view(p.delta));
  return views;
}

/// The rows under an elementwise expression.
static void collectRows(Value value, Value scanned, SmallVector<Value> &rows) {
  if (value == scanned || llvm::is_contained(rows, value))
    return;
  if (isRowsView(value))
    return rows.push_back(value);
  for (Value operand : value.getDefiningOp()->getOperands())
    collectRows(operand, scanned, rows);
}

SmallVector<Value> ScanThread::leaves() {
  SmallVector<Value> rows;
  if (!p.C)
    return rows;
  if (p.z)
    rows.push_back(p.z);
  collectRows(yielded(e.kernel, yResult), p.scan.getY(), rows);
  return rows;
}

SmallVector<ScanThread::Values> ScanThread::read(ArrayRef<View> views, const Rows &rows) {
  int64_t count = shape.tile();
  SmallVector<Values> values(views.size());
  if (views.empty())
    return values;
  auto load = [&](bool clamped) {
    Values all;
    for (const View &view : views)
      for (int64_t i = 0; i < count; ++i) {
        Value row = e.add(rows.row0, i);
        all.push_back(e.load(view, clamped ? e.min(row, last) : row, column));
      }
    return all;
  };
  Values all;
  if (count == 1) {
    all = load(/*clamped=*/true);
  } else {
    // No address is clamped where all rows are there.
    auto branch = scf::IfOp::create(e.b, SmallVector<Type>(views.size() * count, e.b.getF32Type()),
                                    e.less(e.index(count - 1), rows.here), true);
    for (bool clamped : {false, true}) {
      OpBuilder::InsertionGuard guard(e.b);
      e.b.setInsertionPointToStart(clamped ? branch.elseBlock() : branch.thenBlock());
      scf::YieldOp::create(e.b, load(clamped));
    }
    all = branch.getResults();
  }
  for (auto [i, value] : llvm::enumerate(all))
    values[i / count].push_back(value);
  return values;
}

ScanThread::Sizes ScanThread::sizes(Value t, Values deltas, ValueRange u, const Rows &rows) {
  Sizes steps;
  int64_t count = shape.tile(), vector = shape.tileVector();
  Values ofDelta = factorsOf(p.deltaNorm, t, count, vector);
  Values ofB = factorsOf(p.normOfB, t, count, vector);
  for (auto [i, delta] : llvm::enumerate(deltas)) {
    Value there = e.less(e.index(i), rows.here);
    steps.dt.push_back(e.select(there, stepSize(times(delta, ofDelta[i])), e.f32(0)));
    steps.dtU.push_back(times(e.math.mul(steps.dt[i], u[i]), ofB[i]));
  }
  return steps;
}

void ScanThread::storeResults(const Rows &rows, ValueRange y, ValueRange u,
                              ArrayRef<Values> after) {
  int64_t count = shape.tile();
  SmallVector<Value> names = leaves(), results;
  for (int64_t i = 0; i < count; ++i)
    results.push_back(result(y[i], u[i], [&](Value value) {
      return after[llvm::find(names, value) - names.begin()][i];
    }));
  auto store = [&](int64_t i) {
    e.store(results[i], out(), e.add(rows.row0, i), column);
  };
  whenAll(exists, [&] {
    auto branch = scf::IfOp::create(e.b, e.less(e.index(count - 1), rows.here), count > 1);
    OpBuilder::InsertionGuard guard(e.b);
    e.b.setInsertionPointToStart(branch.thenBlock());
    for (int64_t i = 0; i < count; ++i)
      store(i);
    if (count > 1)
      e.b.setInsertionPointToStart(branch.elseBlock());
    for (int64_t i = 0; i < count - 1; ++i)
      e.when(e.less(e.index(i), rows.here), [&] { store(i); });
  });
}

} // namespace mamba
