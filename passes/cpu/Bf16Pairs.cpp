#include "passes/cpu/Bf16Pairs.h"

#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/Vector/IR/VectorOps.h"
#include "llvm/Support/MathExtras.h"

using namespace mlir;

namespace mamba {

Bf16Pairs::Bf16Pairs(CpuEmitter &e, const View &x, int64_t rows, int64_t columns) : e(e), x(x) {
  // Of two rows four columns are as many words.
  pairs = e.scratch(rows / 2, llvm::alignTo(columns, 2 * kQuad));
}

void Bf16Pairs::make(Value row, Value local, Value first, Value end) {
  // Two quads at a time, unless these would end in a row's midst.
  int64_t count = x.columns % (2 * kQuad) ? kQuad : 2 * kQuad;
  auto type = VectorType::get({count}, e.b.getI16Type());
  auto words = VectorType::get({count / 2}, e.b.getF32Type());
  Value pair = e.div(local, e.index(2)), half = e.mul(e.rem(local, e.index(2)), kQuad / 2);
  e.loop(first, end, count, [&](Value k) {
    SmallVector<Value> at = {row, e.add(k, x.offset)};
    Value read;
    if (x.columns % count == 0) {
      read = vector::LoadOp::create(e.b, type, x.buffer, at);
    } else {
      Value mask = vector::CreateMaskOp::create(e.b, type.clone(e.b.getI1Type()),
                                                e.sub(e.index(x.columns), k));
      Value none = arith::ConstantOp::create(e.b, type, e.b.getZeroAttr(type));
      read = vector::MaskedLoadOp::create(e.b, type, x.buffer, at, mask, none);
    }
    read = vector::BitCastOp::create(e.b, words, read);
    for (int64_t quad = 0; quad < count / kQuad; ++quad) {
      Value two = vector::ExtractStridedSliceOp::create(e.b, read, ArrayRef<int64_t>{2 * quad},
                                                        ArrayRef<int64_t>{2}, ArrayRef<int64_t>{1});
      Value word = e.add(e.add(e.sub(k, first), quad * kQuad), half);
      vector::StoreOp::create(e.b, two, pairs, ValueRange{pair, word});
    }
  });
}

Value Bf16Pairs::quads(Value local, Value k) const {
  Value words = vector::LoadOp::create(e.b, VectorType::get({kQuad}, e.b.getF32Type()), pairs,
                                       ValueRange{e.div(local, e.index(2)), k});
  return vector::BitCastOp::create(e.b, VectorType::get({2 * kQuad}, e.b.getBF16Type()), words);
}

} // namespace mamba
