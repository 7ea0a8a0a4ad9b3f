// The recipe: precisions and shapes of weights.
#include "test/unit/gpu/GpuLab.h"
#include "test/unit/lab/RowTexts.h"

using namespace mamba;

namespace {

using GpuWeights = OnGpu;

TEST_F(GpuWeights, CastsRoundToNearest) { checkAll(castTexts()); }

TEST_F(GpuWeights, DecayScaleAndColumns) {
  std::vector<KernelText> texts = ofEach({1, 17, 130}, decayTexts);
  texts.push_back(reshapeText());
  checkAll(texts);
}

// What a model asks for: a norm's weight folded into a projection's.
TEST_F(GpuWeights, ChainOfCastsAndScales) {
  std::string half = weightType({35, 19}, "bf16"), full = weightType({35, 19}),
              norm = weightType({19}), flat = weightType({665});
  checkAll({{.args = {{"w", half}, {"s", norm, 0.5, 1.5}},
             .ops = "%f = ssm.cast %w : " + half + " to " + full +
                    "\n%g = ssm.scale_columns %f, %s : " + full + ", " + norm +
                    "\n%y = ssm.reshape %g : " + full + " to " + flat,
             .yields = {{"y", flat}},
             .tolerance = 1e-7}});
}

} // namespace
