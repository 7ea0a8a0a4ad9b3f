#include "passes/gpu/LinearFewRows.h"
#include "passes/gpu/LinearOperand.h"

#include "mlir/Dialect/SCF/IR/SCF.h"
#include "llvm/Support/MathExtras.h"

using namespace mlir;

namespace mamba {

StagedRows::StagedRows(GpuEmitter &e, const FewRowsShape &shape, const LinearParts &parts,
                       ArrayRef<Value> rows, double offset)
    : e(e), shape(shape), x(*e.view(parts.x)), rows(rows), withSquares(bool(parts.norm)),
      offset(offset) {
  if (parts.conv.conv) {
    conv.emplace(e, parts.conv);
    for (Value row : rows)
      places.push_back(conv->placeOf(row));
  }
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
  int64_t quads = rounds * shape.round() / quad;
  if (conv) {
    Value areFirst;
    for (const ConvPrologue::Place &place : places) {
      Value isFirst = conv->isFirst(place);
      areFirst = areFirst ? e.both(areFirst, isFirst) : isFirst;
    }
    auto branch = scf::IfOp::create(e.b, areFirst, /*withElseRegion=*/true);
    OpBuilder::InsertionGuard guard(e.b);
    e.b.setInsertionPointToStart(branch.thenBlock());
    stageConvRows(k, quads, mayEnd, /*areFirst=*/true);
    e.b.setInsertionPointToStart(branch.elseBlock());
    return stageConvRows(k, quads, mayEnd, /*areFirst=*/false);
  }
  // More than are at once come in a loop, or the assembler starts all; but behind a
  // loop LLVM would compute what stands before it.
  int64_t times = std::max<int64_t>(1, loadsAtOnce() / shape.rowBlock);
  int64_t atOnce = times * shape.threads, looped = quads / atOnce * atOnce;
  if (looped > atOnce && shape.staged == shape.rounds)
    squares = e.loop(
        e.index(0), e.index(looped), atOnce, squares,
        [&](Value first, ValueRange values) {
          SmallVector<Value> sums(values);
          stageQuads(k, first, times, {}, mayEnd, sums);
          return sums;
        },
        /*keepRolled=*/true);
  else
    looped = 0;
  for (int64_t first = looped; first < quads; first += atOnce)
    stageQuads(k, e.index(first), llvm::divideCeil(std::min(atOnce, quads - first), shape.threads),
               first + atOnce > quads ? e.index(quads) : Value(), mayEnd, squares);
}

void StagedRows::stageQuads(Value k, Value first, int64_t times, Value end, bool mayEnd,
                            SmallVector<Value> &squares) {
  struct Loaded {
    int64_t row;
    Value number, mine;
    SmallVector<Value> numbers;
  };
  SmallVector<Loaded> loaded;
  auto store = [&] {
    for (Loaded &one : loaded)
      storeQuad(one.row, one.number, one.mine, one.numbers);
    loaded.clear();
  };
  for (int64_t row = 0; row < shape.rowBlock; ++row)
    for (int64_t i = 0; i < times; ++i) {
      Value number = e.add(e.add(e.thread, first), i * shape.threads), there = number, mine;
      if (end) {
        mine = e.less(number, end);
        there = e.min(number, e.sub(end, e.index(1)));
      }
      SmallVector<Value> numbers = loadQuad(rows[row], e.add(k, e.mul(there, quad)), mayEnd);
      if (withSquares) {
        Value sum = squares[row];
        for (Value x : numbers)
          sum = e.math.fma(x, x, sum);
        squares[row] = mine ? e.select(mine, sum, squares[row]) : sum;
      }
      loaded.push_back({row, number, mine, std::move(numbers)});
      if (int64_t(loaded.size()) == loadsAtOnce())
        store();
    }
  store();
}

void StagedRows::stageConvRows(Value k, int64_t quads, bool mayEnd, bool areFirst) {
  int64_t count = conv->isAligned(quad) ? quad : 1;
  auto stage = [&](Value number, bool some) {
    Value mine = some ? e.less(number, e.index(quads)) : Value();
    Value there = some ? e.min(number, e.index(quads - 1)) : number;
    SmallVector<ConvPrologue::Taps> taps;
    SmallVector<Value> inside;
    for (int64_t i = 0; i < quad; i += count) {
      Value column = e.add(e.add(k, e.mul(there, quad)), i);
      if (mayEnd) {
        inside.push_back(e.less(column, e.index(shape.K)));
        column = e.min(column, e.index(shape.K - count));
      }
      taps.push_back(conv->taps(column, count));
    }
    for (int64_t row = 0; row < shape.rowBlock; ++row) {
      SmallVector<Value> numbers;
      for (auto [i, ofPart] : llvm::enumerate(taps))
        for (Value u : conv->rowAt(places[row], ofPart, areFirst))
          numbers.push_back(mayEnd ? e.select(inside[i], u, e.f32(0)) : u);
      storeQuad(row, number, mine, numbers);
    }
  };
  // The loads of some quads are on their way together.
  int64_t atOnce = shape.rowBlock == 1 && count > 1 ? 2 : 1, step = atOnce * shape.threads;
  int64_t looped = quads / step * step;
  if (looped > step)
    e.loop(e.index(0), e.index(looped), step, [&](Value first) {
      for (int64_t i = 0; i < atOnce; ++i)
        stage(e.add(e.add(e.thread, first), i * shape.threads), /*some=*/false);
    }, /*keepRolled=*/true);
  else
    looped = 0;
  for (int64_t first = looped; first < quads; first += shape.threads)
    stage(e.add(e.thread, first), first + shape.threads > quads);
}

void StagedRows::storeQuad(int64_t row, Value number, Value mine, ArrayRef<Value> numbers) {
  Value perPiece = e.index(shape.quads());
  Value piece = e.div(number, perPiece), lanes = e.index(shape.lanes);
  Value line = e.add(e.mul(e.div(piece, lanes), shape.quads()), e.rem(number, perPiece));
  auto write = [&] {
    e.storeVector(e.fromElements(numbers), elements,
                  {e.index(row), line, e.rem(piece, lanes), e.index(0)});
  };
  if (mine)
    e.when(mine, write);
  else
    write();
  if (offset == 0)
    return;
  // A piece lies in neighbouring threads.
  Value sum = e.math.add(e.math.add(numbers[0], numbers[1]), e.math.add(numbers[2], numbers[3]));
  sum = e.math.mul(e.warpSum(sum, shape.quads()), e.f32(-offset));
  Value writer = e.equal(e.rem(e.thread, perPiece), e.index(0));
  e.when(mine ? e.both(writer, mine) : writer,
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
