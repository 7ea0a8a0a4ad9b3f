// Rows of a chunk on their way to shared memory: a thread takes every so many of
// the vectors that lanes will read.
#include "passes/gpu/ScanThread.h"

using namespace mlir;

namespace mamba {

bool ScanThread::isInPieces(const Stage &stage) const {
  return stage.to == input && shape.inPieces();
}

int64_t ScanThread::countOf(const Stage &stage) const {
  return stage.isMma ? shape.chunk * shape.rank / shape.lineVector()
                     : stage.matrix.count(shape.chunk);
}

int64_t ScanThread::vectorsOf(const Stage &stage) const {
  return (countOf(stage) + e.threads - 1) / e.threads;
}

Value ScanThread::fetchVector(const Stage &stage, Value first, Value column0, Value item) {
  const TimeMatrix &m = stage.matrix;
  Value lanes = e.index(m.lanes), perStep = e.index(m.vectors() * m.lanes);
  Value step = e.mul(e.div(item, perStep), m.steps());
  Value inLane = e.mul(e.div(e.rem(item, perStep), lanes), m.width());
  Value column = e.add(e.add(e.mul(e.rem(item, lanes), m.states), inLane), column0);
  int64_t width = m.width();
  bool isWhole = !m.hasGaps() && m.states % width == 0 && stage.view.offset % width == 0 &&
                 cast<MemRefType>(stage.view.buffer.getType()).getDimSize(1) % width == 0;
  Values numbers;
  for (int64_t t = 0; t < m.steps(); ++t) {
    Value row = e.min(e.add(first, e.add(step, t)), last);
    if (isWhole && width > 1) {
      // Rows are aligned to 64 bytes where they begin.
      Value loaded =
          e.loadVector(stage.view.buffer, {row, e.add(column, stage.view.offset)}, width);
      for (int64_t i = 0; i < width; ++i)
        numbers.push_back(e.extract(loaded, i));
      continue;
    }
    for (int64_t i = 0; i < width; ++i) {
      Value at = e.add(column, i), there;
      if (m.hasGaps()) {
        there = e.both(e.less(e.add(inLane, i), e.index(m.states)),
                       e.less(at, e.index(m.columns)));
        at = e.min(at, e.index(m.columns - 1));
      }
      Value x = e.load(stage.view, row, at);
      numbers.push_back(there ? e.select(there, x, e.f32(0)) : x);
    }
  }
  return e.fromElements(numbers);
}

ScanThread::Values ScanThread::fetch(const Stage &stage, Value first, Value column0) {
  int64_t count = countOf(stage);
  Values vectors;
  for (int64_t i = 0; i < vectorsOf(stage); ++i) {
    Value item = e.add(e.thread, i * e.threads);
    if ((i + 1) * e.threads > count)
      item = e.min(item, e.index(count - 1));
    vectors.push_back(stage.isMma ? fetchLine(stage, first, item)
                                  : fetchVector(stage, first, column0, item));
  }
  return vectors;
}

void ScanThread::put(const Stage &stage, ValueRange vectors) {
  const TimeMatrix &m = stage.matrix;
  int64_t count = countOf(stage);
  Value lanes = e.index(m.lanes), perStep = e.index(m.vectors() * m.lanes);
  for (auto [i, vector] : llvm::enumerate(vectors)) {
    Value item = e.add(e.thread, i * e.threads);
    bool isLast = int64_t(i + 1) * e.threads > count;
    whenAll(isLast ? e.less(item, e.index(count)) : Value(), [&] {
      if (stage.isMma)
        return putLine(stage, vector, item);
      e.storeVector(vector, stage.to, {e.div(item, perStep), e.div(e.rem(item, perStep), lanes),
                                       e.rem(item, lanes), e.index(0)});
    });
  }
}

} // namespace mamba
