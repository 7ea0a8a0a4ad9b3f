// --gpu-loop-annotations: what is said about a loop moves to where LLVM looks.
#include "passes/gpu/Passes.h"

#include "mlir/Dialect/GPU/IR/GPUDialect.h"
#include "mlir/Dialect/LLVMIR/LLVMDialect.h"

namespace mamba {
#define GEN_PASS_DEF_GPULOOPANNOTATIONSPASS
#include "passes/gpu/Passes.h.inc"
} // namespace mamba

using namespace mlir;

namespace {

struct GpuLoopAnnotations : mamba::impl::GpuLoopAnnotationsPassBase<GpuLoopAnnotations> {
  void runOnOperation() override {
    getOperation()->walk([](Operation *op) {
      StringRef name = LLVM::LoopAnnotationAttr::name;
      auto annotation = op->getAttrOfType<LLVM::LoopAnnotationAttr>(name);
      if (!annotation)
        return;
      if (auto branch = dyn_cast<LLVM::BrOp>(op))
        branch.setLoopAnnotationAttr(annotation);
      else if (auto branch = dyn_cast<LLVM::CondBrOp>(op))
        branch.setLoopAnnotationAttr(annotation);
      op->removeDiscardableAttr(name);
    });
  }
};

} // namespace
