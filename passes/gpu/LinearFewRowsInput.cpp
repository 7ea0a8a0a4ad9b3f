#include "passes/gpu/LinearFewRows.h"
#include "passes/gpu/LinearOperand.h"

using namespace mlir;

namespace mamba {

StagedRows::StagedRows(GpuEmitter &e, const FewRowsShape &shape, const View &x,
                       ArrayRef<Value> rows, bool withSquares, double offset)
    : e(e), shape(shape), x(x), rows(rows), withSquares(withSquares), offset(offset) {
  elements = e.shared({shape.rowBlock, shape.staged * shape.shares * shape.quads(),
                       shape.lanes + shape.padding(), quad});
  if (offset != 0)
    sums = e.shared({shape.rowBlock, shape.staged * shape.shares * shape.lanes});
}

SmallVector<Value> StagedRows::loadQuad(Value row, Value k, bool mayEnd) {
  SmallVector<Value> numbers;
  if (isLinearAligned(x, quad) && shape.K % quad == 0) {
    Value inside;
    if (mayEnd) {
      inside = e.less(k, e.index(shape.K));
      k = e.min(k, e.index(shape.K - quad));
    }
    Value loaded = e.loadVector(x.buffer, {row, e.add(k, x.offset)}, quad);
    for (int64_t i = 0; i < quad; ++i) {
      Value number = e.extract(loaded, i);
      numbers.push_back(inside ? e.select(inside, number, e.f32(0)) : number);
    }
    return numbers;
  }
  for (int64_t i = 0; i < quad; ++i) {
    Value at = e.add(k, i);
    if (!mayEnd) {
      numbers.push_back(e.load(x, row, at));
      continue;
    }
    Value number = e.load(x, row, e.min(at, e.index(shape.K - 1)));
    numbers.push_back(e.select(e.less(at, e.index(shape.K)), number, e.f32(0)));
  }
  return numbers;
}

void StagedRows::stage(Value k, int64_t rounds, bool mayEnd, SmallVector<Value> &squares) {
  // Loads that a thread starts before it stores what they bring: few where many
  // sums take the registers.
  int64_t loadsAtOnce = shape.rowBlock < 8 ? 8 : 4;
  struct Loaded {
    int64_t row, first; // the thread's is so many quads further
    SmallVector<Value> numbers;
  };
  SmallVector<Loaded> loaded;
  int64_t quads = rounds * shape.round() / quad;
  auto store = [&] {
    for (Loaded &one : loaded)
      storeQuad(one.row, one.first, quads, one.numbers);
    loaded.clear();
  };
  for (int64_t row = 0; row < shape.rowBlock; ++row)
    for (int64_t first = 0; first < quads; first += shape.threads) {
      bool some = first + shape.threads > quads; // of the threads have one
      Value number = e.add(e.thread, first);
      if (some)
        number = e.min(number, e.index(quads - 1));
      SmallVector<Value> numbers = loadQuad(rows[row], e.add(k, e.mul(number, quad)), mayEnd);
      if (withSquares) {
        Value mine = some ? e.less(e.thread, e.index(quads - first)) : Value();
        Value sum = squares[row];
        for (Value x : numbers)
          sum = e.math.fma(x, x, sum);
        squares[row] = mine ? e.select(mine, sum, squares[row]) : sum;
      }
      loaded.push_back({row, first, std::move(numbers)});
      if (int64_t(loaded.size()) == loadsAtOnce)
        store();
    }
  store();
}

void StagedRows::storeQuad(int64_t row, int64_t first, int64_t quads, ArrayRef<Value> numbers) {
  Value number = e.add(e.thread, first), perPiece = e.index(shape.quads());
  Value piece = e.div(number, perPiece), lanes = e.index(shape.lanes);
  Value line = e.add(e.mul(e.div(piece, lanes), shape.quads()), e.rem(number, perPiece));
  auto write = [&] {
    e.storeVector(e.fromElements(numbers), elements,
                  {e.index(row), line, e.rem(piece, lanes), e.index(0)});
  };
  bool some = first + shape.threads > quads;
  Value mine = some ? e.less(number, e.index(quads)) : Value();
  if (some)
    e.when(mine, write);
  else
    write();
  if (offset == 0)
    return;
  // A piece lies in neighbouring threads.
  Value sum = e.math.add(e.math.add(numbers[0], numbers[1]), e.math.add(numbers[2], numbers[3]));
  sum = e.math.mul(e.warpSum(sum, shape.quads()), e.f32(-offset));
  Value writer = e.equal(e.rem(e.thread, perPiece), e.index(0));
  e.when(some ? e.both(writer, mine) : writer,
         [&] { e.store(sum, sums, {e.index(row), piece}); });
}

SmallVector<Value> StagedRows::load(int64_t row, Value step, int64_t part) {
  int64_t quadsAPart = std::min<int64_t>(shape.quads(), 2);
  SmallVector<Value> numbers;
  for (int64_t i = 0; i < quadsAPart; ++i) {
    Value line = e.add(e.mul(step, shape.quads()), part * quadsAPart + i);
    Value loaded = e.loadVector(
        elements, {e.index(row), line, e.rem(e.lane, e.index(shape.lanes)), e.index(0)}, quad);
    for (int64_t j = 0; j < quad; ++j)
      numbers.push_back(e.extract(loaded, j));
  }
  return numbers;
}

Value StagedRows::start(int64_t row, Value step) {
  if (offset == 0)
    return {};
  Value piece = e.add(e.mul(step, shape.lanes), e.rem(e.lane, e.index(shape.lanes)));
  return e.load(sums, {e.index(row), piece});
}

} // namespace mamba
