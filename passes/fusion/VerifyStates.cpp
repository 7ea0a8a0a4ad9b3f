// --ssm-verify-states: each state pool is passed on in one line.
#include "passes/fusion/Passes.h"

#include "llvm/ADT/StringMap.h"

namespace mamba {
#define GEN_PASS_DEF_VERIFYSTATESPASS
#include "passes/fusion/Passes.h.inc"
} // namespace mamba

using namespace mlir;
using namespace mamba::ssm;

namespace {

/// The pool that the op leaves when it takes this operand as its state, or
/// null.
Value advance(OpOperand &use) {
  if (auto conv = dyn_cast<Conv1dOp>(use.getOwner()))
    return &conv.getStateMutable() == &use ? conv.getNewState() : Value();
  if (auto scan = dyn_cast<SelectiveScanOp>(use.getOwner()))
    return &scan.getStateMutable() == &use ? scan.getNewState() : Value();
  return {};
}

InFlightDiagnostic stateError(Operation *op, StringRef name) {
  return op->emitError("state '") << name << "' ";
}

/// Follows the pool to the terminator of its block; the operand of that which
/// it arrives at.
FailureOr<OpOperand *> follow(Value pool, StringRef name) {
  while (true) {
    Operation *definer = pool.getDefiningOp();
    Operation *where = definer ? definer : pool.getParentBlock()->getParentOp();
    if (pool.use_empty())
      return stateError(where, name)
                 << "is lost: nothing reads the pool after this",
             failure();
    for (Operation *user : pool.getUsers())
      if (isa<ScanSlicesOp>(user))
        return stateError(user, name) << "is read by 'ssm.scan_slices', which only "
                                         "ssm-slice-scan may add: leave it out",
               failure();
    if (!pool.hasOneUse()) {
      InFlightDiagnostic diag =
          stateError(where, name)
          << "is read twice: advance the pool that the first reader leaves";
      auto users = llvm::to_vector(pool.getUsers());
      for (Operation *user :
           llvm::reverse(users)) // uses are listed last to first
        diag.attachNote(user->getLoc()) << "read here";
      return failure();
    }
    OpOperand &use = *pool.use_begin();
    Operation *user = use.getOwner();
    if (user->hasTrait<OpTrait::IsTerminator>())
      return &use;
    if (auto kernel = dyn_cast<KernelOp>(user)) {
      FailureOr<OpOperand *> yielded =
          follow(kernel.getBlock().getArgument(use.getOperandNumber()), name);
      if (failed(yielded))
        return failure();
      pool = kernel.getOutputs()[(*yielded)->getOperandNumber()];
    } else if (Value next = advance(use)) {
      pool = next;
    } else {
      return stateError(user, name)
                 << "is read by an op that does not advance it",
             failure();
    }
  }
}

struct VerifyStatesPass : mamba::impl::VerifyStatesPassBase<VerifyStatesPass> {
  void runOnOperation() override {
    if (getOperation().isDeclaration())
      return;
    if (failed(verify(getOperation())))
      signalPassFailure();
    markAllAnalysesPreserved();
  }

  static LogicalResult verify(func::FuncOp func) {
    llvm::StringMap<unsigned> results;
    for (unsigned i = 0, e = func.getNumResults(); i != e; ++i)
      if (auto name = func.getResultAttrOfType<StringAttr>(i, "ssm.state"))
        if (!results.try_emplace(name, i).second)
          return stateError(func, name) << "is the name of two results";
    llvm::StringMap<unsigned> args;
    for (unsigned i = 0, e = func.getNumArguments(); i != e; ++i) {
      auto name = func.getArgAttrOfType<StringAttr>(i, "ssm.state");
      if (!name)
        continue;
      if (!args.try_emplace(name, i).second)
        return stateError(func, name) << "is the name of two arguments";
      auto result = results.find(name);
      if (result == results.end())
        return stateError(func, name) << "has an argument and no result";
      if (failed(verifyChain(func, i, result->second, name)))
        return failure();
    }
    for (const auto &result : results)
      if (!args.contains(result.getKey()))
        return stateError(func, result.getKey())
               << "has a result and no argument";
    return success();
  }

  static LogicalResult verifyChain(func::FuncOp func, unsigned arg,
                                   unsigned result, StringRef name) {
    Type taken = func.getArgumentTypes()[arg],
         left = func.getResultTypes()[result];
    if (taken != left)
      return stateError(func, name)
             << "must have one type, argument and result have " << taken
             << " and " << left;
    FailureOr<OpOperand *> end = follow(func.getArgument(arg), name);
    if (failed(end))
      return failure();
    if ((*end)->getOperandNumber() != result)
      return stateError((*end)->getOwner(), name)
             << "must be returned as result " << result
             << ", is returned as result " << (*end)->getOperandNumber();
    return success();
  }
};

} // namespace
