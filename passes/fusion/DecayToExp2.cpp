// --ssm-decay-to-exp2: exp(dt A) = exp2(dt (A log2(e))).
#include "passes/fusion/Passes.h"
#include "passes/fusion/WeightSlice.h"

#include "mlir/IR/Builders.h"
#include "llvm/Support/MathExtras.h"

namespace mamba {
#define GEN_PASS_DEF_DECAYTOEXP2PASS
#include "passes/fusion/Passes.h.inc"
} // namespace mamba

using namespace mlir;
using namespace mamba::ssm;

namespace {

struct DecayToExp2Pass : mamba::impl::DecayToExp2PassBase<DecayToExp2Pass> {
  void runOnOperation() override {
    getOperation().walk([](SelectiveScanOp scan) {
      if (scan.getLog2Decay() || !mamba::isWeightSlice(scan.getA()))
        return;
      OpBuilder builder(scan);
      Value scaled = ScaleOp::create(
          builder, scan.getLoc(), scan.getA().getType(), scan.getA(),
          builder.getF64FloatAttr(llvm::numbers::log2e));
      scan.getAMutable().assign(scaled);
      scan.setLog2Decay(true);
    });
  }
};

} // namespace
