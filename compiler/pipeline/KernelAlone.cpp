#include "compiler/pipeline/KernelAlone.h"

#include "compiler/pipeline/Pipeline.h"
#include "passes/cpu/Passes.h"
#include "passes/fusion/KernelBuild.h"
#include "passes/fusion/Passes.h"
#include "passes/gpu/Passes.h"
#include "passes/lowering/KernelTable.h"

using namespace mlir;

namespace mamba {

FailureOr<plan::KernelOp> generateAlone(ModuleOp module, StringRef target) {
  module->setAttr("ssm.target", StringAttr::get(module.getContext(), target));
  FailureOr<Target> parsed = targetOf(module);
  auto functions = module.getOps<func::FuncOp>();
  if (failed(parsed))
    return failure();
  if (!llvm::hasSingleElement(functions) ||
      !llvm::hasSingleElement(kernelsOf(*functions.begin())))
    return module.emitError("must hold one function with one kernel"), failure();

  PassManager prepare(module.getContext());
  prepare.addNestedPass<func::FuncOp>(createAssignSchedulesPass());
  if (!parsed->isGpu())
    prepare.addPass(createPackOperandsPass());
  if (failed(prepare.run(module)))
    return failure();
  func::FuncOp function = *functions.begin();
  KernelTable table(OpBuilder::atBlockEnd(module.getBody()));
  plan::KernelOp planned = table.outline(kernelsOf(function).front(),
                                         tokenClassName(tokenClassOf(function)));
  function.erase();

  PassManager generate(module.getContext());
  generate.addPass(parsed->isGpu() ? createGpuGenerateKernelsPass() : createGenerateKernelsPass());
  if (failed(generate.run(module)))
    return failure();
  return planned;
}

FailureOr<plan::KernelOp> compileAlone(ModuleOp module, StringRef target) {
  FailureOr<plan::KernelOp> planned = generateAlone(module, target);
  if (succeeded(planned) && failed(legalizeKernels(module)))
    return failure();
  return planned;
}

} // namespace mamba
