#include "passes/gpu/LinearMmaLines.h"

#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/Vector/IR/VectorOps.h"

using namespace mlir;

namespace mamba {

/// Bytes of a chunk in shared memory, and of a word.
constexpr int64_t chunkBytes = 16, wordBytes = 4;

MmaLines::MmaLines(GpuEmitter &e, const MmaCut &cut, const Source &source, Value shared,
                   int64_t place)
    : e(e), cut(cut), source(source), shared(shared), place(place) {
  auto type = cast<MemRefType>(source.buffer.getType());
  width = type.getShape().back() * type.getElementTypeBitWidth() / 8;
  threadLine = e.div(e.thread, e.index(cut.chunks()));
  threadChunk = e.rem(e.thread, e.index(cut.chunks()));
  to = e.add(e.add(e.mul(threadLine, cut.lineBytes()), place),
             e.mul(swizzled(threadLine, threadChunk), chunkBytes));
  Value line = threadLine;
  if (source.isPermuted) {
    // Of 16 lines: two matrices of eight, of which a lane sums two neighbours.
    Value row = e.rem(line, e.index(8)), matrix = e.rem(e.div(line, e.index(8)), e.index(2));
    Value column = e.add(e.add(e.mul(e.div(row, e.index(2)), 4), e.mul(matrix, 2)),
                         e.rem(row, e.index(2)));
    line = e.add(e.mul(e.div(line, e.index(16)), 16), column);
  }
  sourceLine = e.add(source.first, line);
  from = e.add(e.mul(sourceLine, width),
               e.add(e.mul(threadChunk, source.bits), source.offset * source.bits / 8));
}

Value MmaLines::swizzled(Value line, Value chunk) {
  int64_t spread = std::min<int64_t>(cut.chunks(), 8);
  Value turn = e.rem(e.div(line, e.index(8 / spread)), e.index(spread));
  return e.b.createOrFold<arith::XOrIOp>(chunk, turn);
}

Value MmaLines::isThere(int64_t i, Value k) {
  Value there;
  if (source.end)
    there = e.less(e.add(sourceLine, i * cut.linesAtOnce()), source.end);
  if (source.K % cut.kBlock) {
    Value before = e.less(e.add(k, e.mul(threadChunk, MmaCut::chunk)), e.index(source.K));
    there = there ? e.both(there, before) : before;
  }
  return there;
}

Value MmaLines::isOwn(int64_t i) {
  int64_t rest = source.lines - i * cut.linesAtOnce();
  return rest < cut.linesAtOnce() ? e.less(threadLine, e.index(rest)) : Value();
}

void MmaLines::copy(Value k, Value stage) {
  auto bytes = [&](int64_t count) -> Value {
    return arith::ConstantOp::create(e.b, e.b.getI32IntegerAttr(count));
  };
  Value source0 = e.advance(e.advance(e.address(source.buffer), from), e.mul(k, source.bits / 8));
  Value target0 = e.advance(e.address(shared), e.add(stage, to));
  for (int64_t i = 0; i < copies(); ++i) {
    auto one = [&] {
      int64_t lines = i * cut.linesAtOnce();
      Value there = isThere(i, k);
      e.copyAsync(e.advance(target0, lines * cut.lineBytes()), e.advance(source0, lines * width),
                  there ? e.select(there, bytes(chunkBytes), bytes(0)) : Value());
    };
    if (Value own = isOwn(i))
      e.when(own, one);
    else
      one();
  }
}

Type MmaLines::loadedType() const {
  return VectorType::get({source.bits * MmaCut::chunk / 8 / wordBytes}, e.b.getI32Type());
}

SmallVector<Value> MmaLines::load(Value k) {
  auto words = cast<VectorType>(loadedType());
  Type element = cast<MemRefType>(source.buffer.getType()).getElementType();
  int64_t bytes = words.getNumElements() * wordBytes, elementBits = element.getIntOrFloatBitWidth();
  auto type = VectorType::get({bytes * 8 / elementBits}, element);
  Value column = e.add(e.add(k, e.mul(threadChunk, MmaCut::chunk)), source.offset);
  if (source.bits < elementBits)
    column = e.div(column, e.index(elementBits / source.bits));
  SmallVector<Value> loaded;
  for (int64_t i = 0; i < copies(); ++i) {
    auto one = [&] {
      Value line = e.add(sourceLine, i * cut.linesAtOnce());
      Value vector = vector::LoadOp::create(e.b, type, source.buffer, ValueRange{line, column},
                                            /*nontemporal=*/false, llvm::MaybeAlign(bytes));
      return vector::BitCastOp::create(e.b, words, vector).getResult();
    };
    Value there = isThere(i, k);
    if (Value own = isOwn(i))
      there = there ? e.both(there, own) : own;
    Value zeros = arith::ConstantOp::create(e.b, words, cast<TypedAttr>(e.b.getZeroAttr(words)));
    loaded.push_back(there ? e.when(there, one, zeros) : one());
  }
  return loaded;
}

void MmaLines::store(ArrayRef<Value> loaded, Value stage) {
  auto type = VectorType::get({chunkBytes / wordBytes}, e.b.getF32Type());
  for (auto [i, value] : llvm::enumerate(loaded)) {
    auto one = [&] {
      Value words = source.bits == 16 ? value : dequantised(value);
      Value byte = e.add(e.add(stage, to), i * cut.linesAtOnce() * cut.lineBytes());
      e.storeVector(vector::BitCastOp::create(e.b, type, words), shared,
                    e.div(byte, e.index(wordBytes)));
    };
    if (Value own = isOwn(i))
      e.when(own, one);
    else
      one();
  }
}

Value MmaLines::dequantised(Value loaded) {
  auto i32 = [&](int64_t x) -> Value {
    return arith::ConstantOp::create(e.b, e.b.getI32IntegerAttr(int32_t(x)));
  };
  // With its sign turned an integer is unsigned, as mantissa of 2^23 and more:
  // what was added is subtracted again.
  int64_t bits = source.bits, half = int64_t(1) << (bits - 1), ofWord = 32 / bits;
  int64_t signs = bits == 8 ? 0x80808080 : 0x88888888;
  SmallVector<Value> numbers;
  for (int64_t w = 0; w < MmaCut::chunk / ofWord; ++w) {
    Value word = arith::XOrIOp::create(e.b, e.extract(loaded, w), i32(signs));
    for (int64_t j = 0; j < ofWord; ++j) {
      Value low = j ? arith::ShRUIOp::create(e.b, word, i32(j * bits)).getResult() : word;
      Value mantissa = arith::AndIOp::create(e.b, low, i32(2 * half - 1));
      Value number = arith::BitcastOp::create(
          e.b, e.b.getF32Type(), arith::OrIOp::create(e.b, mantissa, i32(0x4b000000)));
      numbers.push_back(e.math.sub(number, e.f32(8388608.0 + half)));
    }
  }
  if (!source.element.isBF16()) {
    Value halves = e.narrow(e.fromElements(numbers), source.element);
    return vector::BitCastOp::create(e.b, VectorType::get({4}, e.b.getI32Type()), halves);
  }
  // Small integers fit into the upper half of an f32.
  SmallVector<Value> words;
  for (int64_t i = 0; i < MmaCut::chunk; i += 2) {
    Value low = arith::BitcastOp::create(e.b, e.b.getI32Type(), numbers[i]),
          high = arith::BitcastOp::create(e.b, e.b.getI32Type(), numbers[i + 1]);
    words.push_back(arith::OrIOp::create(e.b, arith::ShRUIOp::create(e.b, low, i32(16)),
                                         arith::AndIOp::create(e.b, high, i32(0xffff0000))));
  }
  return e.fromElements(words);
}

Value MmaLines::matrices(Value line, Value laneLine, Value laneChunk, Value step) {
  Value chunk = e.add(e.mul(step, 2), laneChunk);
  return e.add(e.add(e.mul(e.add(line, laneLine), cut.lineBytes()), place),
               e.mul(swizzled(laneLine, chunk), chunkBytes));
}

} // namespace mamba
