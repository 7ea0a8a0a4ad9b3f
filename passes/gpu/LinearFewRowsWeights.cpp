// Weights as they come from memory: sixteen bytes at a time where a row's pitch
// allows it, and made numbers in registers.
//
// Integers become floats without a conversion, of which a multiprocessor does
// few: their bits are put into the mantissa of a number whose exponent is known.
// Eight bits: 2^23 + (q + 128), from which 2^23 + 128 is taken, exactly. Four
// bits: 0.5 + (q + 8) / 32 = 0.75 + q / 32, and what 0.75 adds to a sum is taken
// from it at its start: an operation less for each weight.
#include "passes/gpu/LinearFewRows.h"

#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/LLVMIR/LLVMDialect.h"
#include "mlir/Dialect/MemRef/IR/MemRef.h"
#include "mlir/Dialect/Vector/IR/VectorOps.h"
#include "llvm/Support/MathExtras.h"

using namespace mlir;

namespace mamba {

/// Weights that share a scale.
static constexpr int64_t groupOfWeights = 32;

WeightLayout::WeightLayout(Value matrix) : stored(matrix), element(getElementTypeOrSelf(matrix)) {
  if (auto dequantize = matrix.getDefiningOp<ssm::DequantizeOp>()) {
    stored = dequantize.getX();
    scales = dequantize.getS();
    bits = dequantize.getBits();
  } else {
    bits = element.getIntOrFloatBitWidth();
  }
  width = lastDim(stored);
  elementBytes = getElementTypeOrSelf(stored).getIntOrFloatBitWidth() / 8;
}

int64_t WeightLayout::vector() const {
  auto bytes = int64_t(llvm::MinAlign(width * elementBytes, 16));
  return bytes < 4 ? 1 : bytes / elementBytes;
}

Value WeightStream::i32(int64_t value) {
  return arith::ConstantOp::create(e.b, e.b.getI32IntegerAttr(int32_t(value)));
}

Value WeightStream::both(Value x, int64_t mask) {
  return arith::AndIOp::create(e.b, x, i32(mask));
}

Value WeightStream::permute(Value a, Value b, int64_t selector) {
  return LLVM::CallIntrinsicOp::create(e.b, e.b.getI32Type(),
                                       e.b.getStringAttr("llvm.nvvm.prmt"),
                                       ValueRange{a, b, i32(selector)})
      .getResult(0);
}

SmallVector<Value> WeightStream::loadWords(Value buffer, Value column, Value at, int64_t count) {
  Type element = cast<MemRefType>(buffer.getType()).getElementType(), word = e.b.getI32Type();
  int64_t bytes = count * layout.elementBytes;
  if (count == 1) {
    Value one = memref::LoadOp::create(e.b, buffer, ValueRange{column, at});
    if (element.isF32())
      return {one};
    if (element.isF16())
      one = arith::BitcastOp::create(e.b, e.b.getIntegerType(16), one);
    return {arith::ExtUIOp::create(e.b, word, one)};
  }
  Value loaded = vector::LoadOp::create(e.b, VectorType::get({count}, element), buffer,
                                        ValueRange{column, at}, /*nontemporal=*/false,
                                        llvm::MaybeAlign(bytes));
  if (!element.isF32())
    loaded = vector::BitCastOp::create(e.b, VectorType::get({bytes / 4}, word), loaded);
  SmallVector<Value> words;
  for (int64_t i = 0; i < bytes / 4; ++i)
    words.push_back(e.extract(loaded, i));
  return words;
}

WeightStream::Words WeightStream::load(Value column, Value number, bool mayEnd) {
  Value buffer = e.buffer(layout.stored);
  int64_t perPiece = 16 / layout.elementBytes, count = layout.vector();
  Value first = e.mul(number, perPiece), zero = layout.bits == 32 ? e.f32(0) : i32(0);
  SmallVector<Value> loaded;
  for (int64_t i = 0; i < perPiece; i += count) {
    Value at = e.add(first, i), inside;
    if (mayEnd) {
      inside = e.less(at, e.index(layout.width));
      at = e.min(at, e.index(layout.width - count));
    }
    for (Value word : loadWords(buffer, column, at, count))
      loaded.push_back(inside ? e.select(inside, word, zero) : word);
  }
  // What is less than a word is joined, the first in the lowest bits.
  Words words;
  size_t parts = loaded.size() / 4;
  for (size_t i = 0; i < loaded.size(); ++i) {
    if (i % parts == 0) {
      words.push_back(loaded[i]);
      continue;
    }
    Value shifted = arith::ShLIOp::create(e.b, loaded[i], i32(32 / parts * (i % parts)));
    words.back() = arith::OrIOp::create(e.b, words.back(), shifted);
  }
  if (layout.isGrouped()) {
    Value scales = e.buffer(layout.scales);
    Value group = e.div(number, e.index(groupOfWeights / layout.piece()));
    if (mayEnd)
      group = e.min(group, e.index(lastDim(layout.scales) - 1));
    words.push_back(memref::LoadOp::create(e.b, scales, ValueRange{column, group}));
  }
  return words;
}

SmallVector<Value> WeightStream::weights(const Words &words, int64_t part) {
  Type f32 = e.b.getF32Type();
  auto number = [&](Value bits) -> Value { return arith::BitcastOp::create(e.b, f32, bits); };
  SmallVector<Value> weights;
  if (layout.isGrouped() && layout.bits == 4) {
    // The halves of each byte, with the sign turned, in its bits 3 to 6.
    Value word = arith::XOrIOp::create(e.b, words[part], i32(0x88888888));
    Value even = both(arith::ShLIOp::create(e.b, word, i32(3)), 0x78787878);
    Value odd = both(arith::ShRUIOp::create(e.b, word, i32(1)), 0x78787878);
    Value exponent = i32(0x3f000000);
    for (int64_t byte = 0; byte < 4; ++byte)
      for (Value half : {even, odd})
        weights.push_back(number(permute(half, exponent, 0x7044 | byte << 8)));
    return weights;
  }
  for (int64_t i = 0; i < partSize() * layout.bits / 32; ++i) {
    Value word = words[part * partSize() * layout.bits / 32 + i];
    if (layout.isGrouped()) {
      word = arith::XOrIOp::create(e.b, word, i32(0x80808080));
      Value exponent = i32(0x4b000000);
      for (int64_t byte = 0; byte < 4; ++byte)
        weights.push_back(e.math.sub(number(permute(word, exponent, 0x7440 | byte)),
                                     e.f32(8388608 + 128)));
    } else if (layout.bits == 32) {
      weights.push_back(word);
    } else if (layout.element.isBF16()) {
      weights.push_back(number(arith::ShLIOp::create(e.b, word, i32(16))));
      weights.push_back(number(both(word, 0xffff0000)));
    } else {
      for (Value bits : {word, Value(arith::ShRUIOp::create(e.b, word, i32(16)))}) {
        Value half = arith::TruncIOp::create(e.b, e.b.getIntegerType(16), bits);
        half = arith::BitcastOp::create(e.b, e.b.getF16Type(), half);
        weights.push_back(e.widen(half));
      }
    }
  }
  return weights;
}

SmallVector<Value> WeightStream::scaled(const Words &words, int64_t part) {
  SmallVector<Value> all = weights(words, part);
  if (!layout.isGrouped())
    return all;
  Value unit = scale(words), zero = e.math.mul(unit, e.f32(-factor() * offset()));
  if (factor() != 1)
    unit = e.math.mul(unit, e.f32(factor()));
  for (Value &weight : all)
    weight = offset() != 0 ? e.math.fma(weight, unit, zero) : e.math.mul(weight, unit);
  return all;
}

} // namespace mamba
