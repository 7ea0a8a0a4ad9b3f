#include "passes/cpu/LinearEpilogue.h"

#include "passes/cpu/ConvChannels.h"

#include "mlir/Dialect/Arith/IR/Arith.h"

using namespace mlir;

namespace mamba {

/// The sequence that has the row: as many are before it as end before the row.
static Value sequenceOf(CpuEmitter &e, Value row) {
  return e.loop(e.index(0), e.sequences, 1, e.index(0), [&](Value i, ValueRange before) {
    Value isBehind = e.less(row, e.sequenceStart(e.add(i, 1)));
    return SmallVector<Value>{
        arith::SelectOp::create(e.b, isBehind, before[0], e.add(before[0], 1))};
  })[0];
}

OutputRow outputRow(CpuEmitter &e, LinearParts parts, Value row, Value factor) {
  if (!parts.after.conv)
    return {row, factor, {}};
  // If each sequence before it has a row, it is the one of that number.
  Value isLater = e.less(e.sequenceStart(e.add(row, 1)), e.add(row, 1));
  Value sequence = e.when(isLater, [&] { return sequenceOf(e, row); }, row);
  return {row, factor, e.slot(sequence)};
}

Value outputsOf(CpuEmitter &e, LinearParts parts, Value sums, Value factor, Value column) {
  Value value = factor ? e.math.mul(sums, factor) : sums;
  Value bias = parts.linear.getBias();
  return bias ? e.math.add(value, e.load1(e.buffer(bias), column)) : value;
}

/// Writes rows that are yielded, in all their precisions.
static void storeYielded(CpuEmitter &e, Value yieldedRows, Value vector, Value row, Value column) {
  for (unsigned i = 0; i < e.kernel.getNumResults(); ++i)
    if (yielded(e.kernel, i) == yieldedRows)
      e.store(vector, {e.resultBuffer(i), 0, lastDim(yieldedRows)}, row, column);
}

/// As a kernel of its own would read the outputs: rounded, if they are in memory.
static Value asStored(CpuEmitter &e, LinearParts parts, Value outputs) {
  for (unsigned i = 0; i < e.kernel.getNumResults(); ++i) {
    Type element = ::cast<MemRefType>(e.resultBuffer(i).getType()).getElementType();
    if (yielded(e.kernel, i) == parts.y && !element.isF32())
      return e.widen(e.narrow(outputs, element));
  }
  return outputs;
}

void writeOutputs(CpuEmitter &e, LinearParts parts, Value sums, const OutputRow &row,
                  Value column) {
  writeFinished(e, parts, outputsOf(e, parts, sums, row.factor, column), row, column);
}

void writeFinished(CpuEmitter &e, LinearParts parts, Value outputs, const OutputRow &row,
                   Value column) {
  Value finished = e.elementwise(parts.y, [&](Value v) -> Value {
    if (v == parts.linear.getY())
      return outputs;
    if (std::optional<View> view = e.view(v))
      return e.load(*view, row.row, column);
    return {};
  });
  storeYielded(e, parts.y, finished, row.row, column);
  if (!row.slot)
    return;
  int64_t reach = std::exchange(e.reach, e.lanes);
  ConvChannels channels(e, parts.after.conv);
  e.when(e.less(column, e.index(channels.E)), [&] {
    SmallVector<Value> inputs = channels.loadPool(row.slot, column);
    inputs.push_back(asStored(e, parts, outputs));
    Value sum = channels.sum(channels.taps(column), inputs);
    storeYielded(e, rowsAfter(parts), parts.after.silu ? e.math.silu(sum) : sum, row.row, column);
    channels.storePool(ArrayRef(inputs).drop_front(), row.slot, column);
  });
  e.reach = reach;
}

} // namespace mamba
