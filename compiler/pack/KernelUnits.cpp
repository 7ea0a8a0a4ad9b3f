#include "compiler/pack/KernelUnits.h"

#include "compiler/codegen/Codegen.h"
#include "compiler/pack/FirstError.h"
#include "compiler/pipeline/Pipeline.h"
#include "dialects/plan/PlanDialect.h"

#include "mlir/IR/SymbolTable.h"
#include "mlir/Parser/Parser.h"

using namespace mlir;

namespace mamba {

std::vector<KernelUnit> splitKernels(ModuleOp module) {
  std::vector<KernelUnit> units;
  Operation *code = module.lookupSymbol("code");
  if (!code)
    return units;
  for (auto planned : module.getOps<plan::KernelOp>()) {
    OwningOpRef<ModuleOp> unit = ModuleOp::create(module.getLoc());
    (*unit)->setAttr("ssm.target", module->getAttr("ssm.target"));
    OpBuilder b = OpBuilder::atBlockEnd(unit->getBody());
    b.clone(*planned);
    cast<plan::KernelOp>(unit->getBody()->front()).removeVariantsAttr();
    Operation *container = b.cloneWithoutRegions(*code);
    Block &body = container->getRegion(0).emplaceBlock();
    b.setInsertionPointToEnd(&body);
    if (Operation *function = SymbolTable::lookupSymbolIn(code, planned.getSymName()))
      b.clone(*function);
    units.push_back({planned.getSymName().str(), {}});
    llvm::raw_string_ostream os(units.back().text);
    unit->print(os);
  }
  return units;
}

Result<std::vector<uint8_t>> compileUnit(const KernelUnit &unit, const DialectRegistry &registry) {
  MLIRContext context(registry, MLIRContext::Threading::DISABLED);
  context.loadAllAvailableDialects();
  FirstError error(context);
  std::string what = "compiling kernel '" + unit.symbol + "' failed";
  OwningOpRef<ModuleOp> module = parseSourceString<ModuleOp>(unit.text, &context);
  if (!module || failed(legalizeKernels(*module)))
    return error.status(what);
  FailureOr<Target> target = targetOf(*module);
  FailureOr<std::string> code = failure();
  if (succeeded(target))
    code = target->isGpu() ? emitPtx(*module) : emitObject(*module);
  if (failed(code))
    return error.status(what);
  return std::vector<uint8_t>(code->begin(), code->end());
}

} // namespace mamba
