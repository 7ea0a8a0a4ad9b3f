// --ssm-weight-precision: how the matrices of projections and tables are stored.
#include "passes/fusion/Passes.h"
#include "passes/fusion/WeightSlice.h"

#include "mlir/IR/Builders.h"
#include "mlir/IR/TypeUtilities.h"
#include "llvm/Support/MathExtras.h"

namespace mamba {
#define GEN_PASS_DEF_WEIGHTPRECISIONPASS
#include "passes/fusion/Passes.h.inc"
} // namespace mamba

using namespace mlir;
using namespace mamba::ssm;

namespace {

constexpr int64_t kGroup = 32;

/// Whether the projection makes the time step of a scan, which then holds it.
bool makesTimeStep(LinearOp linear) {
  SmallVector<Value> values = {linear.getY()};
  while (!values.empty())
    for (OpOperand &use : values.pop_back_val().getUses()) {
      auto scan = dyn_cast<SelectiveScanOp>(use.getOwner());
      if (scan && &scan.getDeltaMutable() == &use)
        return true;
      if (auto softplus = dyn_cast<SoftplusOp>(use.getOwner()))
        values.push_back(softplus.getY());
    }
  return false;
}

struct WeightPrecisionPass
    : mamba::impl::WeightPrecisionPassBase<WeightPrecisionPass> {
  using WeightPrecisionPassBase::WeightPrecisionPassBase;

  LogicalResult initialize(MLIRContext *context) override {
    if (llvm::is_contained({"f32", "bf16", "f16", "int8", "int4"}, precision.getValue()))
      return success();
    return emitError(UnknownLoc::get(context), "unknown precision of weights '")
           << precision << "': use f32, bf16, f16, int8 or int4";
  }

  void runOnOperation() override {
    if (precision == "f32")
      return;
    getOperation().walk([&](Operation *op) {
      if (auto linear = dyn_cast<LinearOp>(op))
        store(linear.getWMutable(), makesTimeStep(linear));
      else if (auto embedding = dyn_cast<EmbeddingOp>(op))
        store(embedding.getTableMutable(), /*isSmall=*/false);
    });
  }

  void store(OpOperand &use, bool isSmall) {
    Value matrix = use.get();
    if (!mamba::isWeightSlice(matrix))
      return;
    OpBuilder builder(use.getOwner());
    Location loc = use.getOwner()->getLoc();
    auto type = cast<RankedTensorType>(matrix.getType());
    Value wide = matrix;
    if (!type.getElementType().isF32()) {
      auto rounded = matrix.getDefiningOp<CastOp>();
      wide = rounded && getElementTypeOrSelf(rounded.getX().getType()).isF32()
                 ? rounded.getX()
                 : builder.createOrFold<CastOp>(loc, type.clone(builder.getF32Type()), matrix);
    }
    Type stored = precision == "f16" ? Type(builder.getF16Type()) : builder.getBF16Type();
    if (isSmall || precision == "bf16" || precision == "f16") {
      use.set(builder.createOrFold<CastOp>(loc, type.clone(stored), wide));
      return;
    }
    int64_t bits = precision == "int8" ? 8 : 4, O = type.getDimSize(0), K = type.getDimSize(1);
    auto scaleType =
        RankedTensorType::get({O, int64_t(llvm::divideCeil(K, kGroup))}, stored);
    auto byteType =
        RankedTensorType::get({O, int64_t(llvm::divideCeil(K * bits, 8))}, builder.getI8Type());
    Value scales = QuantScalesOp::create(builder, loc, scaleType, wide, bits);
    Value bytes = QuantizeOp::create(builder, loc, byteType, wide, scales, bits);
    use.set(DequantizeOp::create(builder, loc, type.clone(builder.getF32Type()), bytes, scales,
                                 bits));
  }
};

} // namespace
