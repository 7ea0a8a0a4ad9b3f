// --ssm-activation-precision: how rows lie in memory between kernels.
#include "passes/fusion/KernelBuild.h"
#include "passes/fusion/Passes.h"
#include "passes/target/Int8Rows.h"

#include "mlir/IR/Builders.h"
#include "mlir/IR/TypeUtilities.h"

namespace mamba {
#define GEN_PASS_DEF_ACTIVATIONPRECISIONPASS
#include "passes/fusion/Passes.h.inc"
} // namespace mamba

using namespace mlir;
using namespace mamba;
using namespace mamba::ssm;

namespace {

/// Whether the op makes the time step of a scan in the same kernel.
bool makesTimeStep(LinearOp linear) {
  return llvm::any_of(linear.getY().getUsers(),
                      llvm::IsaPred<SelectiveScanOp, ScanSlicesOp, SoftplusOp>);
}

/// Whether an op may read its operand rounded. What is added up over layers or
/// over time stays f32, and so do B, C and what dt is made of.
bool toleratesRounding(OpOperand &use) {
  Operation *op = use.getOwner();
  if (auto split = dyn_cast<SplitOp>(op))
    return llvm::all_of(split->getResults(), [](Value part) {
      return llvm::all_of(part.getUses(), toleratesRounding);
    });
  if (auto linear = dyn_cast<LinearOp>(op))
    return &linear.getXMutable() == &use && !makesTimeStep(linear);
  if (auto scan = dyn_cast<SelectiveScanOp>(op))
    return &scan.getUMutable() == &use || (scan.getZ() && scan.getZMutable().begin() == &use);
  if (auto slices = dyn_cast<ScanSlicesOp>(op))
    return &slices.getUMutable() == &use;
  // A norm of B, C or of what dt is made of only scales it.
  if (auto norm = dyn_cast<RMSNormOp>(op))
    return llvm::none_of(norm.getY().getUsers(), [](Operation *user) {
      auto linear = dyn_cast<LinearOp>(user);
      return isa<SelectiveScanOp, ScanSlicesOp>(user) || (linear && makesTimeStep(linear));
    });
  return isa<Conv1dOp, SiluOp, GateOp>(op);
}

/// Whether the kernel reads its operand in such ops alone.
bool toleratesRounding(KernelOp kernel, BlockArgument arg) {
  return !arg.use_empty() &&
         llvm::all_of(arg.getUses(), [](OpOperand &use) { return toleratesRounding(use); });
}

struct ActivationPrecisionPass
    : mamba::impl::ActivationPrecisionPassBase<ActivationPrecisionPass> {
  using ActivationPrecisionPassBase::ActivationPrecisionPassBase;

  LogicalResult initialize(MLIRContext *context) override {
    if (llvm::is_contained({"f32", "bf16", "f16", "int8"}, precision.getValue()))
      return success();
    return emitError(UnknownLoc::get(context), "unknown precision of activations '")
           << precision << "': use f32, bf16, f16 or int8";
  }

  void runOnOperation() override {
    if (precision == "f32")
      return;
    Builder builder(&getContext());
    element = precision == "f16" ? Type(builder.getF16Type()) : builder.getBF16Type();
    for (KernelOp kernel : kernelsOf(getOperation()))
      for (unsigned i = 0, count = kernel.getNumResults(); i < count; ++i)
        kernel = narrow(kernel, i);
    if (precision != "int8")
      return;
    FailureOr<Target> target = targetOf(getOperation());
    if (failed(target))
      return signalPassFailure();
    for (KernelOp kernel : kernelsOf(getOperation()))
      if (wantsInt8Rows(kernel, *target, tokenClassOf(getOperation())))
        readInt8(kernel);
  }

  /// The kernel's projection reads its rows as integers, before the norm.
  static void readInt8(KernelOp kernel) {
    std::string reason;
    LinearParts parts = *matchLinear(kernel, reason);
    if (int8RowsOf(parts))
      return;
    OpOperand &use = parts.norm ? parts.norm.getXMutable() : parts.linear.getXMutable();
    OpBuilder builder(use.getOwner());
    use.set(Int8RowsOp::create(builder, kernel.getLoc(), use.get()));
  }

  /// Gives the readers that allow it the result in the narrow type; gives the
  /// kernel that is there then.
  KernelOp narrow(KernelOp kernel, unsigned i) {
    OpResult result = kernel->getResult(i);
    auto type = dyn_cast<RankedTensorType>(result.getType());
    if (!type || type.getRank() != 2 || !type.isDynamicDim(0) ||
        !type.getElementType().isF32() || kernel.getTiedInput(i))
      return kernel;
    SmallVector<OpOperand *> readers;
    for (OpOperand &use : result.getUses()) {
      auto reader = dyn_cast<KernelOp>(use.getOwner());
      if (reader &&
          toleratesRounding(reader, reader.getBlock().getArgument(use.getOperandNumber())))
        readers.push_back(&use);
    }
    bool isAlone = llvm::range_size(result.getUses()) == readers.size();
    // A kernel that advances a state writes its rows once.
    if (readers.empty() || (!isAlone && advancesState(kernel)))
      return kernel;
    auto narrowType = cast<RankedTensorType>(type.clone(element));
    Operation *yield = kernel.getBlock().getTerminator();
    OpBuilder builder(yield);
    Value rounded = CastOp::create(builder, result.getLoc(), narrowType, yield->getOperand(i));
    SmallVector<Value> yielded(yield->getOperands());
    SmallVector<Type> types(kernel->getResultTypes());
    if (isAlone) {
      yielded[i] = rounded;
      types[i] = narrowType;
    } else {
      yielded.push_back(rounded);
      types.push_back(narrowType);
    }
    yield->setOperands(yielded);
    builder.setInsertionPoint(kernel);
    auto made = KernelOp::create(builder, kernel.getLoc(), types, kernel.getInputs());
    made->setAttrs(kernel->getAttrDictionary());
    Block &body = made.getBlock();
    body.getOperations().splice(body.end(), kernel.getBlock().getOperations());
    for (auto [from, to] :
         llvm::zip_equal(kernel.getBlock().getArguments(), body.getArguments()))
      from.replaceAllUsesWith(to);
    Value narrowResult = isAlone ? made->getResult(i) : made->getResults().back();
    for (OpOperand *use : readers)
      read(*use, narrowResult);
    for (auto [from, to] : llvm::zip(kernel->getResults(), made->getResults()))
      if (from.getType() == to.getType())
        from.replaceAllUsesWith(to);
    kernel.erase();
    return made;
  }

  static bool advancesState(KernelOp kernel) {
    return llvm::any_of(kernel.getBlock(), [](Operation &op) { return isStateOp(&op); });
  }

  /// The reader's operand becomes the narrow value, which it widens.
  void read(OpOperand &use, Value narrow) {
    auto reader = cast<KernelOp>(use.getOwner());
    BlockArgument arg = reader.getBlock().getArgument(use.getOperandNumber());
    Type wide = arg.getType();
    use.set(narrow);
    arg.setType(narrow.getType());
    OpBuilder builder = OpBuilder::atBlockBegin(&reader.getBlock());
    auto widened = CastOp::create(builder, arg.getLoc(), wide, arg);
    arg.replaceAllUsesExcept(widened.getY(), widened);
  }

  Type element;
};

} // namespace
