// The projection of dt in a scan in chunks: sums over k in order, a tile of steps
// at a time, from shared memory.
#include "passes/gpu/ScanThread.h"

#include "mlir/Dialect/MemRef/IR/MemRef.h"

using namespace mlir;

namespace mamba {

void ScanThread::copyWeight(Value k0) {
  Value w = e.buffer(p.projection.getW());
  Value column0 = e.mul(e.rem(e.tile, e.index(shape.across())), shape.channels);
  int64_t count = shape.channels * shape.piece;
  // The matrix unit takes elements as they are.
  auto load = [&](ValueRange at) -> Value {
    return shape.isMma ? memref::LoadOp::create(e.b, w, at).getResult() : e.load(w, at);
  };
  // Several elements are on their way at a time.
  int64_t passes = (count + e.threads - 1) / e.threads, group = std::min<int64_t>(passes, 8);
  auto pass = [&](Value first) {
    Values items, values;
    for (int64_t i = 0; i < group; ++i) {
      Value item = e.add(first, i * e.threads);
      items.push_back(item);
      item = e.min(item, e.index(count - 1));
      Value column = e.add(column0, e.div(item, e.index(shape.piece)));
      Value k = e.add(k0, e.rem(item, e.index(shape.piece)));
      if (shape.masksChannels())
        column = e.min(column, e.index(shape.E - 1));
      Value x = load({column, e.min(k, e.index(shape.rank - 1))});
      values.push_back(shape.rank % shape.piece
                           ? e.select(e.less(k, e.index(shape.rank)), x, e.f32(0))
                           : x);
    }
    Value four = e.index(4);
    for (auto [item, value] : llvm::zip_equal(items, values))
      e.when(e.less(item, e.index(count)), [&] {
        Value channel = e.div(item, e.index(shape.piece)), k = e.rem(item, e.index(shape.piece));
        if (shape.isMma)
          memref::StoreOp::create(e.b, value, weight, ValueRange{channel, k});
        else
          e.store(value, weight, {e.div(k, four), e.add(e.mul(channel, 4), e.rem(k, four))});
      });
  };
  e.loop(e.thread, e.index(count), e.threads * group, pass, /*keepRolled=*/true);
}

ScanThread::Values ScanThread::projected(Value t) {
  if (shape.isMma)
    return getSteps(dt, t, shape.tile(), shape.tileVector());
  return addProducts(t, Values(shape.tile(), e.f32(0)));
}

ScanThread::Values ScanThread::addProducts(Value t, Values sums) {
  int64_t vector = shape.tileVector();
  Value four = e.index(4);
  auto group = [&](Value quarter, ValueRange old) {
    Values next(old);
    Value w = e.loadVector(weight, {quarter, e.mul(local, 4)}, 4);
    for (int64_t j = 0; j < 4; ++j) {
      Value k = e.add(e.mul(quarter, 4), j);
      for (int64_t i = 0; i < shape.tile(); i += vector) {
        Value step = e.add(t, i);
        Value x = e.loadVector(input, {e.div(step, four), e.index(0), k, e.rem(step, four)},
                               vector);
        for (int64_t v = 0; v < vector; ++v)
          next[i + v] = e.math.fma(e.extract(x, v), e.extract(w, j), next[i + v]);
      }
    }
    return next;
  };
  return e.loop(e.index(0), e.index(shape.piece / 4), 1, sums, group, /*keepRolled=*/true);
}

ScanThread::Values ScanThread::projectedInPieces(Value first, Value t) {
  Values sums(shape.tile(), e.f32(0));
  return e.loop(e.index(0), e.index(shape.rank), shape.piece, sums, [&](Value k0, ValueRange old) {
    copyWeight(k0);
    const Stage &stage = stages.back();
    put(stage, fetch(stage, first, k0));
    e.barrier();
    Values next = addProducts(t, Values(old));
    e.barrier();
    return next;
  });
}

} // namespace mamba
