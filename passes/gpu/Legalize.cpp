// The order of MLIR's own conversions from what the generators write to the
// nvvm dialect.
#include "passes/gpu/Passes.h"

#include "mlir/Conversion/Passes.h"
#include "mlir/Dialect/GPU/IR/GPUDialect.h"
#include "mlir/Dialect/MemRef/Transforms/Passes.h"
#include "mlir/Pass/PassManager.h"
#include "mlir/Transforms/Passes.h"

using namespace mlir;

namespace mamba {

void buildGpuLegalization(OpPassManager &pm) {
  pm.addPass(createCanonicalizerPass());
  pm.addPass(createCSEPass());
  pm.addPass(createLoopInvariantCodeMotionPass());
  pm.addPass(createConvertVectorToSCFPass());
  pm.addPass(createSCFToControlFlowPass());
  pm.addPass(memref::createExpandStridedMetadataPass());
  // Before the conversion below makes calls of libdevice from fma.
  pm.addPass(createConvertMathToLLVMPass());
  ConvertGpuOpsToNVVMOpsOptions options;
  options.useBarePtrCallConv = true;
  // Converts vectors too, and alone knows the number of shared memory's space.
  pm.addPass(createConvertGpuOpsToNVVMOps(options));
  pm.addPass(createGpuLoopAnnotationsPass());
  pm.addPass(createGpuGridDependenciesPass());
  pm.addPass(createConvertNVVMToLLVMPass());
  pm.addPass(createCanonicalizerPass());
  pm.addPass(createCSEPass());
  pm.addPass(createReconcileUnrealizedCastsPass());
}

} // namespace mamba
