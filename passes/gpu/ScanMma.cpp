// The projection of dt on the matrix unit: 16 steps by 16 channels a time, the
// products of a chunk dealt to the warps. Rows in f32 are multiplied as the three
// bf16 numbers that they are the sum of: as exact as by products in f32.
#include "passes/gpu/ScanThread.h"

#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/MemRef/IR/MemRef.h"
#include "mlir/Dialect/Vector/IR/VectorOps.h"

using namespace mlir;

namespace mamba {

/// Of a side of what is multiplied at a time.
static constexpr int64_t side = 16;

std::pair<Value, Value> ScanThread::placeInLines(Value item) {
  // Two neighbours have neighbouring vectors of a row, so that they share a sector;
  // the next have other rows, so that what is stored at a time meets in no bank:
  // eight rows of 8 bytes twice, or every other row of eight of 16 bytes twice.
  Value two = e.index(2), perColumns = e.index(2 * shape.chunk);
  Value row = e.div(e.rem(item, perColumns), two);
  if (shape.planes == 1) {
    Value eight = e.index(8), four = e.index(4), inEight = e.rem(row, eight);
    Value swapped = e.add(e.mul(e.rem(inEight, four), 2), e.div(inEight, four));
    row = e.add(e.sub(row, inEight), swapped);
  }
  int64_t width = shape.lineVector();
  Value column = e.add(e.mul(e.div(item, perColumns), 2 * width), e.mul(e.rem(item, two), width));
  return {row, column};
}

Value ScanThread::fetchLine(const Stage &stage, Value first, Value item) {
  auto [step, inRow] = placeInLines(item);
  Value row = e.min(e.add(first, step), last), column = e.add(inRow, stage.view.offset);
  auto type = VectorType::get({shape.lineVector()},
                              cast<MemRefType>(stage.view.buffer.getType()).getElementType());
  return vector::LoadOp::create(e.b, type, stage.view.buffer, ValueRange{row, column},
                                /*nontemporal=*/false, llvm::MaybeAlign(16));
}

void ScanThread::putLine(const Stage &stage, Value vector, Value item) {
  int64_t width = shape.lineVector();
  auto [row, column] = placeInLines(item);
  auto put = [&](Value line, int64_t plane) {
    vector::StoreOp::create(e.b, line, stage.to,
                            ValueRange{e.add(row, plane * shape.chunk), column},
                            /*nontemporal=*/false, llvm::MaybeAlign(2 * width));
  };
  if (shape.planes == 1)
    return put(vector, 0);
  // Eight bits of the fraction each; nothing is lost.
  Type word = e.b.getI32Type();
  Value sixteen = arith::ConstantOp::create(e.b, e.b.getI32IntegerAttr(16));
  Value upper = arith::ConstantOp::create(e.b, e.b.getI32IntegerAttr(-65536));
  Values rest;
  for (int64_t i = 0; i < width; ++i)
    rest.push_back(e.extract(vector, i));
  for (int64_t plane = 0; plane < shape.planes; ++plane) {
    Values taken, pairs;
    for (Value &x : rest) {
      Value bits = arith::BitcastOp::create(e.b, word, x);
      taken.push_back(arith::AndIOp::create(e.b, bits, upper));
      x = e.math.sub(x, arith::BitcastOp::create(e.b, x.getType(), taken.back()));
    }
    for (int64_t i = 0; i < width; i += 2)
      pairs.push_back(arith::OrIOp::create(
          e.b, arith::ShRUIOp::create(e.b, taken[i], sixteen), taken[i + 1]));
    auto halves = VectorType::get({width}, e.b.getI16Type());
    put(vector::BitCastOp::create(e.b, halves, e.fromElements(pairs)), plane);
  }
}

void ScanThread::projectByMma() {
  Type element = cast<MemRefType>(input.getType()).getElementType();
  if (element.isInteger(16))
    element = e.b.getBF16Type();
  Value eight = e.index(8), two = e.index(2), four = e.index(4);
  // The rows of four matrices that this lane gives the address of: of x two by
  // steps, then two by k; of W two by k, then two by channels.
  auto lineAt = [&](Value matrix, Value line, Value column) {
    Value at = e.add(e.mul(line, shape.lineWidth()), column);
    return e.advance(e.address(matrix), e.mul(at, 2));
  };
  Value inMatrix = e.rem(e.lane, eight), matrix = e.div(e.lane, eight);
  Value low = e.mul(e.rem(matrix, two), 8), high = e.mul(e.div(matrix, two), 8);
  Value x0 = lineAt(input, e.add(inMatrix, low), high);
  Value w0 = lineAt(weight, e.add(inMatrix, high), low);
  int64_t across = shape.channels / side, bytes = side * shape.lineWidth() * 2;
  e.loop(e.warp, e.index(shape.chunk / side * across), e.threads / e.warpSize, [&](Value unit) {
    Value down = e.div(unit, e.index(across)), right = e.rem(unit, e.index(across));
    Value x = e.advance(x0, e.mul(down, bytes)), w = e.advance(w0, e.mul(right, bytes));
    Values sums[2] = {Values(4, e.f32(0)), Values(4, e.f32(0))};
    for (int64_t k = 0; k < shape.rank; k += side) {
      Values b = e.loadMatrices(e.advance(w, k * 2));
      // The smallest first.
      for (int64_t plane = shape.planes; plane-- > 0;) {
        int64_t behind = plane * shape.chunk * shape.lineWidth();
        Values a = e.loadMatrices(e.advance(x, (behind + k) * 2));
        for (int64_t i : {0, 1})
          sums[i] = e.multiplyMatrices(a, ArrayRef(b).slice(2 * i, 2), sums[i], element);
      }
    }
    for (int64_t i : {0, 1})
      for (int64_t j = 0; j < 4; ++j) {
        Value step = e.add(e.add(e.mul(down, side), e.div(e.lane, four)), j / 2 * 8);
        Value channel = e.add(e.add(e.mul(right, side), e.mul(e.rem(e.lane, four), 2)),
                              i * 8 + j % 2);
        e.store(sums[i][j], dt,
                {e.div(step, four), e.add(e.mul(channel, 4), e.rem(step, four))});
      }
  }, /*keepRolled=*/true);
  e.barrier();
}

} // namespace mamba
