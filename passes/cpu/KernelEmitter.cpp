#include "passes/cpu/KernelEmitter.h"

#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/LLVMIR/LLVMDialect.h"
#include "mlir/Dialect/MemRef/IR/MemRef.h"
#include "mlir/Dialect/SCF/IR/SCF.h"
#include "mlir/Dialect/Vector/IR/VectorOps.h"

using namespace mlir;

namespace mamba {

// bf16 in memory is its bits: where the machine has no such type, LLVM moves one
// by a call into a library.
static Type inMemory(Type element) {
  return element.isBF16() ? IntegerType::get(element.getContext(), 16) : element;
}

// A pointer of the machine code: dynamic shapes are put on inside.
static MemRefType bare(Type element) { return MemRefType::get({}, inMemory(element)); }

KernelEmitter::KernelEmitter(OpBuilder &builder, Location loc, StringRef symbol,
                             ssm::KernelOp kernel, const Target &target,
                             ssm::ScheduleAttr schedule)
    : b(loc, builder), target(target), kernel(kernel), schedule(schedule), math(b, target),
      lanes(schedule.getLanes()), vectorType(VectorType::get({lanes}, builder.getF32Type())), reach(lanes) {
  Type i64 = b.getI64Type(), index = b.getIndexType();
  SmallVector<Type> types = {index, index, index, bare(i64), bare(b.getI32Type()),
                             bare(b.getF32Type())};
  SmallVector<Value> arguments; // of the region, with a buffer of their own
  for (BlockArgument arg : kernel.getBlock().getArguments())
    if (auto type = dyn_cast<RankedTensorType>(arg.getType())) {
      arguments.push_back(arg);
      types.push_back(bare(type.getElementType()));
    }
  for (unsigned i = 0; i < kernel.getNumResults(); ++i)
    if (!kernel.getTiedInput(i))
      types.push_back(bare(cast<RankedTensorType>(kernel.getResult(i).getType()).getElementType()));

  function = func::FuncOp::create(b, symbol, b.getFunctionType(types, {}));
  function.setPrivate();
  for (unsigned i = 3; i < types.size(); ++i)
    function.setArgAttr(i, "llvm.noalias", b.getUnitAttr());
  b.setInsertionPointToStart(function.addEntryBlock());
  tile = function.getArgument(0);
  rows = function.getArgument(1);
  sequences = function.getArgument(2);
  auto vector = [&](unsigned i, Type element, Value size) -> Value {
    return memref::ReinterpretCastOp::create(
        b, MemRefType::get({ShapedType::kDynamic}, element), function.getArgument(i),
        /*offset=*/OpFoldResult(b.getIndexAttr(0)), ArrayRef<OpFoldResult>{size},
        ArrayRef<OpFoldResult>{b.getIndexAttr(1)});
  };
  seqStarts = vector(3, i64, add(sequences, 1));
  slots = vector(4, b.getI32Type(), sequences);
  scratchBase = function.getArgument(5);
  unsigned next = 6;
  for (Value arg : arguments)
    buffers[arg] = cast(function.getArgument(next++), ::cast<RankedTensorType>(arg.getType()));
  for (unsigned i = 0; i < kernel.getNumResults(); ++i) {
    if (std::optional<unsigned> tied = kernel.getTiedInput(i))
      results.push_back(buffers[kernel.getBlock().getArgument(*tied)]);
    else
      results.push_back(cast(function.getArgument(next++),
                             ::cast<RankedTensorType>(kernel.getResult(i).getType())));
  }
  func::ReturnOp::create(b);
  b.setInsertionPoint(function.front().getTerminator());
}

Value KernelEmitter::cast(Value pointer, RankedTensorType type) {
  SmallVector<OpFoldResult> sizes, strides(type.getRank());
  int64_t stride = 1;
  for (int64_t i = type.getRank() - 1; i >= 0; --i) {
    strides[i] = b.getIndexAttr(stride);
    if (!type.isDynamicDim(i))
      stride *= type.getDimSize(i);
  }
  // The dynamic size is only a number for the type: rows, or slots of a pool.
  for (int64_t i = 0; i < type.getRank(); ++i)
    sizes.push_back(type.isDynamicDim(i) ? OpFoldResult(rows)
                                         : OpFoldResult(b.getIndexAttr(type.getDimSize(i))));
  return memref::ReinterpretCastOp::create(
      b, MemRefType::get(type.getShape(), inMemory(type.getElementType())), pointer,
      OpFoldResult(b.getIndexAttr(0)), sizes, strides);
}

Value KernelEmitter::index(int64_t value) { return arith::ConstantIndexOp::create(b, value); }
Value KernelEmitter::add(Value x, Value y) { return b.createOrFold<arith::AddIOp>(x, y); }
Value KernelEmitter::sub(Value x, Value y) { return b.createOrFold<arith::SubIOp>(x, y); }
Value KernelEmitter::mul(Value x, int64_t y) { return b.createOrFold<arith::MulIOp>(x, index(y)); }
Value KernelEmitter::div(Value x, Value y) { return b.createOrFold<arith::DivUIOp>(x, y); }
Value KernelEmitter::rem(Value x, Value y) { return b.createOrFold<arith::RemUIOp>(x, y); }
Value KernelEmitter::ceilDiv(Value x, int64_t y) { return div(add(x, y - 1), index(y)); }
Value KernelEmitter::min(Value x, Value y) { return b.createOrFold<arith::MinSIOp>(x, y); }
Value KernelEmitter::less(Value x, Value y) {
  return arith::CmpIOp::create(b, arith::CmpIPredicate::slt, x, y);
}

void KernelEmitter::keepRolled(Operation *loop) {
  auto unroll = LLVM::LoopUnrollAttr::get(b.getContext(), /*disable=*/b.getBoolAttr(true), {}, {},
                                          {}, {}, {}, {});
  loop->setAttr("llvm.loop_annotation",
                LLVM::LoopAnnotationAttr::get(b.getContext(), {}, {}, {}, unroll, {}, {}, {}, {},
                                              {}, {}, {}, {}, {}, {}, {}));
}

void KernelEmitter::loop(Value from, Value to, int64_t step, const LoopBody &body, bool rolled) {
  auto op = scf::ForOp::create(b, from, to, index(step));
  if (rolled)
    keepRolled(op);
  OpBuilder::InsertionGuard guard(b);
  b.setInsertionPoint(op.getBody()->getTerminator());
  body(op.getInductionVar());
}

SmallVector<Value> KernelEmitter::loop(Value from, Value to, int64_t step, ValueRange init,
                                       const CarryBody &body, bool rolled) {
  if (init.empty()) {
    loop(from, to, step, [&](Value i) { body(i, {}); }, rolled);
    return {};
  }
  auto op = scf::ForOp::create(b, from, to, index(step), init);
  if (rolled)
    keepRolled(op);
  OpBuilder::InsertionGuard guard(b);
  b.setInsertionPointToEnd(op.getBody());
  scf::YieldOp::create(b, body(op.getInductionVar(), op.getRegionIterArgs()));
  return op.getResults();
}

void KernelEmitter::when(Value condition, const std::function<void()> &body) {
  auto op = scf::IfOp::create(b, condition, /*withElseRegion=*/false);
  OpBuilder::InsertionGuard guard(b);
  b.setInsertionPointToStart(op.thenBlock());
  body();
}

Value KernelEmitter::buffer(Value regionArgument) {
  Value found = buffers.lookup(regionArgument);
  assert(found && "not an argument of the kernel's region");
  return found;
}

Value KernelEmitter::resultBuffer(unsigned result) { return results[result]; }

std::optional<View> KernelEmitter::view(Value value) {
  if (!isRowsView(value))
    return std::nullopt;
  View view;
  view.columns = ::cast<RankedTensorType>(value.getType()).getShape().back();
  while (auto split = value.getDefiningOp<ssm::SplitOp>()) {
    for (Value part : split.getParts()) {
      if (part == value)
        break;
      view.offset += ::cast<RankedTensorType>(part.getType()).getShape().back();
    }
    value = split.getX();
  }
  view.buffer = buffer(value);
  return view;
}

Value KernelEmitter::edgeMask(Value column, int64_t columns) {
  if (columns % reach == 0)
    return {};
  Value left = sub(index(columns), column);
  return vector::CreateMaskOp::create(b, VectorType::get({lanes}, b.getI1Type()), left);
}

Value KernelEmitter::load(const View &view, Value row, Value column) {
  SmallVector<Value> at = {row, add(column, view.offset)};
  if (Value mask = edgeMask(column, view.columns))
    return vector::MaskedLoadOp::create(b, vectorType, view.buffer, at, mask, zero());
  return vector::LoadOp::create(b, vectorType, view.buffer, at);
}

void KernelEmitter::store(Value vector, const View &view, Value row, Value column) {
  SmallVector<Value> at = {row, add(column, view.offset)};
  if (Value mask = edgeMask(column, view.columns))
    vector::MaskedStoreOp::create(b, view.buffer, at, mask, vector);
  else
    vector::StoreOp::create(b, vector, view.buffer, at);
}

Value KernelEmitter::load1(Value buffer, Value column) {
  int64_t columns = ::cast<MemRefType>(buffer.getType()).getShape().back();
  if (Value mask = edgeMask(column, columns))
    return vector::MaskedLoadOp::create(b, vectorType, buffer, column, mask, zero());
  return vector::LoadOp::create(b, vectorType, buffer, column);
}

Value KernelEmitter::broadcast(Value scalar) {
  return vector::BroadcastOp::create(b, vectorType, scalar);
}

Value KernelEmitter::sequenceStart(Value sequence) {
  Value start = memref::LoadOp::create(b, seqStarts, sequence);
  return arith::IndexCastOp::create(b, b.getIndexType(), start);
}

Value KernelEmitter::slot(Value sequence) {
  Value slot = memref::LoadOp::create(b, slots, sequence);
  return arith::IndexCastOp::create(b, b.getIndexType(), slot);
}

Value KernelEmitter::scratch(int64_t scratchRows, int64_t columns) {
  int64_t offset = scratchUsed / 4;
  scratchUsed += (scratchRows * columns * 4 + 63) / 64 * 64;
  // Each matrix has its own offset in the type: they never overlap.
  auto type = MemRefType::get({scratchRows, columns}, b.getF32Type(),
                              StridedLayoutAttr::get(b.getContext(), offset, {columns, 1}));
  return memref::ReinterpretCastOp::create(b, type, scratchBase, offset,
                                           ArrayRef<int64_t>{scratchRows, columns},
                                           ArrayRef<int64_t>{columns, 1});
}

bool isRowsView(Value value) {
  auto type = dyn_cast<RankedTensorType>(value.getType());
  if (!type || type.getRank() != 2 || !type.isDynamicDim(0) || !type.getElementType().isF32())
    return false;
  while (auto split = value.getDefiningOp<ssm::SplitOp>())
    value = split.getX();
  return isa<BlockArgument>(value);
}

bool isElementwise(Operation *op) {
  return isa<ssm::SiluOp, ssm::SoftplusOp, ssm::AddOp, ssm::GateOp>(op);
}

Value KernelEmitter::elementwise(Value value, const Leaf &leaf) {
  if (Value known = leaf(value))
    return known;
  Operation *op = value.getDefiningOp();
  if (auto silu = dyn_cast<ssm::SiluOp>(op))
    return math.silu(elementwise(silu.getX(), leaf));
  if (auto softplus = dyn_cast<ssm::SoftplusOp>(op))
    return math.softplus(elementwise(softplus.getX(), leaf));
  if (auto sum = dyn_cast<ssm::AddOp>(op))
    return math.add(elementwise(sum.getA(), leaf), elementwise(sum.getB(), leaf));
  auto gate = ::cast<ssm::GateOp>(op);
  Value x = elementwise(gate.getX(), leaf);
  return math.mul(x, math.silu(elementwise(gate.getZ(), leaf)));
}

} // namespace mamba
