// The recurrence of a scan in chunks: a group of steps in a straight line.
#include "passes/gpu/ScanThread.h"

using namespace mlir;

namespace mamba {

ScanThread::Values ScanThread::recur(Value t0, ValueRange dt, ValueRange dtU, Values &h) {
  const TimeMatrix m = shape.inTime();
  // Numbers of a lane's part of a step, a vector at a time, each loaded once.
  auto reader = [&](Value matrix, ArrayRef<Value> constant) {
    Value first = e.div(t0, e.index(m.steps()));
    return [&, matrix, constant, first, loaded = Value(), at = int64_t(-1)](int64_t t,
                                                                          int64_t i) mutable {
      if (!matrix)
        return constant[i];
      int64_t vector = t / m.steps() * m.vectors() + i / 4;
      if (vector != at) {
        at = vector;
        loaded = e.loadVector(matrix, {e.add(first, t / m.steps()), e.index(i / 4), lane,
                                       e.index(0)}, 4);
      }
      return e.extract(loaded, (t % m.steps() * m.width() + i) % 4);
    };
  };
  auto b = reader(B, constantB), c = reader(C, constantC);
  Values sums, ofC = factorsOf(p.normOfC, t0, shape.group, /*vector=*/4);
  for (int64_t t = 0; t < shape.group; ++t) {
    auto bAt = [&](int64_t i) { return b(t, i); };
    auto cAt = [&](int64_t i) { return c(t, i); };
    sums.push_back(times(step(dt[t], dtU[t], bAt, p.C ? OfState(cAt) : OfState(), h), ofC[t]));
    if (shape.findsSlices)
      h.back() = e.math.add(h.back(), dt[t]);
  }
  return sums;
}

SmallVector<Value> ScanThread::placeOf(Value t, int64_t i, int64_t vector) {
  Value four = e.index(4), channel = e.mul(local, 4);
  if (vector == 4)
    return {e.add(e.div(t, four), i / 4), channel};
  Value step = e.add(t, i);
  return {e.div(step, four), e.add(channel, e.rem(step, four))};
}

void ScanThread::putSteps(Value matrix, Value t, ValueRange values, int64_t vector) {
  for (size_t i = 0; i < values.size(); i += vector)
    e.storeVector(e.fromElements(values.slice(i, vector)), matrix, placeOf(t, i, vector));
}

ScanThread::Values ScanThread::getSteps(Value matrix, Value t, int64_t count, int64_t vector) {
  Values values;
  for (int64_t i = 0; i < count; i += vector) {
    Value loaded = e.loadVector(matrix, placeOf(t, i, vector), vector);
    for (int64_t j = 0; j < vector; ++j)
      values.push_back(e.extract(loaded, j));
  }
  return values;
}

ScanThread::Values ScanThread::gatherY(Value t, Value limit) {
  int64_t vector = shape.tileVector();
  Values all;
  for (int64_t i = 0; i < shape.tile(); i += vector) {
    // Groups behind the end have left no y.
    Value step = e.min(e.add(t, i), e.sub(limit, e.index(vector)));
    SmallVector<Values> parts;
    for (int64_t l = 0; l < shape.lanes; ++l)
      parts.push_back(getSteps(y, e.add(step, l * shape.chunk), vector, vector));
    // A balanced tree, as between the lanes of a warp.
    for (int64_t apart = 1; apart < shape.lanes; apart *= 2)
      for (int64_t l = 0; l < shape.lanes; l += 2 * apart)
        for (int64_t j = 0; j < vector; ++j)
          parts[l][j] = e.math.add(parts[l][j], parts[l + apart][j]);
    llvm::append_range(all, parts[0]);
  }
  return all;
}

} // namespace mamba
