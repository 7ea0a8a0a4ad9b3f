#include "compiler/codegen/Cuda.h"

#include "compiler/codegen/Comment.h"
#include "compiler/codegen/CudaKernel.h"
#include "compiler/codegen/CudaShell.h"
#include "passes/target/Target.h"

#include "mlir/Pass/PassManager.h"
#include "mlir/Transforms/Passes.h"

using namespace mlir;

namespace mamba {

static std::string unitComment(const Target &target) {
  std::string options;
  for (StringRef option : cudaOptions)
    options += " " + option.str();
  return "//\n// Kernels for " + target.name +
         ", made by the Mamba compiler.\n"
         "//\n"
         "// Each kernel has two bodies: C++, and under " + cudaPtxMacro.str() +
         " the PTX that LLVM made of it.\n"
         "// Parameters and launch are the same. NVRTC: --gpu-architecture=" + target.arch +
         options + "\n//\n";
}

/// A kernel with both of its bodies.
static FailureOr<std::string> emitKernel(gpu::GPUFuncOp function, plan::KernelOp planned,
                                         ArrayRef<PtxEntry> entries, CudaFunctions &functions) {
  CudaKernel kernel(function, planned, functions);
  if (failed(kernel.translate()))
    return failure();
  auto *entry = llvm::find_if(entries, [&](const PtxEntry &e) { return e.name == function.getName(); });
  if (entry == entries.end())
    return function.emitError("has no PTX");
  std::string error, shell = asmOf(*entry, kernel.parameters(), error);
  if (!error.empty())
    return function.emitError("has no body of PTX for CUDA C++: ") << error;
  return "\n" + (planned ? kernelComment(planned) : std::string()) + kernel.signature() +
         "\n{\n#ifndef " + cudaPtxMacro.str() + "\n" + kernel.body() + "#else\n" + shell +
         "#endif\n}\n";
}

FailureOr<std::string> emitCuda(ModuleOp module, StringRef ptx) {
  FailureOr<Target> target = targetOf(module);
  if (failed(target))
    return failure();
  std::vector<PtxEntry> entries;
  std::string error;
  if (!splitPtx(ptx, entries, error))
    return module.emitError("no CUDA C++: ") << error, failure();
  // Constants folded, nothing computed twice or again in a loop, as LLVM would.
  OwningOpRef<ModuleOp> clean = module.clone();
  PassManager pm(module.getContext());
  OpPassManager &kernels = pm.nest<gpu::GPUModuleOp>();
  kernels.addPass(createCanonicalizerPass());
  kernels.addPass(createCSEPass());
  kernels.addPass(createLoopInvariantCodeMotionPass());
  if (failed(pm.run(*clean)))
    return failure();

  CudaFunctions functions;
  std::string text;
  WalkResult walk = clean->walk([&](gpu::GPUFuncOp function) {
    FailureOr<std::string> kernel = emitKernel(
        function, clean->lookupSymbol<plan::KernelOp>(function.getName()), entries, functions);
    if (failed(kernel))
      return WalkResult::interrupt();
    text += *kernel;
    return WalkResult::advance();
  });
  if (walk.wasInterrupted())
    return failure();
  return unitComment(*target) + textOf(functions) + text;
}

} // namespace mamba
