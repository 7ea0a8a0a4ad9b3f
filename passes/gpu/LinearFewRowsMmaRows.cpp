// Rows of x for the matrix unit: of each step of 32 k and each eight rows 32 lanes
// have 16 bytes side by side, lane 4 r + t those of row r that it multiplies.
// Neighbouring steps turn the rows by one, so that neither a warp that brings a row
// nor one that reads a step meets in a bank.
#include "passes/gpu/LinearFewRowsMma.h"

#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/LLVMIR/LLVMDialect.h"
#include "mlir/Dialect/Vector/IR/VectorOps.h"
#include "llvm/Support/MathExtras.h"

using namespace mlir;

namespace mamba {

MmaRows::MmaRows(GpuEmitter &e, const FewRowsMmaShape &shape, const View &x, Value row0,
                 bool withSquares)
    : e(e), shape(shape), x(x), row0(row0), withSquares(withSquares) {
  int64_t steps = shape.staged * shape.round() / shape.step;
  shared = e.shared({steps, shape.tilesDown(), GpuEmitter::warpSize, 4});
}

Value MmaRows::warpRow(int64_t i) {
  return e.add(e.mul(e.div(e.warp, e.index(shape.warpsOfRow())), shape.rowsOfWarp()), i);
}

Value MmaRows::warpPart() { return e.rem(e.warp, e.index(shape.warpsOfRow())); }

/// The lane whose eight k of a step these are.
static Value laneOfChunk(GpuEmitter &e, const FewRowsMmaShape &shape, Value chunk) {
  if (shape.bits != 4)
    return chunk;
  // Lanes of a pair have exchanged halves: the second and third chunk.
  return e.add(e.mul(e.rem(chunk, e.index(2)), 2), e.div(chunk, e.index(2)));
}

Value MmaRows::slot(Value row, Value chunk, Value step) {
  Value place = e.add(e.mul(e.rem(row, e.index(shape.tileRows)), shape.lanes),
                      laneOfChunk(e, shape, chunk));
  Value turn = e.mul(e.rem(step, e.index(2)), shape.lanes);
  return e.b.createOrFold<arith::XOrIOp>(place, turn);
}

void MmaRows::stage(Value round, SmallVector<Value> &squares) {
  int64_t chunks = shape.staged * shape.round() / shape.laneStep;
  int64_t atOnce = GpuEmitter::warpSize * shape.warpsOfRow();
  // Loads that a thread starts before it stores what they bring.
  int64_t times = std::max<int64_t>(1, 4 / shape.rowsOfWarp());
  times = std::min<int64_t>(times, llvm::divideCeil(chunks, atOnce));
  Value k0 = e.mul(round, shape.round());
  Value chunk0 = e.add(e.mul(warpPart(), GpuEmitter::warpSize), e.lane);
  squares = e.loop(
      e.index(0), e.index(chunks), times * atOnce, squares,
      [&](Value first, ValueRange values) {
        SmallVector<Value> sums(values);
        SmallVector<Loaded> loaded;
        for (int64_t t = 0; t < times; ++t)
          for (int64_t i = 0; i < shape.rowsOfWarp(); ++i) {
            Value chunk = e.add(e.add(chunk0, first), t * atOnce), isOwn;
            if (chunks % (times * atOnce))
              isOwn = e.less(chunk, e.index(chunks));
            loaded.push_back(load(i, chunk, k0, isOwn));
          }
        for (auto [n, one] : llvm::enumerate(loaded)) {
          store(one);
          if (withSquares)
            addSquares(one, sums[n % shape.rowsOfWarp()]);
        }
        return sums;
      },
      /*keepRolled=*/true);
}

MmaRows::Loaded MmaRows::load(int64_t i, Value chunk, Value k0, Value isOwn) {
  auto type = cast<MemRefType>(x.buffer.getType());
  auto eight = VectorType::get({shape.laneStep}, type.getElementType());
  Value row = warpRow(i), column = e.add(k0, e.mul(chunk, shape.laneStep));
  // Where the warps are no divisor of the rows some have none.
  if (shape.rowsOfWarp() * shape.warps() / shape.warpsOfRow() > shape.rowBlock) {
    Value mine = e.less(row, e.index(shape.rowBlock));
    isOwn = isOwn ? e.both(isOwn, mine) : mine;
  }
  Value there = e.less(e.add(row0, row), e.rows);
  if (shape.K % (shape.staged * shape.round()))
    there = e.both(there, e.less(column, e.index(shape.K)));
  if (isOwn)
    there = e.both(there, isOwn);
  Value zeros = arith::ConstantOp::create(e.b, eight, cast<TypedAttr>(e.b.getZeroAttr(eight)));
  Value numbers = e.when(
      there,
      [&]() -> Value {
        return vector::LoadOp::create(e.b, eight, x.buffer,
                                      ValueRange{e.add(row0, row), e.add(column, x.offset)},
                                      /*nontemporal=*/false, llvm::MaybeAlign(16));
      },
      zeros);
  return {row, chunk, isOwn, numbers};
}

void MmaRows::store(const Loaded &one) {
  Value step = e.div(one.chunk, e.index(shape.lanes));
  Value tile = e.div(one.row, e.index(shape.tileRows));
  Value place = slot(one.row, e.rem(one.chunk, e.index(shape.lanes)), step);
  auto write = [&] {
    auto four = VectorType::get({4}, e.b.getF32Type());
    Value words = vector::BitCastOp::create(e.b, four, permuted(one.numbers));
    e.storeVector(words, shared, {step, tile, place, e.index(0)});
  };
  if (one.isOwn)
    e.when(one.isOwn, write);
  else
    write();
}

void MmaRows::addSquares(const Loaded &one, Value &sum) {
  Value numbers = e.widen(one.numbers);
  for (int64_t j = 0; j < shape.laneStep; ++j) {
    Value number = e.extract(numbers, j);
    sum = e.math.fma(number, number, sum);
  }
}

Value MmaRows::permuted(Value eight) {
  auto four = VectorType::get({4}, e.b.getI32Type());
  Value words = vector::BitCastOp::create(e.b, four, eight);
  if (!shape.isGrouped())
    return words;
  auto pair = [&](Value a, Value b, int64_t selector) -> Value {
    Value bytes = arith::ConstantOp::create(e.b, e.b.getI32IntegerAttr(selector));
    return LLVM::CallIntrinsicOp::create(e.b, e.b.getI32Type(),
                                         e.b.getStringAttr("llvm.nvvm.prmt"),
                                         ValueRange{a, b, bytes})
        .getResult(0);
  };
  constexpr int64_t low = 0x5410, high = 0x7632; // the halves of two words
  Value w[4];
  for (int64_t i = 0; i < 4; ++i)
    w[i] = e.extract(words, i);
  // Of four bits k is paired with k + 4, of eight with k + 2.
  if (shape.bits == 4)
    return e.fromElements({pair(w[0], w[2], low), pair(w[0], w[2], high), pair(w[1], w[3], low),
                           pair(w[1], w[3], high)});
  return e.fromElements({pair(w[0], w[1], low), pair(w[0], w[1], high), pair(w[2], w[3], low),
                         pair(w[2], w[3], high)});
}

SmallVector<Value> MmaRows::pairs(Value run, int64_t step, int64_t tile) {
  Value line = e.add(e.mul(run, shape.stepsOfRun()), step);
  Value turned = e.b.createOrFold<arith::XOrIOp>(e.lane, e.index(step % 2 * shape.lanes));
  Value four = e.loadVector(shared, {line, e.index(tile), turned, e.index(0)}, 4);
  SmallVector<Value> words;
  for (int64_t i = 0; i < 4; ++i)
    words.push_back(arith::BitcastOp::create(e.b, e.b.getI32Type(), e.extract(four, i)));
  return words;
}

} // namespace mamba
