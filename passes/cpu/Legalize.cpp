// The order of MLIR's own conversions from what the generators write to the
// llvm dialect.
#include "passes/cpu/Passes.h"

#include "mlir/Conversion/Passes.h"
#include "mlir/Dialect/Func/IR/FuncOps.h"
#include "mlir/Dialect/MemRef/Transforms/Passes.h"
#include "mlir/Pass/PassManager.h"
#include "mlir/Transforms/Passes.h"

using namespace mlir;

namespace mamba {

void buildCpuLegalization(OpPassManager &pm) {
  pm.addPass(createCanonicalizerPass());
  pm.addPass(createCSEPass());
  pm.addPass(createLoopInvariantCodeMotionPass());
  pm.addPass(createConvertVectorToSCFPass());
  pm.addPass(createSCFToControlFlowPass());
  pm.addPass(createConvertVectorToLLVMPass());
  pm.addPass(createConvertMathToLLVMPass());
  pm.addPass(createFinalizeMemRefToLLVMConversionPass());
  ConvertFuncToLLVMPassOptions func;
  func.useBarePtrCallConv = true;
  pm.addPass(createConvertFuncToLLVMPass(func));
  pm.addPass(createArithToLLVMConversionPass());
  // Tiles go from block to block: one conversion takes both.
  ConvertToLLVMPassOptions branches;
  branches.filterDialects = {"amx", "cf"};
  pm.addPass(createConvertToLLVMPass(branches));
  pm.addPass(createReconcileUnrealizedCastsPass());
  pm.addPass(createKernelEntryPass());
}

} // namespace mamba
