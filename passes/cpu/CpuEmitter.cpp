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

Value CpuEmitter::load(const View &view, Value row, Value column) {
  SmallVector<Value> at = {row, add(column, view.offset)};
  if (Value mask = edgeMask(column, view.columns))
    return vector::MaskedLoadOp::create(b, vectorType, view.buffer, at, mask, zero());
  return vector::LoadOp::create(b, vectorType, view.buffer, at);
}

void CpuEmitter::store(Value vector, const View &view, Value row, Value column) {
  SmallVector<Value> at = {row, add(column, view.offset)};
  if (Value mask = edgeMask(column, view.columns))
    vector::MaskedStoreOp::create(b, view.buffer, at, mask, vector);
  else
    vector::StoreOp::create(b, vector, view.buffer, at);
}

Value CpuEmitter::load1(Value buffer, Value column) {
  int64_t columns = ::cast<MemRefType>(buffer.getType()).getShape().back();
  if (Value mask = edgeMask(column, columns))
    return vector::MaskedLoadOp::create(b, vectorType, buffer, column, mask, zero());
  return vector::LoadOp::create(b, vectorType, buffer, column);
}

Value CpuEmitter::broadcast(Value scalar) {
  return vector::BroadcastOp::create(b, vectorType, scalar);
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
