#include "passes/gpu/ScanThread.h"

#include "passes/target/Recurrence.h"

#include "mlir/Dialect/Arith/IR/Arith.h"

#include <numbers>

using namespace mlir;

namespace mamba {

ScanThread::ScanThread(GpuEmitter &e, const ScanParts &parts)
    : e(e), p(parts), shape(parts, e.schedule),
      yResult(0) {
  while (e.kernel.getTiedInput(yResult))
    ++yResult;
  for (ssm::RMSNormOp norm : {p.deltaNorm, p.normOfB, p.normOfC})
    if (norm)
      norms.push_back(norm);
}

KernelGrid ScanThread::run() {
  // Step by step neighbours share a channel, so that pools move in whole lines.
  Value across = e.index(shape.inChunks() ? shape.channels : shape.lanes);
  Value outer = e.div(e.thread, across), inner = e.rem(e.thread, across);
  local = shape.inChunks() ? inner : outer;
  lane = shape.inChunks() ? outer : inner;
  state0 = e.mul(lane, shape.states);
  column = e.add(e.mul(e.rem(e.tile, e.index(shape.across())), shape.channels), local);
  if (shape.masksChannels()) {
    exists = e.less(column, e.index(shape.E));
    column = e.min(column, e.index(shape.E - 1));
  }
  if (shape.inChunks())
    allocate();
  // A block is of a sequence, or of a slice of all rows.
  Value part = e.div(e.tile, e.index(shape.across()));
  if (shape.slices) {
    runSlices(part);
    return {KernelGrid::Constant, shape.slices * shape.across(), 1, 1};
  }
  // Weights first: they wait for nothing that a kernel before leaves.
  loadOnce();
  slot = e.slot(part);
  Value start = e.sequenceStart(part);
  end = e.sequenceStart(e.add(part, 1));
  e.when(e.less(start, end), [&] {
    if (shape.inChunks())
      storeStates(runChunks(start, loadStates()));
    else
      runDirect(start);
  });
  return {KernelGrid::Sequences, 1, 1, shape.across()};
}

Value ScanThread::here(Value condition) {
  if (!exists || !condition)
    return exists ? exists : condition;
  return e.both(exists, condition);
}

void ScanThread::whenAll(Value condition, const std::function<void()> &body) {
  if (condition)
    e.when(condition, body);
  else
    body();
}

Value ScanThread::ofChannel(Value vector) {
  return vector ? e.load(e.buffer(vector), column) : Value();
}

/// How many states one access of the pool or of A moves: both are aligned to 64
/// bytes.
static int64_t poolVector(const ScanShape &shape) {
  for (int64_t count : {4, 2})
    if (!shape.masksStates() && shape.N % count == 0 && shape.states % count == 0)
      return count;
  return 1;
}

void ScanThread::loadOnce() {
  if (shape.inChunks() && shape.rank && !shape.inPieces())
    copyWeight(e.index(0));
  if (!shape.inChunks() && p.projection && shape.rank <= groups().length())
    projectionWeights = weightsOfGroup(groups(), e.index(0));
  projectionBias = ofChannel(p.projection ? p.projection.getBias() : Value());
  deltaBias = ofChannel(p.deltaBias);
  skip = ofChannel(p.D);
  int64_t vector = poolVector(shape);
  Value A = e.buffer(p.A), rates;
  for (int64_t i = 0; i < shape.states; ++i) {
    Value state = e.add(state0, i), there;
    if (shape.masksStates()) {
      there = e.less(state, e.index(shape.N));
      state = e.min(state, e.index(shape.N - 1));
    }
    if (i % vector == 0)
      rates = vector == 1 ? e.load(A, {column, state}) : e.loadVector(A, {column, state}, vector);
    Value a = vector == 1 ? rates : e.extract(rates, i % vector);
    decay.push_back(p.log2Decay ? a : e.math.mul(a, e.f32(std::numbers::log2e)));
    for (auto [value, to] : {std::pair{p.B, &constantB}, {p.C, &constantC}})
      if (value && isConstantInTime(value)) {
        Value x = e.load(e.buffer(value), state);
        to->push_back(there ? e.select(there, x, e.f32(0)) : x);
      }
  }
}

ScanThread::Values ScanThread::loadStates() {
  Value pool = e.buffer(p.state);
  int64_t count = poolVector(shape);
  Values h;
  for (int64_t i = 0; i < shape.states; i += count) {
    Value state = e.add(state0, i);
    SmallVector<Value> at = {slot, column, state};
    auto load = [&] { return count == 1 ? e.load(pool, at) : e.loadVector(pool, at, count); };
    Value condition =
        here(shape.masksStates() ? e.less(state, e.index(shape.N)) : Value());
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
  Value pool = e.buffer(p.state);
  int64_t count = poolVector(shape);
  for (int64_t i = 0; i < shape.states; i += count) {
    Value state = e.add(state0, i);
    SmallVector<Value> at = {slot, column, state};
    Value there = shape.masksStates() ? e.less(state, e.index(shape.N)) : Value();
    whenAll(here(there), [&] {
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
  return scanStepSize(e.math, delta, deltaBias, p.hasSoftplus);
}

Value ScanThread::step(Value dt, Value dtU, OfState B, OfState C, Values &h) {
  if (!C) {
    scanStep(e.math, dt, dtU, decay, B, C, h, {}, shape.fmaExp);
    return {};
  }
  // Two chains for the sum over the states.
  Values sums(std::min<int64_t>(shape.states, 2), e.f32(0));
  scanStep(e.math, dt, dtU, decay, B, C, h, sums, shape.fmaExp);
  return sums.size() == 2 ? e.math.add(sums[0], sums[1]) : sums[0];
}

Value ScanThread::result(Value y, Value u, llvm::function_ref<Value(Value)> leaf) {
  Value z = p.z ? leaf(p.z) : Value();
  Value scanned = scanOutput(e.math, y, skip, u, z);
  return e.elementwise(yielded(e.kernel, yResult), [&](Value v) -> Value {
    if (v == p.scan.getY())
      return scanned;
    return isRowsView(v) ? leaf(v) : Value();
  });
}

View ScanThread::out() { return {e.resultBuffer(yResult), 0, shape.E}; }

} // namespace mamba
