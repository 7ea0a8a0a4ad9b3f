// Weight ops -> kernels.
#include "passes/lowering/Passes.h"
#include "passes/target/Target.h"

#include "mlir/IR/Builders.h"
#include "mlir/IR/IRMapping.h"
#include "llvm/ADT/SetVector.h"

using namespace mlir;
using namespace mamba::ssm;

namespace mamba {
#define GEN_PASS_DEF_FORMRECIPESPASS
#include "passes/lowering/Passes.h.inc"
} // namespace mamba

using namespace mamba;

static bool isOpOnWeights(Operation *op) {
  return isa_and_present<CastOp, ReshapeOp, PackOp, UnpackOp, DecayOp, ScaleOp, ScaleColumnsOp,
                         QuantScalesOp, QuantizeOp, DequantizeOp>(op);
}

/// Whether the value is memory that something else fills: a weight, an
/// argument, the result of a kernel, or one of these under another shape.
static bool isLeaf(Value value) {
  while (auto reshape = value.getDefiningOp<ReshapeOp>())
    value = reshape.getX();
  return !isOpOnWeights(value.getDefiningOp());
}

/// The ops between leaves and the value, operands first.
static void collectSlice(Value value, SetVector<Operation *> &ops, SetVector<Value> &leaves) {
  if (isLeaf(value)) {
    leaves.insert(value);
    return;
  }
  Operation *op = value.getDefiningOp();
  if (ops.contains(op))
    return;
  for (Value operand : op->getOperands())
    collectSlice(operand, ops, leaves);
  ops.insert(op);
}

/// The kernel that computes the value, before `at`.
static KernelOp formKernel(Value value, Operation *at) {
  SetVector<Operation *> ops;
  SetVector<Value> leaves;
  collectSlice(value, ops, leaves);

  OpBuilder builder(at);
  Location loc = value.getLoc();
  auto kernel = KernelOp::create(builder, loc, TypeRange(value.getType()), leaves.getArrayRef());
  builder.setInsertionPointToEnd(&kernel.getBlock());
  IRMapping map;
  map.map(leaves.getArrayRef(), kernel.getBlock().getArguments());
  for (Operation *op : ops)
    builder.clone(*op, map);
  YieldOp::create(builder, loc, ValueRange(map.lookup(value)));
  return kernel;
}

/// The schedule of its generator. It serves every class: the weights are one.
static LogicalResult assignSchedule(KernelOp kernel, const Target &target) {
  std::string reason;
  const KernelGenerator *generator = findGenerator(kernel, target, reason);
  if (!generator)
    return kernel.emitOpError("of weight ops has no generator for target '")
           << target.name << "': " << reason;
  kernel.setScheduleAttr(generator->schedule(kernel, target, TokenClass::Prefill));
  return success();
}

namespace {
struct FormRecipes : mamba::impl::FormRecipesPassBase<FormRecipes> {
  void runOnOperation() override {
    std::optional<Target> target;
    if (getOperation()->getParentOfType<ModuleOp>()->hasAttr("ssm.target")) {
      FailureOr<Target> named = targetOf(getOperation());
      if (failed(named))
        return signalPassFailure();
      target = *named;
    }

    DenseMap<Value, Value> formedFor;
    Block &body = getOperation().getBody().front();
    for (Operation &user : llvm::make_early_inc_range(body)) {
      if (!isa<KernelOp, func::ReturnOp>(user))
        continue;
      for (OpOperand &operand : user.getOpOperands()) {
        Value value = operand.get();
        if (isLeaf(value))
          continue;
        Value &kernelResult = formedFor[value];
        if (!kernelResult) {
          KernelOp kernel = formKernel(value, &user);
          if (target && failed(assignSchedule(kernel, *target)))
            return signalPassFailure();
          kernelResult = kernel.getResult(0);
          ++formed;
        }
        operand.set(kernelResult);
      }
    }
    for (Operation &op : llvm::make_early_inc_range(llvm::reverse(body)))
      if (isOpOnWeights(&op) && op.use_empty())
        op.erase();
  }
};
} // namespace
