#include "passes/gpu/LinearOperand.h"

#include "passes/target/WeightElement.h"

using namespace mlir;

namespace mamba {

bool isLinearAligned(const View &view, int64_t count) {
  int64_t width = cast<MemRefType>(view.buffer.getType()).getShape().back();
  return count > 1 && width % count == 0 && view.offset % count == 0;
}

LinearOperand::LinearOperand(GpuEmitter &e, const View &view, Value matrix, Value first,
                             int64_t lines, Value last)
    : e(e), view(view), matrix(matrix), lines(lines), kBlock(e.schedule.getKBlock()) {
  vector = 4;
  if (matrix || !isLinearAligned(view, vector) || view.columns % vector ||
      lines % (e.threads * vector / sector))
    vector = 1;
  linesAtATime = e.threads / lanesALine();
  threadK = e.mul(e.rem(e.thread, e.index(lanesALine())), vector);
  threadLine = e.div(e.thread, e.index(lanesALine()));
  shared = e.shared({2, kBlock, lines + padding});
  for (int64_t i = 0; i < linesAThread(); ++i) {
    Value row = e.add(first, line(i));
    rows.push_back(last ? e.min(row, last) : row);
  }
}

SmallVector<Value> LinearOperand::load(Value k) {
  SmallVector<Value> elements;
  for (int64_t part = 0; part < kBlock; part += sector) {
    Value at = e.add(k, e.add(threadK, part)), inside;
    if (view.columns % kBlock) {
      inside = e.less(at, e.index(view.columns));
      at = e.min(at, e.index(view.columns - vector));
    }
    for (Value row : rows) {
      Value loaded = matrix        ? weightAt(e, matrix, {row, at})
                     : vector == 1 ? e.load(view, row, at)
                                   : e.loadVector(view.buffer, {row, e.add(at, view.offset)}, vector);
      for (int64_t i = 0; i < vector; ++i) {
        Value element = vector == 1 ? loaded : e.extract(loaded, i);
        elements.push_back(inside ? e.select(inside, element, e.f32(0)) : element);
      }
    }
  }
  return elements;
}

void LinearOperand::store(ArrayRef<Value> elements, Value buffer) {
  for (int64_t part = 0; part < kBlock; part += sector)
    for (int64_t i = 0; i < linesAThread(); ++i)
      for (int64_t j = 0; j < vector; ++j, elements = elements.drop_front())
        e.store(elements.front(), shared, {buffer, e.add(threadK, part + j), line(i)});
}

Value LinearOperand::place(Value number, int64_t v, int64_t tile) {
  int64_t count = vectorOf(tile);
  return e.add(e.mul(number, count), v * (lines / tile * count));
}

SmallVector<Value> LinearOperand::read(Value buffer, Value k, Value number, int64_t tile) {
  int64_t count = vectorOf(tile);
  SmallVector<Value> values;
  for (int64_t v = 0; v < tile / count; ++v) {
    Value loaded = e.loadVector(shared, {buffer, k, place(number, v, tile)}, count);
    for (int64_t i = 0; i < count; ++i)
      values.push_back(e.extract(loaded, i));
  }
  return values;
}

} // namespace mamba
