#include "passes/cpu/Passes.h"

#include "runtime/pack/KernelABI.h"

#include "mlir/Dialect/LLVMIR/LLVMDialect.h"
#include "mlir/IR/Builders.h"
#include "mlir/IR/BuiltinOps.h"

#include <cstddef>

using namespace mlir;

namespace mamba {
#define GEN_PASS_DEF_KERNELENTRYPASS
#include "passes/cpu/Passes.h.inc"

namespace {

/// The conversions leave a loop's annotation beside the branch, where nothing
/// reads it: it belongs on the branch itself.
void attachLoopAnnotation(Operation *branch) {
  auto annotation = branch->getAttrOfType<LLVM::LoopAnnotationAttr>("llvm.loop_annotation");
  if (!annotation)
    return;
  branch->removeAttr("llvm.loop_annotation");
  if (auto br = dyn_cast<LLVM::BrOp>(branch))
    br.setLoopAnnotationAttr(annotation);
  else if (auto cond = dyn_cast<LLVM::CondBrOp>(branch))
    cond.setLoopAnnotationAttr(annotation);
}

/// A tile that is read once needs no place in the first level cache.
void streamTile(LLVM::CallIntrinsicOp call) {
  if (call->removeAttr("streamed"))
    call.setIntrin("llvm.x86.tileloaddt164.internal");
}

struct KernelEntry : impl::KernelEntryPassBase<KernelEntry> {
  void runOnOperation() override {
    ModuleOp module = getOperation();
    for (auto body : llvm::make_early_inc_range(module.getOps<LLVM::LLVMFuncOp>()))
      if (!body.isExternal())
        addEntry(module, body);
  }

  void addEntry(ModuleOp module, LLVM::LLVMFuncOp body) {
    MLIRContext *context = &getContext();
    Location loc = body.getLoc();
    std::string name = body.getSymName().str();
    body.setSymName(name + ".body");
    body.setLinkage(LLVM::Linkage::Internal);
    body.setAlwaysInline(true);
    body.walk(attachLoopAnnotation);
    body.walk(streamTile);

    OpBuilder b(body);
    b.setInsertionPointAfter(body);
    Type pointer = LLVM::LLVMPointerType::get(context), i64 = b.getI64Type(), i32 = b.getI32Type();
    auto entry = LLVM::LLVMFuncOp::create(
        b, loc, name, LLVM::LLVMFunctionType::get(LLVM::LLVMVoidType::get(context), {pointer, i32}));
    entry.setArgAttr(0, LLVM::LLVMDialect::getNoAliasAttrName(), b.getUnitAttr());
    entry.setArgAttr(0, LLVM::LLVMDialect::getReadonlyAttrName(), b.getUnitAttr());
    b.setInsertionPointToStart(entry.addEntryBlock(b));
    Value args = entry.getArgument(0);
    auto at = [&](Value base, size_t offset, Type type) -> Value {
      Value address = LLVM::GEPOp::create(b, loc, pointer, b.getI8Type(), base,
                                          LLVM::GEPArg(static_cast<int32_t>(offset)));
      return LLVM::LoadOp::create(b, loc, type, address);
    };
    SmallVector<Value> operands = {
        LLVM::ZExtOp::create(b, loc, i64, entry.getArgument(1)),
        at(args, offsetof(MambaKernelArgs, rows), i64),
        at(args, offsetof(MambaKernelArgs, sequences), i64),
        at(args, offsetof(MambaKernelArgs, seqStart), pointer),
        at(args, offsetof(MambaKernelArgs, slot), pointer),
        at(args, offsetof(MambaKernelArgs, scratch), pointer)};
    Value buffers = at(args, offsetof(MambaKernelArgs, buffers), pointer);
    for (unsigned i = operands.size(), n = body.getNumArguments(), k = 0; i < n; ++i, ++k)
      operands.push_back(at(buffers, k * sizeof(void *), pointer));
    LLVM::CallOp::create(b, loc, body, operands);
    LLVM::ReturnOp::create(b, loc, ValueRange{});
  }
};

} // namespace
} // namespace mamba
