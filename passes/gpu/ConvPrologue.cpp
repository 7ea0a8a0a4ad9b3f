#include "passes/gpu/ConvPrologue.h"

#include "passes/gpu/LinearOperand.h"

#include "mlir/Dialect/SCF/IR/SCF.h"

using namespace mlir;

namespace mamba {

ConvPrologue::ConvPrologue(GpuEmitter &e, const ConvRows &rows)
    : E(lastDim(ssm::Conv1dOp(rows.conv).getY())), W(lastDim(ssm::Conv1dOp(rows.conv).getW())),
      e(e), conv(rows.conv), hasSilu(bool(rows.silu)) {}

bool ConvPrologue::isAligned(int64_t count) const {
  ssm::Conv1dOp op = conv;
  return count > 1 && E % count == 0 && isLinearAligned(*e.view(op.getX()), count);
}

SmallVector<Value> ConvPrologue::load(Value buffer, ValueRange at, int64_t count) {
  if (count == 1)
    return {e.load(buffer, at)};
  Value loaded = e.loadVector(buffer, at, count);
  SmallVector<Value> values;
  for (int64_t i = 0; i < count; ++i)
    values.push_back(e.extract(loaded, i));
  return values;
}

ConvPrologue::Taps ConvPrologue::taps(Value column, int64_t count) {
  Taps taps{column, {}, {}};
  Value w = e.buffer(conv.getW());
  int64_t vector = W % 4 == 0 ? 4 : W % 2 == 0 ? 2 : 1;
  for (int64_t i = 0; i < count; ++i)
    for (int64_t k = 0; k < W; k += vector)
      taps.weights.append(load(w, {e.add(column, i), e.index(k)}, vector));
  if (conv.getBias())
    taps.biases = load(e.buffer(conv.getBias()), column, count);
  else
    taps.biases.assign(count, e.f32(0));
  return taps;
}

ConvPrologue::Guess ConvPrologue::guess(Value row) {
  Value sequence = e.min(row, e.sub(e.sequences, e.index(1)));
  return {sequence, e.sequenceStart(sequence), e.sequenceStart(e.add(sequence, 1)),
          e.slot(sequence)};
}

ConvPrologue::Place ConvPrologue::placeOf(Value row, const Guess &guess) {
  Value isRight = e.both(e.less(guess.start, e.add(row, 1)), e.less(row, guess.next));
  Type index = e.b.getIndexType();
  auto branch = scf::IfOp::create(e.b, TypeRange{index, index}, isRight, true);
  {
    OpBuilder::InsertionGuard guard(e.b);
    e.b.setInsertionPointToStart(branch.thenBlock());
    scf::YieldOp::create(e.b, ValueRange{guess.start, guess.slot});
    e.b.setInsertionPointToStart(branch.elseBlock());
    // As many are before the row's as end before it.
    Value last = e.sub(e.sequences, e.index(1));
    Value sequence = e.loop(e.index(0), last, 1, e.index(0), [&](Value i, ValueRange old) {
      Value isBehind = e.less(row, e.sequenceStart(e.add(i, 1)));
      return SmallVector<Value>{e.select(isBehind, old[0], e.add(old[0], 1))};
    })[0];
    scf::YieldOp::create(e.b, ValueRange{e.sequenceStart(sequence), e.slot(sequence)});
  }
  return {row, e.sub(row, branch.getResult(0)), branch.getResult(1)};
}

Value ConvPrologue::isFirst(const Place &place) { return e.equal(place.before, e.index(0)); }

SmallVector<Value> ConvPrologue::rowAt(const Place &place, const Taps &taps, bool isFirst) {
  int64_t count = taps.biases.size();
  View x = *e.view(conv.getX());
  auto inputs = [&](Value row) {
    return load(x.buffer, {row, e.add(taps.column, x.offset)}, count);
  };
  auto inPool = [&](Value k) {
    return load(e.buffer(conv.getState()), {place.slot, k, taps.column}, count);
  };
  SmallVector<SmallVector<Value>> window; // by taps
  for (int64_t k = 0; k < W - 1; ++k) {
    if (isFirst) {
      window.push_back(inPool(e.index(k)));
      continue;
    }
    // So many rows back there may be none: then it is in the pool.
    int64_t back = W - 1 - k;
    Value isInRows = e.less(e.index(back - 1), place.before);
    window.push_back(inputs(e.sub(place.row, e.min(e.index(back), place.before))));
    SmallVector<Value> before = inPool(e.min(e.add(place.before, k), e.index(W - 2)));
    for (int64_t i = 0; i < count; ++i)
      window[k][i] = e.select(isInRows, window[k][i], before[i]);
  }
  window.push_back(inputs(place.row));
  SmallVector<Value> rows;
  for (int64_t i = 0; i < count; ++i) {
    SmallVector<Value> ofChannel;
    for (ArrayRef<Value> tap : window)
      ofChannel.push_back(tap[i]);
    rows.push_back(apply(ofChannel, taps, i));
  }
  return rows;
}

Value ConvPrologue::apply(ValueRange inputs, const Taps &taps, int64_t channel) {
  Value sum = taps.biases[channel];
  for (int64_t k = 0; k < W; ++k)
    sum = e.math.fma(taps.weights[channel * W + k], inputs[k], sum);
  return hasSilu ? e.math.silu(sum) : sum;
}

Value ConvPrologue::input(Value row, Value column) {
  return e.load(*e.view(conv.getX()), row, column);
}

SmallVector<Value> ConvPrologue::loadPool(Value slot, int64_t k, Value column, int64_t count) {
  return load(e.buffer(conv.getState()), {slot, e.index(k), column}, count);
}

void ConvPrologue::storePool(ValueRange values, Value slot, int64_t k, Value column) {
  SmallVector<Value> at = {slot, e.index(k), column};
  if (values.size() == 1)
    e.store(values[0], e.buffer(conv.getState()), at);
  else
    e.storeVector(e.fromElements(values), e.buffer(conv.getState()), at);
}

} // namespace mamba
