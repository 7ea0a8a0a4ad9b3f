// Folds and canonicalisations of the ssm ops.
#include "dialects/ssm/SSMDialect.h"

#include "mlir/IR/PatternMatch.h"
#include "mlir/IR/TypeUtilities.h"

using namespace mlir;
using namespace mamba::ssm;

OpFoldResult CastOp::fold(FoldAdaptor) {
  if (getX().getType() == getY().getType())
    return getX();
  // f32 holds every value of f16 and bf16: a cast to it rounds nothing, and a
  // cast that follows may read the original.
  auto inner = getX().getDefiningOp<CastOp>();
  if (inner && getElementTypeOrSelf(inner.getType()).isF32()) {
    if (inner.getX().getType() == getY().getType())
      return inner.getX();
    setOperand(inner.getX());
    return getResult();
  }
  return {};
}

OpFoldResult ReshapeOp::fold(FoldAdaptor) {
  if (getX().getType() == getY().getType())
    return getX();
  if (auto inner = getX().getDefiningOp<ReshapeOp>()) {
    setOperand(inner.getX());
    return getResult();
  }
  return {};
}

// The reverse, pack(unpack(x)), is not x: what stood in its padding is lost.
OpFoldResult UnpackOp::fold(FoldAdaptor) {
  if (auto pack = getX().getDefiningOp<PackOp>())
    if (pack.getX().getType() == getType() && pack.getInterleave() == getInterleave())
      return pack.getX();
  return {};
}

OpFoldResult ScaleOp::fold(FoldAdaptor) {
  if (getFactor().isExactlyValue(1.0))
    return getX();
  if (auto inner = getX().getDefiningOp<ScaleOp>()) {
    APFloat factor = getFactor() * inner.getFactor();
    // Beyond the range of f64 two small steps are not one.
    if (!factor.isNormal())
      return {};
    setOperand(inner.getX());
    setFactor(factor);
    return getResult();
  }
  return {};
}

namespace {
/// A split into one part is its operand.
struct DropSinglePartSplit : OpRewritePattern<SplitOp> {
  using OpRewritePattern::OpRewritePattern;
  LogicalResult matchAndRewrite(SplitOp op,
                                PatternRewriter &rewriter) const override {
    if (op.getParts().size() != 1)
      return rewriter.notifyMatchFailure(op, "split has several parts");
    rewriter.replaceOp(op, op.getX());
    return success();
  }
};

/// A split of a part is a finer split of the whole, if nobody else reads the
/// part.
struct MergeSplitOfSplit : OpRewritePattern<SplitOp> {
  using OpRewritePattern::OpRewritePattern;
  LogicalResult matchAndRewrite(SplitOp op,
                                PatternRewriter &rewriter) const override {
    auto outer = op.getX().getDefiningOp<SplitOp>();
    if (!outer)
      return rewriter.notifyMatchFailure(op,
                                         "operand is not a part of a split");
    if (!op.getX().hasOneUse())
      return rewriter.notifyMatchFailure(op, "the part has another reader");

    unsigned cut = cast<OpResult>(op.getX()).getResultNumber();
    SmallVector<Type> types(outer.getResultTypes());
    types.erase(types.begin() + cut);
    types.insert(types.begin() + cut, op->result_type_begin(),
                 op->result_type_end());
    rewriter.setInsertionPoint(outer);
    auto merged = SplitOp::create(
        rewriter, rewriter.getFusedLoc({outer.getLoc(), op.getLoc()}), types,
        outer.getX());

    ValueRange parts = merged.getParts();
    unsigned inner = op.getParts().size();
    rewriter.replaceOp(op, parts.slice(cut, inner));
    for (auto [i, part] : llvm::enumerate(outer.getParts()))
      if (i != cut)
        rewriter.replaceAllUsesWith(part, parts[i < cut ? i : i + inner - 1]);
    rewriter.eraseOp(outer);
    return success();
  }
};
} // namespace

void SplitOp::getCanonicalizationPatterns(RewritePatternSet &patterns,
                                          MLIRContext *context) {
  patterns.add<DropSinglePartSplit, MergeSplitOfSplit>(context);
}
