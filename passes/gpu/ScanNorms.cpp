// Norms of what dt is projected from, of B and of C. Each is a factor of its row,
// which multiplies what is made of the row as it is: dt's projection, dt * u, y.
#include "passes/gpu/RowNorm.h"
#include "passes/gpu/ScanThread.h"

#include "mlir/Dialect/MemRef/IR/MemRef.h"

using namespace mlir;

namespace mamba {

/// Neighbours that add up the squares of a row in a chunk.
static constexpr int64_t kLanesOfRow = 8;

Value ScanThread::times(Value x, Value factor) { return factor ? e.math.mul(x, factor) : x; }

Value ScanThread::factorOfSquares(ssm::RMSNormOp norm, Value squares) {
  return inverseRms(e, e.warpSum(squares, shape.lanes), lastDim(norm.getX()),
                    norm.getEps().convertToDouble());
}

Value ScanThread::factorOfLanes(ssm::RMSNormOp norm, ValueRange numbers) {
  if (!norm)
    return {};
  Value squares = e.f32(0);
  for (Value number : numbers)
    squares = e.math.fma(number, number, squares);
  return factorOfSquares(norm, squares);
}

int64_t ScanThread::factorsOfThread() const {
  int64_t rowsATime = e.threads / kLanesOfRow;
  return (shape.chunk + rowsATime - 1) / rowsATime * shape.norms;
}

/// The sum of squares of the columns that one of the lanes of a row has: four
/// neighbours at a time where they are one load.
static Value squaresOfLane(GpuEmitter &e, const View &x, Value row, Value lane) {
  auto type = cast<MemRefType>(x.buffer.getType());
  bool isWhole = type.getElementType().isF32() && x.columns % 4 == 0 && x.offset % 4 == 0 &&
                 type.getDimSize(1) % 4 == 0;
  int64_t width = isWhole ? 4 : 1;
  auto add = [&](Value column, ValueRange sum) -> SmallVector<Value> {
    Value squares = sum[0];
    if (!isWhole) {
      Value number = e.load(x, row, column);
      return {e.math.fma(number, number, squares)};
    }
    Value four = e.loadVector(x.buffer, {row, e.add(column, x.offset)}, width);
    for (int64_t i = 0; i < width; ++i)
      squares = e.math.fma(e.extract(four, i), e.extract(four, i), squares);
    return {squares};
  };
  return e.loop(e.mul(lane, width), e.index(x.columns), kLanesOfRow * width, e.f32(0), add)[0];
}

ScanThread::Values ScanThread::fetchFactors(Value first) {
  Values fetched;
  if (!shape.norms)
    return fetched;
  Value lanes = e.index(kLanesOfRow), lane = e.rem(e.thread, lanes);
  int64_t rowsATime = e.threads / kLanesOfRow;
  for (int64_t step = 0; step < shape.chunk; step += rowsATime) {
    Value row = e.min(e.add(e.add(first, e.div(e.thread, lanes)), step), last);
    for (ssm::RMSNormOp norm : norms) {
      View x = *e.view(norm.getX());
      Value squares = e.warpSum(squaresOfLane(e, x, row, lane), kLanesOfRow);
      fetched.push_back(inverseRms(e, squares, x.columns, norm.getEps().convertToDouble()));
    }
  }
  return fetched;
}

void ScanThread::putFactors(ValueRange fetched) {
  if (!shape.norms)
    return;
  Value lanes = e.index(kLanesOfRow), lane = e.rem(e.thread, lanes);
  int64_t rowsATime = e.threads / kLanesOfRow, passes = factorsOfThread() / shape.norms;
  for (int64_t pass = 0; pass < passes; ++pass) {
    Value step = e.add(e.div(e.thread, lanes), pass * rowsATime);
    Value writes = e.equal(lane, e.index(0));
    if ((pass + 1) * rowsATime > shape.chunk)
      writes = e.both(writes, e.less(step, e.index(shape.chunk)));
    e.when(writes, [&] {
      for (int64_t i = 0; i < shape.norms; ++i)
        e.store(fetched[pass * shape.norms + i], factors, {e.index(i), step});
    });
  }
}

ScanThread::Values ScanThread::factorsOf(ssm::RMSNormOp norm, Value t, int64_t count,
                                         int64_t vector) {
  Values values;
  if (!norm)
    return Values(count, Value());
  Value row = e.index(llvm::find(norms, norm) - norms.begin());
  for (int64_t i = 0; i < count; i += vector) {
    Value loaded = e.loadVector(factors, {row, e.add(t, i)}, vector);
    for (int64_t j = 0; j < vector; ++j)
      values.push_back(e.extract(loaded, j));
  }
  return values;
}

} // namespace mamba
