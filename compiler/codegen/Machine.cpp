#include "compiler/codegen/Machine.h"

#include "mlir/ExecutionEngine/OptUtils.h"
#include "mlir/Target/LLVMIR/Export.h"
#include "llvm/IR/LegacyPassManager.h"

using namespace mlir;

namespace mamba {

LogicalResult optimise(ModuleOp module, Compilation &result,
                       const std::function<void(llvm::Function &)> &prepare) {
  Operation *code = module.lookupSymbol("code");
  if (!code)
    return module.emitError("no module @code: nothing was generated");
  result.module = translateModuleToLLVMIR(code, result.context, "kernels");
  if (!result.module)
    return code->emitError("the kernels are not in the llvm dialect");
  result.module->setTargetTriple(result.machine->getTargetTriple());
  result.module->setDataLayout(result.machine->createDataLayout());
  for (llvm::Function &function : *result.module)
    prepare(function);
  if (llvm::Error e = makeOptimizingTransformer(3, 0, result.machine.get())(result.module.get()))
    return module.emitError("optimisation failed: ") << llvm::toString(std::move(e));
  return success();
}

LogicalResult emit(ModuleOp module, Compilation &c, llvm::raw_pwrite_stream &os,
                   llvm::CodeGenFileType type) {
  llvm::legacy::PassManager pm;
  if (c.machine->addPassesToEmitFile(pm, os, nullptr, type))
    return module.emitError("the backend cannot emit this kind of file");
  pm.run(*c.module);
  return success();
}

} // namespace mamba
