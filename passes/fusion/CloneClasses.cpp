// --ssm-clone-classes: one clone of an entry for each class of T.
#include "passes/fusion/Passes.h"
#include "passes/target/Slices.h"
#include "passes/target/Target.h"

#include "mlir/IR/Builders.h"
#include "mlir/IR/SymbolTable.h"

namespace mamba {
#define GEN_PASS_DEF_CLONECLASSESPASS
#include "passes/fusion/Passes.h.inc"
} // namespace mamba

using namespace mlir;
using namespace mamba;
using namespace mamba::ssm;

namespace {

bool hasBatch(func::FuncOp func) {
  return llvm::any_of(func.getArgumentTypes(), llvm::IsaPred<BatchType>);
}

/// Whether T means anything: some argument has a row for each token.
bool hasRows(func::FuncOp func) {
  for (auto [i, type] : llvm::enumerate(func.getArgumentTypes())) {
    auto tensor = dyn_cast<RankedTensorType>(type);
    if (tensor && !tensor.hasStaticShape() && !func.getArgAttr(i, "ssm.state"))
      return true;
  }
  return false;
}

/// The target that the module is noted to be for, if it is.
std::optional<Target> notedTarget(ModuleOp module) {
  std::string error;
  auto name = module->getAttrOfType<StringAttr>("ssm.target");
  FailureOr<Target> target = failure();
  if (name)
    target = parseTarget(name, error);
  return succeeded(target) ? std::optional(*target) : std::nullopt;
}

/// What the widest scan over a batch asks for, if its time is cut into slices and
/// some steps profit; of a CPU into `slicesOfCpu`, 0: not.
std::optional<SliceRule> slicesOf(func::FuncOp func, const Target &target,
                                  int64_t slicesOfCpu) {
  if (!target.isGpu() && slicesOfCpu == 0)
    return std::nullopt;
  int64_t E = 0;
  func.walk([&](SelectiveScanOp scan) {
    E = std::max(E, cast<ShapedType>(scan.getU().getType()).getDimSize(1));
  });
  if (!E)
    return std::nullopt;
  SliceRule rule =
      target.isGpu() ? SliceRule::ofGpu(E, target.chip) : SliceRule::ofCpu(slicesOfCpu);
  return rule.maxSequences ? std::optional(rule) : std::nullopt;
}

/// The classes that an entry is cloned for, in the order of preference.
SmallVector<TokenClass> classesOf(func::FuncOp func, bool batchInvariant, bool isSliced) {
  SmallVector<TokenClass> classes;
  if (batchInvariant)
    classes.push_back(TokenClass::Invariant);
  if (hasBatch(func))
    classes.push_back(TokenClass::Decode);
  if (hasBatch(func) || hasRows(func))
    classes.push_back(TokenClass::Few);
  if (!batchInvariant && isSliced)
    classes.push_back(TokenClass::Long);
  classes.push_back(TokenClass::Prefill);
  return classes;
}

/// Every sequence has one row, which is its last: rows of sequences are rows of tokens.
void dropLastRows(func::FuncOp func) {
  for (unsigned i = 0; i < func.getNumArguments(); ++i)
    func.removeArgAttr(i, "ssm.rows");
  func.walk([](LastRowsOp op) {
    if (op.getX().getType() != op.getType())
      return;
    op.replaceAllUsesWith(op.getX());
    op.erase();
  });
}

struct CloneClassesPass : mamba::impl::CloneClassesPassBase<CloneClassesPass> {
  using CloneClassesPassBase::CloneClassesPassBase;

  void runOnOperation() override {
    ModuleOp module = getOperation();
    SymbolTable symbols(module);
    target = notedTarget(module);
    if (scanSlices != 0 &&
        (scanSlices < SliceRule::kLeastOfCpu || scanSlices > SliceRule::kMostOfCpu)) {
      module.emitError("scan-slices must be 0 or from ")
          << SliceRule::kLeastOfCpu << " to " << SliceRule::kMostOfCpu << ", got "
          << scanSlices.getValue();
      return signalPassFailure();
    }
    for (func::FuncOp func :
         llvm::make_early_inc_range(module.getOps<func::FuncOp>())) {
      if (!func->hasAttr("ssm.entry") || func->hasAttr("ssm.class") ||
          func.isDeclaration())
        continue;
      if (failed(clone(func, symbols)))
        return signalPassFailure();
    }
  }

  LogicalResult clone(func::FuncOp func, SymbolTable &symbols) {
    if (!SymbolTable::symbolKnownUseEmpty(func, getOperation()))
      return func.emitError("entry '@" + func.getName() +
                            "' is called: inline it first");
    OpBuilder builder(func);
    std::optional<SliceRule> rule;
    if (target)
      rule = slicesOf(func, *target, scanSlices);
    for (TokenClass c : classesOf(func, batchInvariant, rule.has_value())) {
      std::string name = (func.getName() + "_" + tokenClassName(c)).str();
      if (Operation *taken = symbols.lookup(name))
        return func.emitError("no clone for class '" + tokenClassName(c) +
                              "': '@" + name + "' is defined already")
                   .attachNote(taken->getLoc())
               << "here";
      func::FuncOp copy = func.clone();
      copy.setName(name);
      copy->setAttr("ssm.class", builder.getStringAttr(tokenClassName(c)));
      if (c == TokenClass::Decode)
        dropLastRows(copy);
      if (c == TokenClass::Long) {
        copy->setAttr("ssm.min_tokens", builder.getI64IntegerAttr(rule->minTokens));
        copy->setAttr("ssm.max_sequences", builder.getI64IntegerAttr(rule->maxSequences));
        if (!target->isGpu())
          copy->setAttr("ssm.scan_slices", builder.getI64IntegerAttr(rule->slices));
      }
      symbols.insert(copy, Block::iterator(func));
    }
    symbols.erase(func);
    return success();
  }

  std::optional<Target> target;
};

} // namespace
