#include "compiler/tune/Alone.h"

#include "compiler/codegen/Codegen.h"
#include "compiler/pack/FirstError.h"
#include "compiler/pack/PlanToManifest.h"
#include "compiler/pipeline/KernelAlone.h"
#include "compiler/pipeline/Pipeline.h"

#include "mlir/IR/SymbolTable.h"
#include "mlir/Parser/Parser.h"

using namespace mlir;

namespace mamba {

Alone::Alone() {
  registerCompiler(registry);
  registerCodegen(registry);
  context = std::make_unique<MLIRContext>(registry, MLIRContext::Threading::DISABLED);
  context->loadAllAvailableDialects();
}

/// Takes away the kernels that stand in for it where sequences are few, and gives up
/// to how many.
static int64_t dropVariants(ModuleOp module, plan::KernelOp planned) {
  int64_t most = 0;
  Operation *code = module.lookupSymbol("code");
  if (!planned.getVariants())
    return most;
  for (auto variant : planned.getVariantsAttr().getAsRange<plan::VariantAttr>()) {
    most = std::max(most, variant.getMaxSequences());
    if (Operation *function = SymbolTable::lookupSymbolIn(code, variant.getKernel().getAttr()))
      function->erase();
    module.lookupSymbol(variant.getKernel().getAttr())->erase();
  }
  planned.removeVariantsAttr();
  return most;
}

Status Alone::generate(const CandidateKernel &kernel, const Schedule *schedule) {
  FirstError error(*context);
  module = parseSourceString<ModuleOp>(kernel.module, context.get());
  if (!module)
    return error.status("a kernel's ops cannot be read again");
  if (schedule)
    module->walk([&](ssm::KernelOp op) { op.setScheduleAttr(schedule->get(context.get())); });
  FailureOr<plan::KernelOp> generated = generateAlone(*module, kernel.target);
  if (failed(generated))
    return error.status("the kernel does not compile");
  planned = *generated;
  othersUpTo = dropVariants(*module, planned);
  return {};
}

Status Alone::compile(const CandidateKernel &kernel, const Schedule *schedule) {
  MAMBA_RETURN_IF_ERROR(generate(kernel, schedule));
  FirstError error(*context);
  if (failed(legalizeKernels(*module)))
    return error.status("the kernel does not compile");
  return {};
}

Result<std::vector<uint8_t>> Alone::emit(Manifest &manifest) {
  FirstError error(*context);
  FailureOr<Target> target = targetOf(*module);
  if (failed(target))
    return error.status("the kernel has no target");
  MAMBA_RETURN_IF_ERROR(addTarget(manifest, *module, *target));
  if (target->isGpu()) {
    FailureOr<std::string> ptx = emitPtx(*module);
    if (failed(ptx))
      return error.status("generating code failed");
    return std::vector<uint8_t>(ptx->begin(), ptx->end());
  }
  FailureOr<SharedObject> code = emitSharedObject(*module);
  if (failed(code))
    return error.status("generating code failed");
  KernelSpec &spec = manifest.targets.back().kernels.front();
  spec.entry = code->entries.at(spec.symbol);
  return std::move(code->elf);
}

} // namespace mamba
