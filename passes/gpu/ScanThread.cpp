#include "passes/gpu/ScanThread.h"

#include "passes/target/Recurrence.h"

#include "mlir/Dialect/Arith/IR/Arith.h"

#include <numbers>

using namespace mlir;

namespace mamba {

ScanThread::ScanThread(GpuEmitter &e, const ScanParts &parts)
    : e(e), p(parts), shape(parts, e.schedule),
      yResult(yielded(e.kernel, 0) == p.scan.getNewState()) {}

KernelGrid ScanThread::run() {
  Value sequence = e.div(e.tile, e.index(shape.across()));
  Value block = e.rem(e.tile, e.index(shape.across()));
  local = e.div(e.thread, e.index(shape.lanes));
  lane = e.rem(e.thread, e.index(shape.lanes));
  state0 = e.mul(lane, shape.states);
  column = e.add(e.mul(block, shape.channels), local);
  if (shape.masksChannels()) {
    exists = e.less(column, e.index(shape.E));
    column = e.min(column, e.index(shape.E - 1));
  }
  slot = e.slot(sequence);
  Value start = e.sequenceStart(sequence), end = e.sequenceStart(e.add(sequence, 1));
  if (shape.inChunks())
    allocate();
  e.when(e.less(start, end), [&] {
    loadOnce();
    if (shape.inChunks())
      runChunks(start, end);
    else
      runDirect(start, end);
  });
  return {KernelGrid::Sequences, 1, 1, shape.across()};
}

Value ScanThread::here(Value condition) {
  if (!exists || !condition)
    return exists ? exists : condition;
  return e.both(exists, condition);
}

void ScanThread::whenHere(Value condition, const std::function<void()> &body) {
  if (Value all = here(condition))
    e.when(all, body);
  else
    body();
}

Value ScanThread::ofChannel(Value vector) {
  return vector ? e.load(e.buffer(vector), column) : Value();
}

void ScanThread::loadOnce() {
  projectionBias = ofChannel(p.projection ? p.projection.getBias() : Value());
  deltaBias = ofChannel(p.scan.getDeltaBias());
  skip = ofChannel(p.scan.getD());
  for (int64_t i = 0; i < shape.states; ++i) {
    Value state = e.add(state0, i);
    if (shape.masksStates())
      state = e.min(state, e.index(shape.N - 1));
    Value a = e.load(e.buffer(p.scan.getA()), {column, state});
    decay.push_back(p.scan.getLog2Decay() ? a : e.math.mul(a, e.f32(std::numbers::log2e)));
  }
}

/// How many states one access of the pool moves: pools are aligned to 64 bytes.
static int64_t poolVector(const ScanShape &shape) {
  for (int64_t count : {4, 2})
    if (!shape.masksStates() && shape.N % count == 0 && shape.states % count == 0)
      return count;
  return 1;
}

SmallVector<Value> ScanThread::loadStates() {
  Value pool = e.buffer(p.scan.getState());
  int64_t count = poolVector(shape);
  SmallVector<Value> h;
  for (int64_t i = 0; i < shape.states; i += count) {
    Value state = e.add(state0, i);
    SmallVector<Value> at = {slot, column, state};
    auto load = [&] { return count == 1 ? e.load(pool, at) : e.loadVector(pool, at, count); };
    Value condition = here(shape.masksStates() ? e.less(state, e.index(shape.N)) : Value());
    Value zero = e.math.constant(count == 1 ? Type(e.b.getF32Type())
                                            : VectorType::get({count}, e.b.getF32Type()),
                                 0);
    Value loaded = condition ? e.when(condition, load, zero) : load();
    for (int64_t j = 0; j < count; ++j)
      h.push_back(count == 1 ? loaded : e.extract(loaded, j));
  }
  return h;
}

void ScanThread::storeStates(ValueRange h) {
  Value pool = e.buffer(p.scan.getState());
  int64_t count = poolVector(shape);
  for (int64_t i = 0; i < shape.states; i += count) {
    Value state = e.add(state0, i);
    SmallVector<Value> at = {slot, column, state};
    whenHere(shape.masksStates() ? e.less(state, e.index(shape.N)) : Value(), [&] {
      if (count == 1)
        e.store(h[i], pool, at);
      else
        e.storeVector(e.fromElements(h.slice(i, count)), pool, at);
    });
  }
}

Value ScanThread::stepSize(Value delta) {
  if (projectionBias)
    delta = e.math.add(delta, projectionBias);
  return scanStepSize(e.math, delta, deltaBias, p.softplus || p.scan.getSoftplus());
}

Value ScanThread::step(Value dt, Value dtU, OfState B, OfState C, SmallVector<Value> &h) {
  // Two chains for the sum over the states.
  SmallVector<Value> sums(std::min<int64_t>(shape.states, 2), e.f32(0));
  scanStep(e.math, dt, dtU, decay, B, C, h, sums);
  Value y = sums.size() == 2 ? e.math.add(sums[0], sums[1]) : sums[0];
  return e.warpSum(y, shape.lanes);
}

Value ScanThread::result(Value y, Value u, Value row) {
  Value z = p.scan.getZ() ? e.load(*e.view(p.scan.getZ()), row, column) : Value();
  Value scanned = scanOutput(e.math, y, skip, u, z);
  return e.elementwise(yielded(e.kernel, yResult), [&](Value v) -> Value {
    if (v == p.scan.getY())
      return scanned;
    if (std::optional<View> view = e.view(v))
      return e.load(*view, row, column);
    return {};
  });
}

View ScanThread::out() { return {e.resultBuffer(yResult), 0, shape.E}; }

} // namespace mamba
