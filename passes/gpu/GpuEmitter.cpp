#include "passes/gpu/GpuEmitter.h"

#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/LLVMIR/NVVMDialect.h"
#include "mlir/Dialect/MemRef/IR/MemRef.h"
#include "mlir/Dialect/Vector/IR/VectorOps.h"
#include "llvm/Support/MathExtras.h"

using namespace mlir;

namespace mamba {

/// A grid has at most 2^31 - 1 blocks in x; ranges make LLVM choose 32-bit
/// arithmetic where they suffice.
static constexpr int64_t maxBlocks = 0x7fffffff;

GpuEmitter::GpuEmitter(OpBuilder &builder, Location loc, StringRef symbol, ssm::KernelOp kernel,
                       const Target &target, ssm::ScheduleAttr schedule)
    : KernelEmitter(builder, loc, kernel, target, schedule), threads(schedule.getThreads()) {
  Type i64 = b.getI64Type();
  SmallVector<Type> types = {i64, i64, bare(i64), bare(b.getI32Type())};
  llvm::append_range(types, bufferTypes());
  function = gpu::GPUFuncOp::create(b, symbol, b.getFunctionType(types, {}));
  function->setAttr(gpu::GPUDialect::getKernelFuncAttrName(), b.getUnitAttr());
  function->setAttr("nvvm.reqntid", b.getDenseI32ArrayAttr({int32_t(threads), 1, 1}));
  for (unsigned i = 2; i < types.size(); ++i) {
    function.setArgAttr(i, LLVM::LLVMDialect::getNoAliasAttrName(), b.getUnitAttr());
    // Weights are aligned to their element only, until the recipe packs them.
    Type element = cast<MemRefType>(types[i]).getElementType();
    function.setArgAttr(i, LLVM::LLVMDialect::getAlignAttrName(),
                        b.getI64IntegerAttr(element.getIntOrFloatBitWidth() / 8));
  }
  b.setInsertionPointToStart(&function.front());
  tile = gpu::BlockIdOp::create(b, gpu::Dimension::x, b.getIndexAttr(maxBlocks));
  thread = gpu::ThreadIdOp::create(b, gpu::Dimension::x, b.getIndexAttr(threads));
  warp = div(thread, index(warpSize));
  lane = rem(thread, index(warpSize));
  auto toIndex = [&](Value x) -> Value {
    return arith::IndexCastOp::create(b, b.getIndexType(), x);
  };
  bind(toIndex(function.getArgument(0)), toIndex(function.getArgument(1)),
       function.getArgument(2), function.getArgument(3),
       ValueRange(function.getArguments()).slice(4, types.size() - 4));
  gpu::ReturnOp::create(b);
  b.setInsertionPoint(function.front().getTerminator());
}

Value GpuEmitter::load(Value buffer, ValueRange at) {
  return widen(memref::LoadOp::create(b, buffer, at));
}
void GpuEmitter::store(Value value, Value buffer, ValueRange at) {
  Type stored = cast<MemRefType>(buffer.getType()).getElementType();
  memref::StoreOp::create(b, value.getType().isF32() ? narrow(value, stored) : value, buffer, at);
}
Value GpuEmitter::load(const View &view, Value row, Value column) {
  return load(view.buffer, {row, add(column, view.offset)});
}
void GpuEmitter::store(Value value, const View &view, Value row, Value column) {
  store(value, view.buffer, {row, add(column, view.offset)});
}

Value GpuEmitter::loadVector(Value buffer, ValueRange at, int64_t count) {
  auto type = VectorType::get({count}, cast<MemRefType>(buffer.getType()).getElementType());
  int64_t bytes = count * type.getElementTypeBitWidth() / 8;
  return widen(vector::LoadOp::create(b, type, buffer, at, /*nontemporal=*/false,
                                      llvm::MaybeAlign(bytes)));
}

void GpuEmitter::storeVector(Value value, Value buffer, ValueRange at) {
  value = narrow(value, cast<MemRefType>(buffer.getType()).getElementType());
  auto type = cast<VectorType>(value.getType());
  int64_t bytes = type.getNumElements() * type.getElementTypeBitWidth() / 8;
  vector::StoreOp::create(b, value, buffer, at, /*nontemporal=*/false, llvm::MaybeAlign(bytes));
}

Value GpuEmitter::extract(Value vector, int64_t i) {
  return vector::ExtractOp::create(b, vector, ArrayRef<int64_t>{i});
}
Value GpuEmitter::fromElements(ValueRange elements) {
  auto type = VectorType::get({int64_t(elements.size())}, elements.front().getType());
  return vector::FromElementsOp::create(b, type, elements);
}

Value GpuEmitter::shared(ArrayRef<int64_t> shape, Type element) {
  if (!element)
    element = b.getF32Type();
  int64_t bytes = element.getIntOrFloatBitWidth() / 8;
  for (int64_t extent : shape)
    bytes *= extent;
  sharedUsed = llvm::alignTo(sharedUsed, 16) + bytes;
  auto space = gpu::AddressSpaceAttr::get(b.getContext(), gpu::AddressSpace::Workgroup);
  unsigned number = function.getNumWorkgroupAttributions();
  Value buffer = function.addWorkgroupAttribution(
      MemRefType::get(shape, element, MemRefLayoutAttrInterface{}, space), b.getLoc());
  // Not more than the size bears out: LLVM fills a vector's gap with what it
  // may read by alignment, beyond the end too.
  function.setWorkgroupAttributionAttr(
      number, b.getStringAttr(LLVM::LLVMDialect::getAlignAttrName()),
      b.getI64IntegerAttr(int64_t(llvm::MinAlign(bytes, 16))));
  return buffer;
}

void GpuEmitter::barrier() { gpu::BarrierOp::create(b); }

void GpuEmitter::warpBarrier() {
  Value all = arith::ConstantOp::create(b, b.getI32IntegerAttr(-1));
  NVVM::SyncWarpOp::create(b, all);
}

static Value shuffle(ImplicitLocOpBuilder &b, Value value, Value which, gpu::ShuffleMode mode) {
  Value width = arith::ConstantOp::create(b, b.getI32IntegerAttr(GpuEmitter::warpSize));
  return gpu::ShuffleOp::create(b, value, which, width, mode).getShuffleResult();
}

Value GpuEmitter::shuffleXor(Value value, int64_t distance) {
  Value offset = arith::ConstantOp::create(b, b.getI32IntegerAttr(distance));
  return shuffle(b, value, offset, gpu::ShuffleMode::XOR);
}

Value GpuEmitter::shuffleFrom(Value value, Value from) {
  return shuffle(b, value, from, gpu::ShuffleMode::IDX);
}

Value GpuEmitter::warpSum(Value value, int64_t width) {
  for (int64_t distance = 1; distance < width; distance *= 2)
    value = math.add(value, shuffleXor(value, distance));
  return value;
}

Value GpuEmitter::blockSum(Value value) {
  value = warpSum(value);
  int64_t warps = threads / warpSize;
  if (warps == 1)
    return value;
  // LLVM reads three numbers as four: the fourth is there, and 0.
  int64_t whole = warps % 4 == 3 ? warps + 1 : warps;
  if (!warpSums)
    warpSums = shared({whole});
  when(equal(lane, index(0)), [&] { store(value, warpSums, warp); });
  if (whole > warps)
    when(equal(thread, index(0)), [&] { store(f32(0), warpSums, index(warps)); });
  barrier();
  Value sum = load(warpSums, index(0));
  for (int64_t i = 1; i < warps; ++i)
    sum = math.add(sum, load(warpSums, index(i)));
  barrier();
  return sum;
}

void GpuEmitter::allowRegisters(int64_t count) {
  // A quarter of the registers is for every fourth warp, given out in eights.
  int64_t warps = 4 * (target.allRegisters / 4 / warpSize / llvm::alignTo(count, 8));
  int64_t blocks = std::max<int64_t>(1, warps * warpSize / threads);
  function->setAttr(NVVM::NVVMDialect::getMinctasmAttrName(), b.getI32IntegerAttr(blocks));
}

Value GpuEmitter::select(Value condition, Value x, Value y) {
  return arith::SelectOp::create(b, condition, x, y);
}
Value GpuEmitter::both(Value x, Value y) { return b.createOrFold<arith::AndIOp>(x, y); }
Value GpuEmitter::equal(Value x, Value y) {
  return arith::CmpIOp::create(b, arith::CmpIPredicate::eq, x, y);
}

} // namespace mamba
