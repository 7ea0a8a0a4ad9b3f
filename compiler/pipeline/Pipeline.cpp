#include "compiler/pipeline/Pipeline.h"

#include "compiler/pipeline/Schedules.h"
#include "dialects/plan/PlanDialect.h"
#include "dialects/ssm/SSMDialect.h"
#include "passes/cpu/Generator.h"
#include "passes/cpu/Passes.h"
#include "passes/fusion/Passes.h"
#include "passes/gpu/Generator.h"
#include "passes/gpu/Passes.h"
#include "passes/lowering/Passes.h"
#include "passes/target/Slices.h"

#include "mlir/Conversion/ArithToLLVM/ArithToLLVM.h"
#include "mlir/Conversion/ControlFlowToLLVM/ControlFlowToLLVM.h"
#include "mlir/Conversion/FuncToLLVM/ConvertFuncToLLVM.h"
#include "mlir/Conversion/MathToLLVM/MathToLLVM.h"
#include "mlir/Conversion/MemRefToLLVM/MemRefToLLVM.h"
#include "mlir/Conversion/NVVMToLLVM/NVVMToLLVM.h"
#include "mlir/Conversion/VectorToLLVM/ConvertVectorToLLVM.h"
#include "mlir/Dialect/AMX/AMXDialect.h"
#include "mlir/Dialect/AMX/Transforms.h"
#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/ControlFlow/IR/ControlFlow.h"
#include "mlir/Dialect/Func/IR/FuncOps.h"
#include "mlir/Dialect/GPU/IR/GPUDialect.h"
#include "mlir/Dialect/LLVMIR/LLVMDialect.h"
#include "mlir/Dialect/LLVMIR/NVVMDialect.h"
#include "mlir/Dialect/Math/IR/Math.h"
#include "mlir/Dialect/MemRef/IR/MemRef.h"
#include "mlir/Dialect/SCF/IR/SCF.h"
#include "mlir/Dialect/Vector/IR/VectorOps.h"
#include "mlir/Transforms/Passes.h"

using namespace mlir;

namespace mamba {

// Matrices as the kernels have them.
static void addWeightPrecision(OpPassManager &pm, const PipelineOptions &options) {
  pm.addNestedPass<func::FuncOp>(createFoldNormWeightPass());
  pm.addNestedPass<func::FuncOp>(createWeightPrecisionPass({options.weights}));
}

// Unfused ops to one ssm.kernel for each kernel of the plan.
static void addFusion(OpPassManager &pm, const PipelineOptions &options,
                      const FoundSchedules &schedules) {
  pm.addPass(createVerifyEntriesPass());
  pm.addNestedPass<func::FuncOp>(createVerifyStatesPass());
  pm.addPass(createCanonicalizerPass());
  pm.addPass(createCSEPass());
  addWeightPrecision(pm, options);
  pm.addNestedPass<func::FuncOp>(createDecayToExp2Pass());
  CloneClassesPassOptions classes;
  classes.batchInvariant = options.batchInvariant;
  classes.scanSlices = options.scanSlices;
  pm.addPass(createCloneClassesPass(classes));
  pm.addNestedPass<func::FuncOp>(createFormKernelsPass());
  pm.addNestedPass<func::FuncOp>(createFuseNormLinearPass());
  pm.addNestedPass<func::FuncOp>(createFuseConvSiluPass());
  pm.addNestedPass<func::FuncOp>(createFuseScanPass());
  pm.addNestedPass<func::FuncOp>(createSliceScanPass());
  pm.addNestedPass<func::FuncOp>(createFuseLinearConvPass());
  pm.addNestedPass<func::FuncOp>(createFuseConvConsumersPass());
  pm.addNestedPass<func::FuncOp>(createFuseLinearAddPass());
  pm.addPass(createCanonicalizerPass());
  pm.addPass(createCSEPass());
  pm.addNestedPass<func::FuncOp>(createActivationPrecisionPass({options.activations}));
  pm.addNestedPass<func::FuncOp>(createAssignSchedulesPass(schedules.database, schedules.chip));
}

// Kernels of the model to a plan, and their code as the generators write it.
static void addLowering(OpPassManager &pm, const PipelineOptions &options, bool isGpu) {
  if (!isGpu) {
    pm.addPass(createPackOperandsPass());
    pm.addPass(createCSEPass());
  }
  pm.addNestedPass<func::FuncOp>(createFormRecipesPass());
  pm.addPass(createLowerToPlanPass());
  if (!isGpu)
    return pm.addPass(createGenerateKernelsPass());
  pm.addPass(createGpuGenerateKernelsPass());
  if (options.overlap)
    pm.addPass(createGpuOverlapLaunchesPass());
}

static void addLegalization(OpPassManager &pm, bool isGpu) {
  if (isGpu)
    buildGpuLegalization(pm.nest<gpu::GPUModuleOp>());
  else
    buildCpuLegalization(pm.nest<ModuleOp>());
}

/// What rows of int8 need and do not have; empty: nothing.
static std::string problemOfRows(const PipelineOptions &options, bool isGpu) {
  if (options.activations != "int8")
    return "";
  if (isGpu)
    return "target '" + options.target + "' has no rows of int8: use --activations=bf16";
  if (options.weights == "int8" || options.weights == "int4")
    return "";
  return "rows of int8 need matrices of integers, got " + options.weights +
         ": use --weights=int8 or int4";
}

/// What the tiles of scans do not go with; empty: nothing.
static std::string problemOfScans(const PipelineOptions &options, bool isGpu) {
  int64_t block = options.scanBlock;
  if (isGpu && (options.scanSlices != 0 || block != 0))
    return "target '" + options.target +
           "' has rules for its scans: leave --scan-slices and --scan-block out";
  int64_t slices = options.scanSlices;
  if (slices != 0 && (slices < SliceRule::kLeastOfCpu || slices > SliceRule::kMostOfCpu))
    return "--scan-slices must be from 2 to 16, got " + std::to_string(slices);
  if (options.scanSlices != 0 && options.batchInvariant)
    return "slices of time depend on the batch: leave --scan-slices or --batch-invariant out";
  if (block != 0 && block != 16 && block != 32 && block != 64)
    return "--scan-block must be 16, 32 or 64, got " + std::to_string(block);
  return "";
}

// Notes the target on the module, where the passes look for it.
struct SetTargetPass : PassWrapper<SetTargetPass, OperationPass<ModuleOp>> {
  MLIR_DEFINE_EXPLICIT_INTERNAL_INLINE_TYPE_ID(SetTargetPass)
  SetTargetPass(const PipelineOptions &options, Phase until, std::string problem)
      : target(options.target), scanBlock(options.scanBlock), until(until),
        problem(std::move(problem)) {}
  StringRef getName() const override { return "SetTarget"; }
  void runOnOperation() override {
    std::string error;
    FailureOr<Target> parsed = parseTarget(target, error);
    if (succeeded(parsed) && until == Phase::LLVM && parsed->isGpu())
      error = "target '" + target + "' has no phase llvm: use nvvm or ptx";
    if (succeeded(parsed) && (until == Phase::NVVM || until == Phase::Cuda) &&
        !parsed->isGpu())
      error = "target '" + target + "' has no phase nvvm, ptx or cuda: use llvm or asm";
    if (error.empty())
      error = problem;
    if (!error.empty()) {
      emitError(UnknownLoc::get(&getContext())) << error;
      return signalPassFailure();
    }
    getOperation()->setAttr("ssm.target", StringAttr::get(&getContext(), target));
    if (scanBlock != 0)
      getOperation()->setAttr("ssm.scan_block",
                              Builder(&getContext()).getI64IntegerAttr(scanBlock));
  }
  std::string target;
  int64_t scanBlock;
  Phase until;
  std::string problem; // with the options, found before; empty if none
};

void buildPipeline(OpPassManager &pm, const PipelineOptions &options, Phase until) {
  bool isGpu = StringRef(options.target).starts_with("cuda:");
  std::string problem = problemOfRows(options, isGpu);
  if (problem.empty())
    problem = problemOfScans(options, isGpu);
  FoundSchedules schedules = findSchedules(options, problem);
  pm.addPass(std::make_unique<SetTargetPass>(options, until, problem));
  addFusion(pm, options, schedules);
  if (until == Phase::Fused)
    return;
  addLowering(pm, options, isGpu);
  if (until != Phase::Kernels && until != Phase::Cuda)
    addLegalization(pm, isGpu);
}

LogicalResult runPipeline(ModuleOp module, const PipelineOptions &options, Phase until) {
  PassManager pm(module.getContext());
  buildPipeline(pm, options, until);
  return pm.run(module);
}

LogicalResult roundWeights(ModuleOp module, const PipelineOptions &options) {
  if (options.weights == "f32")
    return success();
  PassManager pm(module.getContext());
  addWeightPrecision(pm, options);
  return pm.run(module);
}

LogicalResult legalizeKernels(ModuleOp module) {
  FailureOr<Target> target = targetOf(module);
  if (failed(target))
    return failure();
  PassManager pm(module.getContext());
  addLegalization(pm, target->isGpu());
  return pm.run(module);
}

void registerCompiler(DialectRegistry &registry) {
  registry.insert<amx::AMXDialect, arith::ArithDialect, cf::ControlFlowDialect, func::FuncDialect,
                  gpu::GPUDialect, LLVM::LLVMDialect, math::MathDialect, memref::MemRefDialect,
                  NVVM::NVVMDialect, plan::PlanDialect, scf::SCFDialect, ssm::SSMDialect,
                  vector::VectorDialect>();
  // What convert-gpu-to-nvvm converts beside gpu's own ops.
  arith::registerConvertArithToLLVMInterface(registry);
  cf::registerConvertControlFlowToLLVMInterface(registry);
  registerConvertFuncToLLVMInterface(registry);
  registerConvertMathToLLVMInterface(registry);
  registerConvertMemRefToLLVMInterface(registry);
  registerConvertNVVMToLLVMInterface(registry);
  // And what the CPU's branches are converted with.
  registerConvertAMXToLLVMInterface(registry);
  vector::registerConvertVectorToLLVMInterface(registry);
  registerTransformsPasses();
  registerFusionPasses();
  registerLoweringPasses();
  registerCpuPasses();
  registerCpuGenerators();
  registerGpuPasses();
  registerGpuGenerators();
}

} // namespace mamba
