#include "passes/target/KernelEmitter.h"
#include "passes/target/Match.h"

#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/LLVMIR/LLVMDialect.h"
#include "mlir/Dialect/MemRef/IR/MemRef.h"
#include "mlir/Dialect/SCF/IR/SCF.h"

using namespace mlir;

namespace mamba {

// bf16 in memory is its bits: where the machine has no such type, LLVM moves one
// by a call into a library.
static Type inMemory(Type element) {
  return element.isBF16() ? IntegerType::get(element.getContext(), 16) : element;
}

MemRefType KernelEmitter::bare(Type element) { return MemRefType::get({}, inMemory(element)); }

KernelEmitter::KernelEmitter(OpBuilder &builder, Location loc, ssm::KernelOp kernel,
                             const Target &target, ssm::ScheduleAttr schedule)
    : b(loc, builder), target(target), kernel(kernel), schedule(schedule), math(b, target) {}

SmallVector<Type> KernelEmitter::bufferTypes() {
  SmallVector<Type> types;
  for (BlockArgument arg : kernel.getBlock().getArguments())
    if (auto type = dyn_cast<RankedTensorType>(arg.getType()))
      types.push_back(bare(type.getElementType()));
  for (unsigned i = 0; i < kernel.getNumResults(); ++i)
    if (!kernel.getTiedInput(i))
      types.push_back(bare(::cast<RankedTensorType>(kernel.getResult(i).getType()).getElementType()));
  return types;
}

void KernelEmitter::bind(Value rowCount, Value sequenceCount, Value seqStart, Value slot,
                         ValueRange pointers) {
  rows = rowCount;
  sequences = sequenceCount;
  auto vector = [&](Value pointer, Value size) -> Value {
    Type element = ::cast<MemRefType>(pointer.getType()).getElementType();
    return memref::ReinterpretCastOp::create(
        b, MemRefType::get({ShapedType::kDynamic}, element), pointer,
        /*offset=*/OpFoldResult(b.getIndexAttr(0)), ArrayRef<OpFoldResult>{size},
        ArrayRef<OpFoldResult>{b.getIndexAttr(1)});
  };
  seqStarts = vector(seqStart, add(sequences, 1));
  slots = vector(slot, sequences);
  unsigned next = 0;
  for (BlockArgument arg : kernel.getBlock().getArguments())
    if (auto type = dyn_cast<RankedTensorType>(arg.getType()))
      buffers[arg] = cast(pointers[next++], type);
  for (unsigned i = 0; i < kernel.getNumResults(); ++i) {
    if (std::optional<unsigned> tied = kernel.getTiedInput(i))
      results.push_back(buffers[kernel.getBlock().getArgument(*tied)]);
    else
      results.push_back(
          cast(pointers[next++], ::cast<RankedTensorType>(kernel.getResult(i).getType())));
  }
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
Value KernelEmitter::mul(Value x, Value y) { return b.createOrFold<arith::MulIOp>(x, y); }
Value KernelEmitter::div(Value x, Value y) { return b.createOrFold<arith::DivUIOp>(x, y); }
Value KernelEmitter::rem(Value x, Value y) { return b.createOrFold<arith::RemUIOp>(x, y); }
Value KernelEmitter::ceilDiv(Value x, int64_t y) { return div(add(x, y - 1), index(y)); }
Value KernelEmitter::min(Value x, Value y) { return b.createOrFold<arith::MinSIOp>(x, y); }
Value KernelEmitter::max(Value x, Value y) { return b.createOrFold<arith::MaxSIOp>(x, y); }
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

void KernelEmitter::loop(Value from, Value to, Value step, const LoopBody &body, bool rolled) {
  auto op = scf::ForOp::create(b, from, to, step);
  if (rolled)
    keepRolled(op);
  OpBuilder::InsertionGuard guard(b);
  b.setInsertionPoint(op.getBody()->getTerminator());
  body(op.getInductionVar());
}

SmallVector<Value> KernelEmitter::loop(Value from, Value to, Value step, ValueRange init,
                                       const CarryBody &body, bool rolled) {
  if (init.empty()) {
    loop(from, to, step, [&](Value i) { body(i, {}); }, rolled);
    return {};
  }
  auto op = scf::ForOp::create(b, from, to, step, init);
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

Value KernelEmitter::when(Value condition, const std::function<Value()> &body, Value otherwise) {
  auto values = [&] { return SmallVector<Value>{body()}; };
  return when(condition, values, ValueRange(otherwise)).front();
}

SmallVector<Value> KernelEmitter::when(Value condition,
                                       const std::function<SmallVector<Value>()> &body,
                                       ValueRange otherwise) {
  auto op = scf::IfOp::create(b, otherwise.getTypes(), condition, /*withElseRegion=*/true);
  OpBuilder::InsertionGuard guard(b);
  b.setInsertionPointToStart(op.thenBlock());
  scf::YieldOp::create(b, body());
  b.setInsertionPointToStart(op.elseBlock());
  scf::YieldOp::create(b, otherwise);
  return op.getResults();
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
  value = unwidened(value);
  while (auto split = value.getDefiningOp<ssm::SplitOp>()) {
    for (Value part : split.getParts()) {
      if (part == value)
        break;
      view.offset += ::cast<RankedTensorType>(part.getType()).getShape().back();
    }
    value = unwidened(split.getX());
  }
  view.buffer = buffer(value);
  return view;
}

/// The type with that element, a vector if the other is one.
static Type like(Type type, Type element) {
  auto vector = dyn_cast<VectorType>(type);
  return vector ? Type(vector.clone(element)) : element;
}

static Value constantLike(ImplicitLocOpBuilder &b, Type type, int64_t value) {
  auto element = b.getIntegerAttr(getElementTypeOrSelf(type), value);
  auto vector = dyn_cast<VectorType>(type);
  return arith::ConstantOp::create(
      b, type, vector ? TypedAttr(DenseElementsAttr::get(vector, element)) : TypedAttr(element));
}

Value KernelEmitter::widen(Value stored) {
  Type element = getElementTypeOrSelf(stored.getType());
  Type f32 = like(stored.getType(), b.getF32Type());
  if (element.isF16())
    return arith::ExtFOp::create(b, f32, stored);
  if (!element.isInteger(16))
    return stored;
  Type i32 = like(stored.getType(), b.getI32Type());
  Value wide = arith::ExtUIOp::create(b, i32, stored);
  wide = arith::ShLIOp::create(b, wide, constantLike(b, i32, 16));
  return arith::BitcastOp::create(b, f32, wide);
}

Value KernelEmitter::narrow(Value x, Type element) {
  Type type = like(x.getType(), element);
  if (element.isF16())
    return arith::TruncFOp::create(b, type, x);
  if (!element.isInteger(16))
    return x;
  if (target.roundsToBf16) {
    Value rounded = arith::TruncFOp::create(b, like(x.getType(), b.getBF16Type()), x);
    return arith::BitcastOp::create(b, type, rounded);
  }
  Type i32 = like(x.getType(), b.getI32Type());
  Value bits = arith::BitcastOp::create(b, i32, x);
  Value high = arith::ShRUIOp::create(b, bits, constantLike(b, i32, 16));
  Value odd = arith::AndIOp::create(b, high, constantLike(b, i32, 1));
  Value up = arith::AddIOp::create(b, odd, constantLike(b, i32, 0x7fff));
  Value rounded = arith::ShRUIOp::create(b, arith::AddIOp::create(b, bits, up),
                                         constantLike(b, i32, 16));
  Value quiet = arith::OrIOp::create(b, high, constantLike(b, i32, 0x40));
  Value isNan = arith::CmpFOp::create(b, arith::CmpFPredicate::UNO, x, x);
  return arith::TruncIOp::create(b, type,
                                 arith::SelectOp::create(b, isNan, quiet, rounded));
}

Value KernelEmitter::sequenceStart(Value sequence) {
  Value start = memref::LoadOp::create(b, seqStarts, sequence);
  return arith::IndexCastOp::create(b, b.getIndexType(), start);
}

Value KernelEmitter::slot(Value sequence) {
  Value slot = memref::LoadOp::create(b, slots, sequence);
  return arith::IndexCastOp::create(b, b.getIndexType(), slot);
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
