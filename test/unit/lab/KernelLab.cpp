#include "test/unit/lab/KernelLab.h"

#include "compiler/codegen/Codegen.h"
#include "compiler/pipeline/Pipeline.h"
#include "passes/lowering/KernelTable.h"
#include "passes/target/Target.h"

#include "mlir/IR/DialectRegistry.h"
#include "mlir/Parser/Parser.h"

#include <gtest/gtest.h>

using namespace mlir;

namespace mamba {

static const DialectRegistry &registry() {
  static const DialectRegistry *all = [] {
    auto *registry = new DialectRegistry();
    registerCompiler(*registry);
    registerCodegen(*registry);
    return registry;
  }();
  return *all;
}

KernelLab::KernelLab(const std::string &target)
    : target(target), context(registry(), MLIRContext::Threading::DISABLED) {
  context.loadAllAvailableDialects();
}

OwningOpRef<ModuleOp> KernelLab::parse(const std::vector<KernelText> &texts) {
  std::string source =
      "module attributes {ssm.target = \"" + target + "\"} {\n";
  for (size_t i = 0; i < texts.size(); ++i)
    source += texts[i].function("k" + std::to_string(i));
  source += "}\n";
  OwningOpRef<ModuleOp> module = parseSourceString<ModuleOp>(source, &context);
  EXPECT_TRUE(module) << source;
  return module;
}

KernelLab::Generated KernelLab::generate(const std::vector<KernelText> &texts) {
  OwningOpRef<ModuleOp> module = parse(texts);
  if (!module)
    return {};
  PassManager prepare(&context);
  addPreparation(prepare);
  if (failed(prepare.run(*module))) {
    ADD_FAILURE() << "the kernels do not get schedules";
    return {};
  }
  OpBuilder builder = OpBuilder::atBlockEnd(module->getBody());
  KernelTable table(builder);
  std::vector<plan::KernelOp> kernels;
  for (auto func : llvm::make_early_inc_range(module->getOps<func::FuncOp>())) {
    kernels.push_back(table.outline(*func.getOps<ssm::KernelOp>().begin(),
                                    tokenClassName(tokenClassOf(func))));
    func.erase();
  }
  PassManager generate(&context);
  addGenerator(generate);
  if (failed(generate.run(*module))) {
    ADD_FAILURE() << "the kernels are not generated";
    return {};
  }
  return {std::move(module), std::move(kernels)};
}

} // namespace mamba
