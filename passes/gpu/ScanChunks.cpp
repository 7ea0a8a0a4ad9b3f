// A scan in chunks of time. In each:
//   1. B, C and what dt is projected from go to shared memory, once a block
//   2. dt and dt * u, a tile of steps at a time, the tiles over a channel's lanes
//   3. the recurrence: registers and shared memory only
//   4. skip, gate and store of y, tiles as in 2
// The block meets before 2 and after 4; in between only the lanes of a channel
// exchange something. The order of every sum is that of the states and of k,
// whatever the chunks.
#include "passes/gpu/ScanThread.h"

using namespace mlir;

namespace mamba {

void ScanThread::allocate() {
  B = e.shared({shape.rowsOf(p.scan.getB()), shape.lanes * shape.slots()});
  C = e.shared({shape.rowsOf(p.scan.getC()), shape.lanes * shape.slots()});
  if (shape.rank) {
    input = e.shared({shape.piece, shape.inputStride()});
    weight = e.shared({shape.piece, shape.weightStride()});
  }
  dt = e.shared({shape.rows(), shape.columnStride()});
  dtU = e.shared({shape.rows(), shape.columnStride()});
  y = shape.keepsY() ? e.shared({shape.rows(), shape.columnStride()}) : dt;
}

void ScanThread::runChunks(Value start, Value end) {
  if (shape.readsEmptySlots()) {
    clear(B);
    clear(C);
    e.barrier();
  }
  for (auto [value, to] : {std::pair{p.scan.getB(), B}, {p.scan.getC(), C}})
    if (!e.view(value))
      copyInTime(value, to, 1);
  if (shape.rank && !shape.inPieces())
    copyWeight(e.index(0));
  SmallVector<Value> h = loadStates();
  h = e.loop(start, end, shape.chunk, h, [&](Value row, ValueRange old) {
    first = row;
    length = e.min(e.sub(end, first), e.index(shape.chunk));
    for (auto [value, to] : {std::pair{p.scan.getB(), B}, {p.scan.getC(), C}})
      if (e.view(value))
        copyInTime(value, to, shape.chunk);
    if (shape.rank && !shape.inPieces())
      copyInput(e.index(0));
    e.barrier();
    computeSteps();
    if (shape.lanes > 1)
      e.warpBarrier();
    SmallVector<Value> next = recur(old);
    if (shape.lanes > 1)
      e.warpBarrier();
    storeResults();
    e.barrier();
    return next;
  });
  storeStates(h);
}

void ScanThread::copy(int64_t height, int64_t width, Load load, Store store) {
  // A thread keeps to its columns; several elements are on their way at a time.
  int64_t step = std::max<int64_t>(e.threads / width, 1), passes = (height + step - 1) / step;
  int64_t group = std::min<int64_t>(passes, 8);
  auto pass = [&](Value row0, Value column) {
    SmallVector<Value> rows, inside, values;
    for (int64_t j = 0; j < group; ++j) {
      Value row = e.add(row0, j * step);
      inside.push_back(height % (step * group) ? e.less(row, e.index(height)) : Value());
      rows.push_back(inside[j] ? e.min(row, e.index(height - 1)) : row);
      values.push_back(load(rows[j], column));
    }
    for (int64_t j = 0; j < group; ++j) {
      auto put = [&] { store(values[j], rows[j], column); };
      if (inside[j])
        e.when(inside[j], put);
      else
        put();
    }
  };
  auto column = [&](Value from, Value column) {
    if (passes == group)
      pass(from, column);
    else
      e.loop(from, e.index(height), step * group, [&](Value row) { pass(row, column); },
             /*keepRolled=*/true);
  };
  if (width > e.threads)
    return e.loop(e.thread, e.index(width), e.threads, [&](Value k) { column(e.index(0), k); },
                  /*keepRolled=*/true);
  Value from = e.div(e.thread, e.index(width)), k = e.rem(e.thread, e.index(width));
  if (step * width == e.threads)
    column(from, k);
  else
    e.when(e.less(from, e.index(step)), [&] { column(from, k); });
}

void ScanThread::copyInTime(Value value, Value to, int64_t height) {
  std::optional<View> view = e.view(value);
  auto load = [&](Value t, Value state) {
    return view ? e.load(*view, rowOf(t), state) : e.load(e.buffer(value), state);
  };
  copy(height, shape.N, load, [&](Value x, Value t, Value state) {
    Value states = e.index(shape.states);
    if (shape.slots() != shape.states)
      state = e.add(e.mul(e.div(state, states), shape.slots()), e.rem(state, states));
    e.store(x, to, {t, state});
  });
}

void ScanThread::clear(Value matrix) {
  ArrayRef<int64_t> extents = cast<MemRefType>(matrix.getType()).getShape();
  copy(extents[0], extents[1], [&](Value, Value) { return e.f32(0); },
       [&](Value x, Value row, Value column) { e.store(x, matrix, {row, column}); });
}

/// The element where k < rank, else 0; `load` takes a k that is there.
static Value paddedInK(GpuEmitter &e, const ScanShape &shape, Value k,
                       llvm::function_ref<Value(Value)> load) {
  if (shape.rank % shape.piece == 0)
    return load(k);
  Value x = load(e.min(k, e.index(shape.rank - 1)));
  return e.select(e.less(k, e.index(shape.rank)), x, e.f32(0));
}

void ScanThread::copyWeight(Value k0) {
  Value w = e.buffer(p.projection.getW());
  Value column0 = e.mul(e.rem(e.tile, e.index(shape.across())), shape.channels);
  auto load = [&](Value channel, Value k) {
    Value column = e.add(column0, channel);
    if (shape.masksChannels())
      column = e.min(column, e.index(shape.E - 1));
    return paddedInK(e, shape, e.add(k0, k), [&](Value k) { return e.load(w, {column, k}); });
  };
  copy(shape.channels, shape.piece, load,
       [&](Value x, Value channel, Value k) { e.store(x, weight, {k, channel}); });
}

void ScanThread::copyInput(Value k0) {
  View in = *e.view(p.delta);
  auto load = [&](Value t, Value k) {
    Value row = rowOf(t);
    return paddedInK(e, shape, e.add(k0, k), [&](Value k) { return e.load(in, row, k); });
  };
  copy(shape.rows(), shape.piece, load,
       [&](Value x, Value t, Value k) { e.store(x, input, {k, t}); });
}

Value ScanThread::present(Value step) { return e.min(step, e.sub(length, e.index(1))); }
Value ScanThread::rowOf(Value step) { return e.add(first, present(step)); }

void ScanThread::eachTile(const std::function<void(Value)> &body) {
  e.loop(e.mul(lane, shape.tile), length, shape.lanes * shape.tile, body, /*keepRolled=*/true);
}

SmallVector<Value> ScanThread::readInput(const View &view, Value t) {
  SmallVector<Value> values;
  for (int64_t i = 0; i < shape.tile; ++i)
    values.push_back(e.load(view, rowOf(e.add(t, i)), column));
  return values;
}

void ScanThread::computeSteps() {
  View u = *e.view(p.scan.getU());
  SmallVector<Value> zeros(shape.tile, e.f32(0));
  if (!shape.rank)
    return eachTile([&](Value t) {
      SmallVector<Value> us = readInput(u, t);
      finishSteps(t, readInput(*e.view(p.delta), t), us);
    });
  if (!shape.inPieces())
    return eachTile([&](Value t) {
      SmallVector<Value> us = readInput(u, t);
      finishSteps(t, projected(t, zeros, e.index(shape.piece)), us);
    });
  // The sums stay where dt will be.
  auto put = [&](Value t, ValueRange sums) {
    for (int64_t i = 0; i < shape.tile; ++i)
      e.store(sums[i], dt, {e.add(t, i), local});
  };
  auto get = [&](Value t) {
    SmallVector<Value> sums;
    for (int64_t i = 0; i < shape.tile; ++i)
      sums.push_back(e.load(dt, {e.add(t, i), local}));
    return sums;
  };
  eachTile([&](Value t) { put(t, zeros); });
  e.loop(e.index(0), e.index(shape.rank), shape.piece, [&](Value k0) {
    copyWeight(k0);
    copyInput(k0);
    e.barrier();
    eachTile([&](Value t) { put(t, projected(t, get(t), e.index(shape.piece))); });
    e.barrier();
  });
  eachTile([&](Value t) {
    SmallVector<Value> us = readInput(u, t);
    finishSteps(t, get(t), us);
  });
}

SmallVector<Value> ScanThread::projected(Value t, SmallVector<Value> sums, Value count) {
  int64_t vector = std::min<int64_t>(shape.tile, 4);
  return e.loop(e.index(0), count, ScanShape::kUnroll, sums, [&](Value k0, ValueRange old) {
    SmallVector<Value> next(old);
    for (int64_t j = 0; j < ScanShape::kUnroll; ++j) {
      Value k = e.add(k0, j), w = e.load(weight, {k, local});
      for (int64_t i = 0; i < shape.tile; i += vector) {
        Value x = e.loadVector(input, {k, e.add(t, i)}, vector);
        for (int64_t v = 0; v < vector; ++v)
          next[i + v] = e.math.fma(e.extract(x, v), w, next[i + v]);
      }
    }
    return next;
  }, /*keepRolled=*/true);
}

void ScanThread::finishSteps(Value t, ValueRange deltas, ValueRange u) {
  for (int64_t i = 0; i < shape.tile; ++i) {
    Value at = e.add(t, i), size = stepSize(deltas[i]);
    e.store(size, dt, {at, local});
    e.store(e.math.mul(size, u[i]), dtU, {at, local});
  }
}

SmallVector<Value> ScanThread::recur(ValueRange h) {
  Value slot0 = e.mul(lane, shape.slots());
  int64_t vector = shape.slotVector();
  return e.loop(e.index(0), length, 1, h, [&](Value t, ValueRange old) {
    SmallVector<Value> next(old);
    // Elements of the lane's part of a row, a vector at a time.
    auto reader = [&](Value value, Value from) {
      Value row = e.view(value) ? t : e.index(0);
      return [&, row, from, loaded = Value()](int64_t i) mutable {
        if (i % vector == 0)
          loaded = e.loadVector(from, {row, e.add(slot0, i)}, vector);
        return e.extract(loaded, i % vector);
      };
    };
    auto b = reader(p.scan.getB(), B), c = reader(p.scan.getC(), C);
    Value sum = step(e.load(dt, {t, local}), e.load(dtU, {t, local}), b, c, next);
    auto store = [&] { e.store(sum, y, {t, local}); };
    if (shape.lanes > 1)
      e.when(e.equal(lane, e.index(0)), store);
    else
      store();
    return next;
  });
}

void ScanThread::storeResults() {
  View u = *e.view(p.scan.getU());
  eachTile([&](Value t) {
    SmallVector<Value> results;
    for (int64_t i = 0; i < shape.tile; ++i) {
      Value step = e.add(t, i), row = rowOf(step);
      Value scanned = e.load(y, {e.min(step, e.sub(length, e.index(1))), local});
      results.push_back(result(scanned, skip ? e.load(u, row, column) : Value(), row));
    }
    for (int64_t i = 0; i < shape.tile; ++i) {
      Value step = e.add(t, i);
      // The first step of a tile is there.
      whenHere(i ? e.less(step, length) : Value(),
               [&] { e.store(results[i], out(), e.add(first, step), column); });
    }
  });
}

} // namespace mamba
