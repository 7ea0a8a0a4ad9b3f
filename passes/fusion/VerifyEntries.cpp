// --ssm-verify-entries: what the rest of the compiler may rely on.
#include "passes/fusion/Passes.h"
#include "passes/target/Target.h"

#include "llvm/ADT/StringExtras.h"
#include "llvm/ADT/StringMap.h"

namespace mamba {
#define GEN_PASS_DEF_VERIFYENTRIESPASS
#include "passes/fusion/Passes.h.inc"
} // namespace mamba

using namespace mlir;
using namespace mamba;
using namespace mamba::ssm;

namespace {

/// Rows or tokens [T, ...], pools [slots, a, b], or static.
bool isTensorOfModel(Type type) {
  auto tensor = dyn_cast<RankedTensorType>(type);
  if (!tensor || tensor.getRank() == 0)
    return false;
  Type element = tensor.getElementType();
  bool known = element.isF32() || element.isF16() || element.isBF16() || element.isInteger(32);
  int64_t elements = 1;
  for (int64_t size : tensor.getShape().drop_front(tensor.isDynamicDim(0)))
    if (ShapedType::isDynamic(size) || size == 0 || size > (int64_t(1) << 40) / elements)
      return false;
    else
      elements *= size;
  return known;
}

/// The attribute as text that can be a name in a pack, or an error.
LogicalResult checkName(func::FuncOp func, Attribute attr, const Twine &what) {
  if (!attr)
    return success();
  auto name = dyn_cast<StringAttr>(attr);
  if (!name)
    return func.emitError(what + " must be a string");
  if (name.empty() || !llvm::all_of(name.getValue(), llvm::isPrint))
    return func.emitError(what + " must be a name of printable characters");
  return success();
}

struct VerifyEntriesPass : mamba::impl::VerifyEntriesPassBase<VerifyEntriesPass> {
  void runOnOperation() override {
    llvm::StringMap<func::FuncOp> entries;
    llvm::StringMap<WeightOp> weights;
    for (auto func : getOperation().getOps<func::FuncOp>())
      if (failed(verifyFunction(func)) || failed(verifyDistinct(func, entries)) ||
          failed(verifyWeights(func, weights)))
        return signalPassFailure();
  }

  LogicalResult verifyFunction(func::FuncOp func) {
    if (func.isDeclaration())
      return func.emitError("function '@" + func.getName() + "' has no body: an entry needs one");
    if (!llvm::hasSingleElement(func.getBody()))
      return func.emitError("function '@" + func.getName() + "' must have a body of one block");
    if (func.getNumResults() == 0)
      return func.emitError("entry '@" + func.getName() + "' returns nothing: it needs a result");
    if (failed(checkName(func, func->getAttr("ssm.entry"), "'ssm.entry'")))
      return failure();
    if (!func->hasAttr("ssm.entry"))
      func->setAttr("ssm.entry", StringAttr::get(&getContext(), func.getName()));
    if (Attribute c = func->getAttr("ssm.class")) {
      auto name = dyn_cast<StringAttr>(c);
      if (!name || tokenClassName(tokenClassOf(func)) != name.getValue())
        return func.emitError("'ssm.class' must be \"invariant\", \"decode\", \"few\" or \"prefill\"");
    }

    if (llvm::count_if(func.getArgumentTypes(), llvm::IsaPred<BatchType>) > 1)
      return func.emitError("entry '@" + func.getName() + "' takes more than one !ssm.batch");
    for (auto [i, type] : llvm::enumerate(func.getArgumentTypes()))
      if (!isa<BatchType>(type) &&
          failed(verifyTensor(func, "argument " + std::to_string(i), type,
                              func.getArgAttr(i, "ssm.name"), func.getArgAttr(i, "ssm.state"))))
        return failure();
    for (unsigned i = 0; i < func.getNumArguments(); ++i)
      if (failed(verifyRows(func, i)))
        return failure();
    for (auto [i, type] : llvm::enumerate(func.getResultTypes()))
      if (failed(verifyTensor(func, "result " + std::to_string(i), type,
                              func.getResultAttr(i, "ssm.name"), func.getResultAttr(i, "ssm.state"))))
        return failure();
    for (Operation &op : func.getBody().front().without_terminator())
      if (!isa<SSMDialect>(op.getDialect()))
        return op.emitError("an entry holds only ssm ops, got '") << op.getName() << "'";
    return success();
  }

  /// An argument or a result and its attributes.
  LogicalResult verifyTensor(func::FuncOp func, const std::string &what, Type type, Attribute name,
                             Attribute state) {
    if (!isTensorOfModel(type))
      return func.emitError(what + " must be a tensor [T, ...], [slots, ...] or static of f32, f16, "
                                   "bf16 or i32, got ")
             << type;
    if (failed(checkName(func, name, "'ssm.name' of " + what)) ||
        failed(checkName(func, state, "'ssm.state' of " + what)))
      return failure();
    auto tensor = cast<RankedTensorType>(type);
    if (tensor.getRank() == 3 && tensor.isDynamicDim(0) && !state)
      return func.emitError(what + " is a state pool: name it by 'ssm.state', on the argument and on "
                                   "the result that replaces it");
    return success();
  }

  LogicalResult verifyRows(func::FuncOp func, unsigned arg) {
    Attribute rows = func.getArgAttr(arg, "ssm.rows");
    if (!rows)
      return success();
    auto name = dyn_cast<StringAttr>(rows);
    auto type = dyn_cast<RankedTensorType>(func.getArgument(arg).getType());
    if (name && name.getValue() == "S" && type && type.isDynamicDim(0) &&
        !func.getArgAttr(arg, "ssm.state"))
      return success();
    return func.emitError("'ssm.rows' must be \"S\", on an argument [S, ...], got ")
           << rows << " on argument " << arg;
  }

  LogicalResult verifyDistinct(func::FuncOp func, llvm::StringMap<func::FuncOp> &entries) {
    std::string key = cast<StringAttr>(func->getAttr("ssm.entry")).str();
    if (auto name = func->getAttrOfType<StringAttr>("ssm.class"))
      key += "\n" + name.str();
    auto [known, isNew] = entries.try_emplace(key, func);
    if (isNew)
      return success();
    InFlightDiagnostic error = func.emitError("entry ")
                               << func->getAttr("ssm.entry") << " is the name of two functions";
    error.attachNote(known->second.getLoc()) << "the other";
    return error;
  }

  LogicalResult verifyWeights(func::FuncOp func, llvm::StringMap<WeightOp> &weights) {
    WalkResult result = func.walk([&](WeightOp weight) {
      auto [known, isNew] = weights.try_emplace(weight.getName(), weight);
      if (isNew || known->second.getType() == weight.getType())
        return WalkResult::advance();
      weight.emitError("weight '") << weight.getName() << "' is " << weight.getType()
                                   << " here and " << known->second.getType()
                                   << " elsewhere: a tensor of the checkpoint has one type";
      return WalkResult::interrupt();
    });
    return failure(result.wasInterrupted());
  }
};

} // namespace
