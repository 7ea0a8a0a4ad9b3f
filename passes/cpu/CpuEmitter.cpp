#include "passes/cpu/CpuEmitter.h"

#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/MemRef/IR/MemRef.h"
#include "mlir/Dialect/Vector/IR/VectorOps.h"

using namespace mlir;

namespace mamba {

CpuEmitter::CpuEmitter(OpBuilder &builder, Location loc, StringRef symbol, ssm::KernelOp kernel,
                       const Target &target, ssm::ScheduleAttr schedule)
    : KernelEmitter(builder, loc, kernel, target, schedule), lanes(schedule.getLanes()),
      vectorType(VectorType::get({lanes}, builder.getF32Type())), reach(lanes) {
  Type index = b.getIndexType();
  SmallVector<Type> types = {index, index, index, bare(b.getI64Type()), bare(b.getI32Type()),
                             bare(b.getF32Type())};
  llvm::append_range(types, bufferTypes());
  auto function = func::FuncOp::create(b, symbol, b.getFunctionType(types, {}));
  function.setPrivate();
  for (unsigned i = 3; i < types.size(); ++i)
    function.setArgAttr(i, "llvm.noalias", b.getUnitAttr());
  b.setInsertionPointToStart(function.addEntryBlock());
  tile = function.getArgument(0);
  scratchBase = function.getArgument(5);
  bind(function.getArgument(1), function.getArgument(2), function.getArgument(3),
       function.getArgument(4), ValueRange(function.getArguments()).drop_front(6));
  func::ReturnOp::create(b);
  b.setInsertionPoint(function.front().getTerminator());
}

Value CpuEmitter::edgeMask(Value column, int64_t columns) {
  if (columns % reach == 0)
    return {};
  Value left = sub(index(columns), column);
  return vector::CreateMaskOp::create(b, VectorType::get({lanes}, b.getI1Type()), left);
}

Value CpuEmitter::loadAt(Value buffer, ValueRange at, Value mask) {
  Type element = ::cast<MemRefType>(buffer.getType()).getElementType();
  auto type = VectorType::get({lanes}, element);
  if (!mask)
    return widen(vector::LoadOp::create(b, type, buffer, at));
  Value nothing = arith::ConstantOp::create(b, type, b.getZeroAttr(type));
  return widen(vector::MaskedLoadOp::create(b, type, buffer, at, mask, nothing));
}

void CpuEmitter::storeAt(Value vector, Value buffer, ValueRange at, Value mask) {
  Value stored = narrow(vector, ::cast<MemRefType>(buffer.getType()).getElementType());
  if (mask)
    vector::MaskedStoreOp::create(b, buffer, at, mask, stored);
  else
    vector::StoreOp::create(b, stored, buffer, at);
}

Value CpuEmitter::load(const View &view, Value row, Value column) {
  return loadAt(view.buffer, {row, add(column, view.offset)}, edgeMask(column, view.columns));
}

void CpuEmitter::store(Value vector, const View &view, Value row, Value column) {
  SmallVector<Value> at = {row, add(column, view.offset)};
  Type element = ::cast<MemRefType>(view.buffer.getType()).getElementType();
  Value mask = edgeMask(column, view.columns);
  if (!mask || view.columns % lanes != 1 || !element.isInteger(16))
    return storeAt(vector, view.buffer, at, mask);
  // Where LLVM 22 knows that a mask leaves one lane it stores all 32 bits of what
  // was cut to 16, so that lane is stored as a scalar; else all lanes or none.
  Value left = sub(index(view.columns), column);
  when(less(index(1), left), [&] { storeAt(vector, view.buffer, at, {}); });
  when(arith::CmpIOp::create(b, arith::CmpIPredicate::eq, left, index(1)), [&] {
    Value first = vector::ExtractOp::create(b, vector, ArrayRef<int64_t>{0});
    memref::StoreOp::create(b, narrow(first, element), view.buffer, at);
  });
}

Value CpuEmitter::load1(Value buffer, Value column) {
  int64_t columns = ::cast<MemRefType>(buffer.getType()).getShape().back();
  return loadAt(buffer, column, edgeMask(column, columns));
}

Value CpuEmitter::scalarAt(Value buffer, ValueRange at) {
  return widen(memref::LoadOp::create(b, buffer, at));
}

Value CpuEmitter::scalar(const View &view, Value row, Value column) {
  return scalarAt(view.buffer, {row, add(column, view.offset)});
}

Value CpuEmitter::broadcast(Value scalar) {
  return vector::BroadcastOp::create(b, vectorType, scalar);
}

void CpuEmitter::prefetch(Value buffer, ValueRange at, bool isWritten) {
  memref::PrefetchOp::create(b, buffer, at, isWritten, /*localityHint=*/2, /*isDataCache=*/true);
}

void CpuEmitter::interleave(int64_t count, const std::function<void(int64_t)> &body) {
  Block *block = b.getInsertionBlock();
  Block::iterator end = b.getInsertionPoint();
  SmallVector<SmallVector<Operation *>> chains;
  size_t longest = 0;
  for (int64_t i = 0; i < count; ++i) {
    Operation *before = end == block->begin() ? nullptr : &*std::prev(end);
    body(i);
    auto first = before ? std::next(before->getIterator()) : block->begin();
    chains.emplace_back();
    for (Operation &op : llvm::make_range(first, end))
      chains.back().push_back(&op);
    longest = std::max(longest, chains.back().size());
  }
  for (size_t k = 0; k < longest; ++k)
    for (ArrayRef<Operation *> chain : chains)
      if (k < chain.size())
        chain[k]->moveBefore(block, end);
}

Value CpuEmitter::scratch(int64_t scratchRows, int64_t columns) {
  int64_t offset = scratchUsed / 4;
  scratchUsed += (scratchRows * columns * 4 + 63) / 64 * 64;
  // Each matrix has its own offset in the type: they never overlap.
  auto type = MemRefType::get({scratchRows, columns}, b.getF32Type(),
                              StridedLayoutAttr::get(b.getContext(), offset, {columns, 1}));
  return memref::ReinterpretCastOp::create(b, type, scratchBase, offset,
                                           ArrayRef<int64_t>{scratchRows, columns},
                                           ArrayRef<int64_t>{columns, 1});
}

} // namespace mamba
