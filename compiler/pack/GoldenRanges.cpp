#include "compiler/pack/GoldenRanges.h"

#include "dialects/ssm/SSMDialect.h"

#include <cmath>
#include <optional>
#include <tuple>
#include <utility>

using namespace mlir;
using namespace mamba;
using namespace mamba::ssm;

using Bounds = std::pair<double, double>;

bool mamba::isPool(BlockArgument arg) {
  return llvm::any_of(arg.getUses(), [&](OpOperand &use) {
    if (auto conv = dyn_cast<Conv1dOp>(use.getOwner()))
      return conv.getState() == arg;
    if (auto scan = dyn_cast<SelectiveScanOp>(use.getOwner()))
      return scan.getState() == arg;
    return false;
  });
}

static Bounds boundsInScan(SelectiveScanOp scan, Value value) {
  if (value == scan.getA())
    return {-1.5, -0.05};
  if (value == scan.getDeltaBias())
    return {-1, 0.5};
  if (value == scan.getDelta() && !scan.getSoftplus())
    return {0.01, 0.3};
  return {-1, 1};
}

/// What the first user that has a wish wants.
static std::optional<Bounds> wishOf(Value value) {
  for (OpOperand &use : value.getUses()) {
    Operation *user = use.getOwner();
    if (auto scan = dyn_cast<SelectiveScanOp>(user))
      return boundsInScan(scan, value);
    if (auto linear = dyn_cast<LinearOp>(user); linear && value == linear.getW()) {
      int64_t width = cast<ShapedType>(value.getType()).getDimSize(1);
      double bound = 1.7 / std::sqrt(double(width));
      return Bounds{-bound, bound};
    }
    if (auto norm = dyn_cast<RMSNormOp>(user); norm && value == norm.getWeight())
      return Bounds{0.5, 1.5};
    if (auto draw = dyn_cast<SampleOp>(user)) {
      // Few tokens with weight: u seldom stands near the border of two.
      if (value == draw.getLogits())
        return Bounds{-30, 30};
      if (value == draw.getTemperature())
        return Bounds{0.5, 2};
      if (value == draw.getMinP())
        return Bounds{0, 0.1};
      return value == draw.getTopP() ? Bounds{0.7, 1.1} : Bounds{0, 1};
    }
    if (isa<DecayOp>(user))
      return Bounds{-1, 2.5};
    if (auto dequantize = dyn_cast<DequantizeOp>(user); dequantize && value == dequantize.getS()) {
      // The matrix then has the range of one that a projection reads.
      double bound = 1.7 / std::sqrt(double(dequantize.getType().getDimSize(1)));
      double most = dequantize.getBits() == 8 ? 127 : 8;
      return Bounds{0.2 * bound / most, bound / most};
    }
    if (isa<UnpackOp, ReshapeOp, CastOp, PackOp>(user))
      if (std::optional<Bounds> wish = wishOf(user->getResult(0)))
        return wish;
  }
  return std::nullopt;
}

void mamba::setRange(GoldenArg &golden, BlockArgument arg) {
  for (Operation *user : arg.getUsers())
    if (auto embedding = dyn_cast<EmbeddingOp>(user); embedding && embedding.getTokens() == arg) {
      golden.fill = GoldenArg::Fill::Index;
      golden.bound = embedding.getTable().getType().getDimSize(0);
      return;
    }
  for (Operation *user : arg.getUsers())
    if (auto draw = dyn_cast<SampleOp>(user); draw && draw.getTopK() == arg) {
      golden.fill = GoldenArg::Fill::Index;
      golden.bound = 64;
      return;
    }
  if (cast<ShapedType>(arg.getType()).getElementType().isInteger(8)) {
    golden.fill = GoldenArg::Fill::Index; // any byte
    golden.bound = 256;
    return;
  }
  golden.fill = GoldenArg::Fill::Uniform;
  std::tie(golden.lo, golden.hi) = wishOf(arg).value_or(Bounds{-1, 1});
}
