// Functions of kernels -> plan.
#include "passes/lowering/Entries.h"
#include "passes/lowering/Passes.h"
#include "passes/lowering/ProgramBuilder.h"
#include "passes/target/Target.h"

#include "mlir/IR/Builders.h"
#include "llvm/ADT/MapVector.h"

using namespace mlir;

namespace mamba {
#define GEN_PASS_DEF_LOWERTOPLANPASS
#include "passes/lowering/Passes.h.inc"
} // namespace mamba

using namespace mamba;

namespace {
struct LowerToPlan : mamba::impl::LowerToPlanPassBase<LowerToPlan> {
  void runOnOperation() override {
    if (failed(lower()))
      signalPassFailure();
  }

private:
  struct Function {
    func::FuncOp func;
    DenseMap<Value, Rows> rows;
  };

  LogicalResult lower();
  LogicalResult createEntries(OpBuilder &builder, ArrayRef<Function> functions);

  llvm::MapVector<StringRef, plan::EntryOp> entries;
};
} // namespace

/// What the function passes through, or returns twice, is copied by a kernel:
/// each result is written once, where the caller wants it.
static void copyForwardedResults(func::FuncOp func) {
  Operation *terminator = func.getBody().front().getTerminator();
  llvm::DenseSet<Value> written;
  for (OpOperand &operand : terminator->getOpOperands()) {
    if (!stateOfResult(func, operand.getOperandNumber()).empty())
      continue;
    Value value = operand.get();
    if (value.getDefiningOp<ssm::KernelOp>() && written.insert(value).second)
      continue;
    OpBuilder builder(terminator);
    auto kernel = ssm::KernelOp::create(builder, func.getLoc(), TypeRange(value.getType()), value);
    OpBuilder body = OpBuilder::atBlockEnd(&kernel.getBlock());
    ssm::YieldOp::create(body, func.getLoc(), kernel.getBlock().getArguments());
    operand.set(kernel.getResult(0));
  }
}

/// One record an entry, of a function that is not of class decode if there is
/// one: in decode, rows of T and S are the same.
LogicalResult LowerToPlan::createEntries(OpBuilder &builder, ArrayRef<Function> functions) {
  entries.clear();
  llvm::MapVector<StringRef, const Function *> models;
  for (const Function &function : functions) {
    const Function *&model = models[entryName(function.func)];
    if (!model || tokenClassOf(model->func) == TokenClass::Decode)
      model = &function;
  }
  for (auto [name, model] : models)
    entries[name] = createEntry(builder, model->func, model->rows);
  for (const Function &function : functions)
    if (failed(checkEntry(entries[entryName(function.func)], function.func, function.rows)))
      return failure();
  return success();
}

LogicalResult LowerToPlan::lower() {
  SmallVector<Function> functions;
  for (auto func : getOperation().getOps<func::FuncOp>()) {
    if (!llvm::hasSingleElement(func.getBody()))
      return func.emitOpError("must have a body of one block");
    copyForwardedResults(func);
    FailureOr<DenseMap<Value, Rows>> rows = rowsOf(func);
    if (failed(rows))
      return failure();
    functions.push_back({func, std::move(*rows)});
  }
  // A module that was lowered before stays as it is.
  if (functions.empty())
    return success();

  // In the module: kernels, entries, the recipe, programs.
  OpBuilder builder = OpBuilder::atBlockEnd(getOperation().getBody());
  auto recipeOp = plan::RecipeOp::create(builder, getOperation().getLoc(), 0);
  recipeOp.getBody().emplaceBlock();
  OpBuilder beforeRecipe(recipeOp);
  if (failed(createEntries(beforeRecipe, functions)))
    return failure();
  KernelTable kernels(entries.empty() ? OpBuilder(recipeOp) : OpBuilder(entries.front().second));
  RecipeBuilder recipe(recipeOp, kernels);
  for (const Function &function : functions) {
    ProgramBuilder program(function.func, entries[entryName(function.func)], function.rows,
                           kernels, recipe);
    if (failed(program.build(builder)))
      return failure();
  }
  for (Function &function : functions)
    function.func.erase();
  return success();
}
