// The matrix unit and its copies: nvvm ops on addresses.
#include "passes/gpu/GpuEmitter.h"

#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/LLVMIR/NVVMDialect.h"
#include "mlir/Dialect/MemRef/IR/MemRef.h"

using namespace mlir;

namespace mamba {

/// LLVM's numbers of the address spaces.
constexpr unsigned globalSpace = 1, sharedSpace = 3;

static Value asI64(ImplicitLocOpBuilder &b, Value index) {
  return arith::IndexCastOp::create(b, b.getI64Type(), index);
}

Value GpuEmitter::address(Value buffer) {
  MLIRContext *context = b.getContext();
  Value first = asI64(b, memref::ExtractAlignedPointerAsIndexOp::create(b, buffer));
  if (cast<MemRefType>(buffer.getType()).getMemorySpace())
    return LLVM::IntToPtrOp::create(b, LLVM::LLVMPointerType::get(context, sharedSpace), first);
  Value generic = LLVM::IntToPtrOp::create(b, LLVM::LLVMPointerType::get(context), first);
  return LLVM::AddrSpaceCastOp::create(b, LLVM::LLVMPointerType::get(context, globalSpace),
                                       generic);
}

Value GpuEmitter::advance(Value address, Value bytes) {
  if (isConstantIntValue(bytes, 0))
    return address;
  return LLVM::GEPOp::create(b, address.getType(), b.getI8Type(), address,
                             ArrayRef<LLVM::GEPArg>{asI64(b, bytes)});
}

static SmallVector<Value> elementsOf(ImplicitLocOpBuilder &b, Value structure) {
  SmallVector<Value> values;
  for (int64_t i = 0; i < 4; ++i)
    values.push_back(LLVM::ExtractValueOp::create(b, structure, i));
  return values;
}

static Type fourOf(Type type) {
  return LLVM::LLVMStructType::getLiteral(type.getContext(), SmallVector<Type>(4, type));
}

SmallVector<Value> GpuEmitter::loadMatrices(Value address) {
  MLIRContext *context = b.getContext();
  Value loaded = NVVM::LdMatrixOp::create(
      b, fourOf(b.getI32Type()), address, /*num=*/4, NVVM::MMALayout::row,
      NVVM::LdStMatrixShapeAttr::get(context, 8, 8), NVVM::LdStMatrixEltType::B16);
  return elementsOf(b, loaded);
}

SmallVector<Value> GpuEmitter::multiplyMatrices(ArrayRef<Value> a, ArrayRef<Value> w,
                                                ArrayRef<Value> c, Type element) {
  bool isHalf = element.isF16();
  auto typed = [&](ArrayRef<Value> registers) {
    SmallVector<Value> values(registers);
    for (Value &value : values)
      if (isHalf)
        value = LLVM::BitcastOp::create(b, VectorType::get({2}, b.getF16Type()), value);
    return values;
  };
  auto type = isHalf ? NVVM::MMATypes::f16 : NVVM::MMATypes::bf16;
  int64_t k = a.size() * 4;
  Value sums = NVVM::MmaOp::create(
      b, fourOf(b.getF32Type()), typed(a), typed(w), c, ArrayRef<int64_t>{16, 8, k}, std::nullopt,
      std::nullopt, std::array<NVVM::MMATypes, 2>{type, type},
      std::array<NVVM::MMALayout, 2>{NVVM::MMALayout::row, NVVM::MMALayout::col});
  return elementsOf(b, sums);
}

void GpuEmitter::copyAsync(Value to, Value from, Value bytes) {
  NVVM::CpAsyncOp::create(b, to, from, /*size=*/16, NVVM::LoadCacheModifierKind::CG, bytes);
}

void GpuEmitter::commitCopies() { NVVM::CpAsyncCommitGroupOp::create(b); }

void GpuEmitter::waitForCopies(int64_t groups) { NVVM::CpAsyncWaitGroupOp::create(b, groups); }

} // namespace mamba
