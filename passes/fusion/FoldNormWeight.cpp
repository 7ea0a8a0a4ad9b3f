// --ssm-fold-norm-weight: linear(rms_norm(x, w), W) = linear(rms_norm(x), W *
// w).
#include "passes/fusion/Passes.h"
#include "passes/fusion/WeightSlice.h"

#include "mlir/IR/Builders.h"

namespace mamba {
#define GEN_PASS_DEF_FOLDNORMWEIGHTPASS
#include "passes/fusion/Passes.h.inc"
} // namespace mamba

using namespace mlir;
using namespace mamba::ssm;

namespace {

/// `w` with its columns scaled, in its own element type.
Value scaleColumns(OpBuilder &builder, Location loc, Value w, Value factors) {
  auto type = cast<RankedTensorType>(w.getType());
  Type f32 = builder.getF32Type();
  Value wide = w;
  if (type.getElementType() != f32) {
    // A matrix that was rounded from f32 is rounded after the product instead.
    auto rounded = w.getDefiningOp<CastOp>();
    if (rounded && getElementTypeOrSelf(rounded.getX().getType()) == f32)
      wide = rounded.getX();
    else
      wide = CastOp::create(builder, loc, type.clone(f32), w);
  }
  Value scaled =
      ScaleColumnsOp::create(builder, loc, wide.getType(), wide, factors);
  if (type.getElementType() == f32)
    return scaled;
  return CastOp::create(builder, loc, type, scaled);
}

struct FoldNormWeightPass
    : mamba::impl::FoldNormWeightPassBase<FoldNormWeightPass> {
  void runOnOperation() override {
    SmallVector<RMSNormOp> norms;
    getOperation().walk([&](RMSNormOp norm) {
      if (norm.getWeight() && mamba::isWeightSlice(norm.getWeight()))
        norms.push_back(norm);
    });
    for (RMSNormOp norm : norms)
      fold(norm);
  }

  static void fold(RMSNormOp norm) {
    SmallVector<LinearOp> linears;
    for (Operation *user : norm->getUsers())
      if (auto linear = dyn_cast<LinearOp>(user))
        if (mamba::isWeightSlice(linear.getW()))
          linears.push_back(linear);
    if (linears.empty())
      return;
    OpBuilder builder(norm);
    Value plain =
        RMSNormOp::create(builder, norm.getLoc(), norm.getType(), norm.getX(),
                          /*weight=*/Value(), norm.getEps());
    for (LinearOp linear : linears) {
      builder.setInsertionPoint(linear);
      Value w = scaleColumns(builder, linear.getLoc(), linear.getW(),
                             norm.getWeight());
      linear.getXMutable().assign(plain);
      linear.getWMutable().assign(w);
    }
    if (norm->use_empty())
      norm.erase();
  }
};

} // namespace
