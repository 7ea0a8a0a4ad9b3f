#include "compiler/pipeline/Pipeline.h"

#include "dialects/plan/PlanDialect.h"
#include "dialects/ssm/SSMDialect.h"
#include "passes/cpu/Generator.h"
#include "passes/cpu/Passes.h"
#include "passes/fusion/Passes.h"
#include "passes/lowering/Passes.h"

#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/ControlFlow/IR/ControlFlow.h"
#include "mlir/Dialect/Func/IR/FuncOps.h"
#include "mlir/Dialect/LLVMIR/LLVMDialect.h"
#include "mlir/Dialect/Math/IR/Math.h"
#include "mlir/Dialect/MemRef/IR/MemRef.h"
#include "mlir/Dialect/SCF/IR/SCF.h"
#include "mlir/Dialect/Vector/IR/VectorOps.h"
#include "mlir/Transforms/Passes.h"

using namespace mlir;

namespace mamba {

// Unfused ops to one ssm.kernel for each kernel of the plan.
static void addFusion(OpPassManager &pm, const PipelineOptions &options) {
  pm.addPass(createVerifyEntriesPass());
  pm.addNestedPass<func::FuncOp>(createVerifyStatesPass());
  pm.addPass(createCanonicalizerPass());
  pm.addPass(createCSEPass());
  pm.addNestedPass<func::FuncOp>(createFoldNormWeightPass());
  pm.addNestedPass<func::FuncOp>(createDecayToExp2Pass());
  CloneClassesPassOptions classes;
  classes.batchInvariant = options.batchInvariant;
  pm.addPass(createCloneClassesPass(classes));
  pm.addNestedPass<func::FuncOp>(createFormKernelsPass());
  pm.addNestedPass<func::FuncOp>(createFuseNormLinearPass());
  pm.addNestedPass<func::FuncOp>(createFuseConvSiluPass());
  pm.addNestedPass<func::FuncOp>(createFuseScanPass());
  pm.addNestedPass<func::FuncOp>(createFuseLinearAddPass());
  pm.addPass(createCanonicalizerPass());
  pm.addPass(createCSEPass());
  pm.addNestedPass<func::FuncOp>(createAssignSchedulesPass());
}

// Kernels of the model to a plan, and their code as the generators write it.
static void addLowering(OpPassManager &pm) {
  pm.addPass(createPackOperandsPass());
  pm.addPass(createCSEPass());
  pm.addNestedPass<func::FuncOp>(createFormRecipesPass());
  pm.addPass(createLowerToPlanPass());
  pm.addPass(createGenerateKernelsPass());
}

// Notes the target on the module, where the passes look for it.
struct SetTargetPass : PassWrapper<SetTargetPass, OperationPass<ModuleOp>> {
  MLIR_DEFINE_EXPLICIT_INTERNAL_INLINE_TYPE_ID(SetTargetPass)
  SetTargetPass(std::string target) : target(std::move(target)) {}
  StringRef getName() const override { return "SetTarget"; }
  void runOnOperation() override {
    std::string error;
    if (failed(parseTarget(target, error))) {
      emitError(UnknownLoc::get(&getContext())) << error;
      return signalPassFailure();
    }
    getOperation()->setAttr("ssm.target", StringAttr::get(&getContext(), target));
  }
  std::string target;
};

void buildPipeline(OpPassManager &pm, const PipelineOptions &options, Phase until) {
  pm.addPass(std::make_unique<SetTargetPass>(options.target));
  addFusion(pm, options);
  if (until == Phase::Fused)
    return;
  addLowering(pm);
  if (until == Phase::Kernels)
    return;
  buildCpuLegalization(pm.nest<ModuleOp>());
}

LogicalResult runPipeline(ModuleOp module, const PipelineOptions &options, Phase until) {
  PassManager pm(module.getContext());
  buildPipeline(pm, options, until);
  return pm.run(module);
}

void registerCompiler(DialectRegistry &registry) {
  registry.insert<arith::ArithDialect, cf::ControlFlowDialect, func::FuncDialect,
                  LLVM::LLVMDialect, math::MathDialect, memref::MemRefDialect, plan::PlanDialect,
                  scf::SCFDialect, ssm::SSMDialect, vector::VectorDialect>();
  registerTransformsPasses();
  registerFusionPasses();
  registerLoweringPasses();
  registerCpuPasses();
  registerCpuGenerators();
}

} // namespace mamba
