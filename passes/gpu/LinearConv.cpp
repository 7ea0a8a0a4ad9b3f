#include "passes/gpu/LinearConv.h"

#include "mlir/Dialect/SCF/IR/SCF.h"

using namespace mlir;

namespace mamba {

LinearConv::LinearConv(GpuEmitter &e, const LinearParts &parts, Value row)
    : e(e), parts(parts), conv(e, parts.after), row(row), guess(conv.guess(row)) {}

std::optional<LinearConv> LinearConv::of(GpuEmitter &e, const LinearParts &parts, Value row) {
  if (!parts.after.conv)
    return std::nullopt;
  LinearConv conv(e, parts, row);
  conv.settle();
  return conv;
}

void LinearConv::settle() { slot = conv.placeOf(row, guess).slot; }

Value LinearConv::isInside(Value column, int64_t count) {
  int64_t first = parts.afterColumn;
  Value below = e.less(e.add(column, count - 1), e.index(first + conv.E));
  return first == 0 ? below : e.both(below, e.less(e.index(first - 1), column));
}

void LinearConv::store(ArrayRef<Value> outputs, Value column) {
  int64_t count = outputs.size();
  if (count > 1 && (conv.E % count || parts.afterColumn % count)) {
    for (int64_t i = 0; i < count; ++i)
      store(outputs[i], e.add(column, i));
    return;
  }
  bool isFetched = used < fetched.size();
  e.when(isInside(column, count), [&] {
    Wanted wanted = isFetched ? fetched[used] : load(column, count);
    wanted.window.push_back(SmallVector<Value>(outputs));
    SmallVector<Value> rows;
    for (int64_t i = 0; i < count; ++i) {
      SmallVector<Value> inputs;
      for (ArrayRef<Value> tap : wanted.window)
        inputs.push_back(tap[i]);
      rows.push_back(conv.apply(inputs, wanted.taps, i));
    }
    Value channel = wanted.taps.column;
    for (unsigned i = 0; i < e.kernel.getNumResults(); ++i)
      if (yielded(e.kernel, i) == rowsAfter(parts)) {
        if (count > 1)
          e.storeVector(e.fromElements(rows), e.resultBuffer(i), {row, channel});
        else
          e.store(rows[0], e.resultBuffer(i), {row, channel});
      }
    for (int64_t k = 0; k < conv.W - 1; ++k)
      conv.storePool(wanted.window[k + 1], slot, k, channel);
  });
  used += isFetched;
}

LinearConv::Wanted LinearConv::load(Value column, int64_t count) {
  Value channel = e.sub(column, e.index(parts.afterColumn));
  Wanted wanted{conv.taps(channel, count), {}};
  for (int64_t k = 0; k < conv.W - 1; ++k)
    wanted.window.push_back(conv.loadPool(slot, k, channel, count));
  return wanted;
}

void LinearConv::fetch(Value column, Value mine) {
  int64_t W = conv.W;
  SmallVector<Type> types(2 * W, e.b.getF32Type());
  auto branch = scf::IfOp::create(e.b, types, e.both(mine, isInside(column, 1)), true);
  {
    OpBuilder::InsertionGuard guard(e.b);
    e.b.setInsertionPointToStart(branch.thenBlock());
    Wanted wanted = load(column, 1);
    SmallVector<Value> all = wanted.taps.weights;
    all.append(wanted.taps.biases);
    for (ArrayRef<Value> tap : wanted.window)
      all.push_back(tap[0]);
    scf::YieldOp::create(e.b, all);
    e.b.setInsertionPointToStart(branch.elseBlock());
    scf::YieldOp::create(e.b, SmallVector<Value>(2 * W, e.f32(0)));
  }
  ValueRange all = branch.getResults();
  Wanted &wanted = fetched.emplace_back();
  wanted.taps = {e.sub(column, e.index(parts.afterColumn)), all.take_front(W), all.slice(W, 1)};
  for (Value tap : all.drop_front(W + 1))
    wanted.window.push_back({tap});
}

void storeLinear(GpuEmitter &e, const LinearParts &parts, ArrayRef<Value> outputs, Value row,
                 Value column, std::optional<LinearConv> &conv) {
  Value all = outputs.size() > 1 ? e.fromElements(outputs) : outputs.front();
  for (unsigned i = 0; i < e.kernel.getNumResults(); ++i) {
    if (yielded(e.kernel, i) != parts.y)
      continue;
    if (outputs.size() > 1)
      e.storeVector(all, e.resultBuffer(i), {row, column});
    else
      e.store(all, e.resultBuffer(i), {row, column});
  }
  if (conv)
    conv->store(outputs, column);
}

} // namespace mamba
