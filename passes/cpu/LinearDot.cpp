// vpdpbusd adds to a 32-bit lane the products of four bytes, one of them unsigned: rows
// have 128 more, which the sum of a group's weights takes away again, once for all rows.
// sdot takes both of them signed.
#include "passes/cpu/LinearDot.h"

#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/LLVMIR/LLVMDialect.h"

using namespace mlir;

namespace mamba {

bool takesDots(const Target &target, int64_t lanes) {
  return target.isArm() ? target.has("dotprod") && lanes == 4
                        : target.has("avx512vnni") && lanes == 16;
}

Int8Rows::Form formOfRows(Value matrix) {
  return matrix.getDefiningOp<ssm::DequantizeOp>().getBits() == 4 ? Int8Rows::Form::BytesOfPairs
                                                                 : Int8Rows::Form::Bytes;
}

static Value dot(CpuEmitter &e, Value sum, Value rowBytes, Value weightBytes) {
  StringRef name = e.target.isArm() ? "llvm.aarch64.neon.sdot" : "llvm.x86.avx512.vpdpbusd.512";
  return LLVM::CallIntrinsicOp::create(e.b, sum.getType(), e.b.getStringAttr(name),
                                       ValueRange{sum, rowBytes, weightBytes})
      .getResult(0);
}

SmallVector<Value> dotGroup(CpuEmitter &e, const PanelTile &t, const WeightPanel &weights, Value k,
                            int64_t count, ValueRange sums) {
  auto words = VectorType::get({e.lanes}, e.b.getI32Type());
  auto bytes = VectorType::get({4 * e.lanes}, e.b.getI8Type());
  Value zero = arith::ConstantOp::create(e.b, e.b.getZeroAttr(words));
  Value offset = arith::ConstantOp::create(
      e.b, DenseElementsAttr::get(bytes, e.b.getI8IntegerAttr(-128)));
  SmallVector<Value> more(t.vectors, zero), inner(sums.size(), zero), loaded(t.rows.size());
  for (int64_t step = 0; step < count; step += weights.unit()) {
    Value at = e.add(k, step);
    SmallVector<SmallVector<Value>> parts;
    for (int64_t j = 0; j < t.vectors; ++j)
      parts.push_back(weights.bytes(t.panel, at, t.column + j * e.lanes));
    if (t.prefetches)
      weights.prefetch(t.panel, at, t.column, t.vectors);
    for (size_t part = 0; part < parts.front().size(); ++part) {
      for (int64_t j = 0; j < t.vectors && !t.int8->isSigned(); ++j)
        more[j] = dot(e, more[j], offset, parts[j][part]);
      Value word = e.add(e.div(at, e.index(4)), part);
      int64_t inWords = (step / 4 + part) % e.lanes;
      for (auto [i, row] : llvm::enumerate(t.rows)) {
        if (t.int8->isSigned() && inWords == 0)
          loaded[i] = t.int8->words(row, word);
        Value x = loaded[i] ? t.int8->bytesOf(loaded[i], inWords) : t.int8->bytes(row, word);
        for (int64_t j = 0; j < t.vectors; ++j) {
          Value &sum = inner[i * t.vectors + j];
          sum = dot(e, sum, x, parts[j][part]);
        }
      }
    }
  }
  SmallVector<Value> scales, outer;
  for (int64_t j = 0; j < t.vectors; ++j)
    scales.push_back(weights.scale(t.panel, k, t.column + j * e.lanes));
  Value group = e.div(k, e.index(Int8Rows::kGroup));
  for (auto [i, row] : llvm::enumerate(t.rows)) {
    Value scale = t.int8->scale(row, group);
    for (int64_t j = 0; j < t.vectors; ++j) {
      int64_t at = i * t.vectors + j;
      Value sum = inner[at];
      if (!t.int8->isSigned())
        sum = arith::SubIOp::create(e.b, sum, more[j]);
      sum = arith::SIToFPOp::create(e.b, e.vectorType, sum);
      outer.push_back(e.math.fma(sum, e.math.mul(scales[j], scale), sums[at]));
    }
  }
  return outer;
}

} // namespace mamba
