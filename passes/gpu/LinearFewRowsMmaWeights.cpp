// Weights on their way into the matrix unit, from memory by loads that fill
// sectors: four lanes share 32 or 64 bytes of a column.
//
// Integers become pairs of numbers without a conversion, each exact. bf16 has seven
// bits for 128 + (q + 8), of four bits. Eight bits, u = q + 128, put behind the same
// exponent are one too many, so that u from 128 on is 256 + 2 (u - 128): less 256
// these are 2 q, the others q, and half of what is above zero is taken away. f16 has
// ten bits, for 1024 + u.
//
// Of four bits a load has two groups, each in two of the four lanes: these
// exchange a half, so that each lane has eight weights of both.
#include "passes/gpu/LinearFewRowsMma.h"

#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/LLVMIR/LLVMDialect.h"
#include "mlir/Dialect/MemRef/IR/MemRef.h"
#include "mlir/Dialect/Vector/IR/VectorOps.h"
#include "llvm/Support/MathExtras.h"

using namespace mlir;

namespace mamba {

MmaWeightStream::MmaWeightStream(GpuEmitter &e, const FewRowsMmaShape &shape, Value matrix,
                                 ArrayRef<Value> columns, Type element)
    : e(e), shape(shape), layout(matrix), columns(columns), element(element),
      quadLane(e.rem(e.lane, e.index(shape.lanes))) {}

Value MmaWeightStream::i32(int64_t value) {
  return arith::ConstantOp::create(e.b, e.b.getI32IntegerAttr(int32_t(value)));
}

/// `count` elements side by side as words of 32 bits, one of 16 bits as a word.
static SmallVector<Value> loadWords(GpuEmitter &e, Value buffer, Value row, Value at,
                                    int64_t count) {
  Type element = cast<MemRefType>(buffer.getType()).getElementType(), word = e.b.getI32Type();
  if (count == 1) {
    Value one = memref::LoadOp::create(e.b, buffer, ValueRange{row, at});
    return {arith::ExtUIOp::create(e.b, word, one)};
  }
  int64_t bytes = count * element.getIntOrFloatBitWidth() / 8;
  Value loaded = vector::LoadOp::create(e.b, VectorType::get({count}, element), buffer,
                                        ValueRange{row, at}, /*nontemporal=*/false,
                                        llvm::MaybeAlign(bytes));
  loaded = vector::BitCastOp::create(e.b, VectorType::get({bytes / 4}, word), loaded);
  SmallVector<Value> words;
  for (int64_t i = 0; i < bytes / 4; ++i)
    words.push_back(e.extract(loaded, i));
  return words;
}

SmallVector<Value> MmaWeightStream::load(Value run, int64_t number) {
  int64_t count = shape.loadBytes() / layout.elementBytes;
  Value load = e.add(e.mul(run, shape.loads()), number);
  Value at = e.mul(e.add(e.mul(load, shape.lanes), quadLane), count);
  if (shape.hasEdge())
    at = e.min(at, e.index(layout.width - count));
  SmallVector<Value> words;
  for (Value column : columns)
    words.append(loadWords(e, e.buffer(layout.stored), column, at, count));
  return words;
}

SmallVector<Value> MmaWeightStream::loadScales(Value run) {
  SmallVector<Value> words;
  if (!shape.isGrouped())
    return words;
  Value scales = e.buffer(layout.scales);
  int64_t groups = lastDim(layout.scales), steps = shape.stepsOfRun();
  auto vector = int64_t(llvm::MinAlign(groups, steps));
  for (Value column : columns) {
    SmallVector<Value> loaded;
    for (int64_t i = 0; i < steps; i += vector) {
      Value at = e.add(e.mul(run, steps), i);
      if (shape.hasEdge())
        at = e.min(at, e.index(groups - vector));
      loaded.append(loadWords(e, scales, column, at, vector));
    }
    if (vector > 1) {
      words.append(loaded);
      continue;
    }
    for (int64_t i = 0; i < steps; i += 2)
      words.push_back(arith::OrIOp::create(
          e.b, loaded[i], arith::ShLIOp::create(e.b, loaded[i + 1], i32(16))));
  }
  return words;
}

Value MmaWeightStream::scale(ArrayRef<Value> words, int64_t column, int64_t step) {
  Value word = words[(column * shape.stepsOfRun() + step) / 2];
  Value bits = step % 2 ? arith::AndIOp::create(e.b, word, i32(0xffff0000)).getResult()
                        : arith::ShLIOp::create(e.b, word, i32(16)).getResult();
  return arith::BitcastOp::create(e.b, e.b.getF32Type(), bits);
}

MmaWeightStream::Steps MmaWeightStream::steps(ArrayRef<Value> words) {
  size_t ofColumn = words.size() / columns.size();
  Steps steps(shape.stepsOfLoad());
  Value upper;
  if (layout.bits == 4)
    upper = e.less(e.index(1), quadLane);
  for (size_t c = 0; c < columns.size(); ++c) {
    ArrayRef<Value> own = words.slice(c * ofColumn, ofColumn);
    if (layout.bits != 4) {
      steps[0].push_back(pairs(own));
      continue;
    }
    Value other = e.shuffleXor(e.select(upper, own[0], own[1]), 2);
    steps[0].push_back(pairs(e.select(upper, other, own[0])));
    steps[1].push_back(pairs(e.select(upper, own[1], other)));
  }
  return steps;
}

SmallVector<Value> MmaWeightStream::pairs(ArrayRef<Value> words) {
  if (!shape.isGrouped())
    return SmallVector<Value>(words);
  SmallVector<Value> result;
  if (layout.bits == 4) {
    for (int64_t i = 0; i < 4; ++i)
      result.push_back(pairOf4(words[0], i));
    return result;
  }
  for (Value word : words) {
    word = arith::XOrIOp::create(e.b, word, i32(0x80808080));
    result.push_back(pairOf8(word, 0));
    result.push_back(pairOf8(word, 1));
  }
  return result;
}

Value MmaWeightStream::masked(Value word, uint32_t mask, uint32_t bits) {
  return arith::XOrIOp::create(e.b, arith::AndIOp::create(e.b, word, i32(mask)), i32(bits));
}

Value MmaWeightStream::fmaPair(Value x, uint32_t factor, Value y, bool isRectified) {
  Type type = VectorType::get({2}, element);
  auto pair = [&](Value bits) -> Value { return LLVM::BitcastOp::create(e.b, type, bits); };
  StringRef name = isRectified        ? "llvm.nvvm.fma.rn.relu.bf16x2"
                   : element.isBF16() ? "llvm.nvvm.fma.rn.bf16x2"
                                      : "llvm.nvvm.fma.rn.f16x2";
  Value sum = LLVM::CallIntrinsicOp::create(e.b, type, e.b.getStringAttr(name),
                                            ValueRange{pair(x), pair(i32(factor)), pair(y)})
                  .getResult(0);
  return LLVM::BitcastOp::create(e.b, e.b.getI32Type(), sum);
}

Value MmaWeightStream::pairOf8(Value word, int64_t odd) {
  bool isBf16 = element.isBF16();
  Value exponent = i32(isBf16 ? 0x43434343 : 0x64646464), selector = i32(odd ? 0x4341 : 0x4240);
  Value pair = LLVM::CallIntrinsicOp::create(e.b, e.b.getI32Type(),
                                             e.b.getStringAttr("llvm.nvvm.prmt"),
                                             ValueRange{word, exponent, selector})
                   .getResult(0);
  if (!isBf16) // less 1024 + 128
    return fmaPair(pair, 0x3c003c00, i32(0xe480e480));
  constexpr uint32_t one = 0x3f803f80, minusHalf = 0xbf00bf00;
  Value less256 = fmaPair(pair, one, i32(0xc380c380));
  return fmaPair(fmaPair(pair, one, i32(0xc380c380), /*isRectified=*/true), minusHalf, less256);
}

Value MmaWeightStream::pairOf4(Value word, int64_t number) {
  if (number)
    word = arith::ShRUIOp::create(e.b, word, i32(4 * number));
  if (element.isBF16()) // 128 + (q + 8), less 136
    return fmaPair(masked(word, 0x000f000f, 0x43084308), 0x3f803f80, i32(0xc308c308));
  return fmaPair(masked(word, 0x000f000f, 0x64086408), 0x3c003c00, i32(0xe408e408));
}

} // namespace mamba
