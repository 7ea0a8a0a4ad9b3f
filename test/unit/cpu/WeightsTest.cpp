// The recipe: layouts and precisions of weights.
#include "test/unit/cpu/CpuLab.h"
#include "test/unit/lab/Precisions.h"
#include "test/unit/lab/RowTexts.h"

using namespace mamba;

namespace {

using WeightKernels = EachTarget;
MAMBA_FOR_EACH_TARGET(WeightKernels);

TEST_P(WeightKernels, PackPadsWithZeros) {
  std::vector<KernelText> texts;
  struct {
    int64_t O, K, block;
  } packs[] = {{1, 1, 16},   {3, 17, 8},   {64, 16, 64},
               {65, 33, 64}, {129, 5, 48}, {200, 44, 32}};
  for (auto [O, K, block] : packs)
    for (const char *element : {"f32", "bf16", "f16"}) {
      std::string from = weightType({O, K}, element);
      std::string to = weightType({(O + block - 1) / block, K, block}, element);
      texts.push_back({.args = {{"w", from}},
                       .ops = "%y = ssm.pack %w block " +
                              std::to_string(block) + " : " + from + " -> " +
                              to,
                       .yields = {{"y", to}},
                       .tolerance = 0});
    }
  checkAll(texts);
}

TEST_P(WeightKernels, CastsRoundToNearest) { checkAll(castTexts()); }
TEST_P(WeightKernels, DecayScaleAndColumns) {
  checkAll(ofEach({1, 17, 130}, decayTexts));
}

TEST_P(WeightKernels, Quantisation) {
  checkAll(ofEach({1, 31, 33, 130}, quantiseTexts));
}

// What a model asks for: all of it on the way into a packed weight.
TEST_P(WeightKernels, ChainsIntoPack) {
  std::vector<KernelText> texts;
  std::string conv = weightType({67, 1, 4}, "f16"),
              flat = weightType({67, 4}, "f16"), wide = weightType({67, 4}),
              packed = weightType({3, 4, 32});
  texts.push_back({.args = {{"w", conv}},
                   .ops = "%r = ssm.reshape %w : " + conv + " to " + flat +
                          "\n%c = ssm.cast %r : " + flat + " to " + wide +
                          "\n%y = ssm.pack %c block 32 : " + wide + " -> " +
                          packed,
                   .yields = {{"y", packed}},
                   .tolerance = 0});
  std::string half = weightType({35, 19}, "bf16"), full = weightType({35, 19}),
              norm = weightType({19}), panels = weightType({3, 19, 16}, "bf16");
  texts.push_back({.args = {{"w", half}, {"s", norm, 0.5, 1.5}},
                   .ops = "%f = ssm.cast %w : " + half + " to " + full +
                          "\n%g = ssm.scale_columns %f, %s : " + full + ", " +
                          norm + "\n%h = ssm.cast %g : " + full + " to " +
                          half + "\n%y = ssm.pack %h block 16 : " + half +
                          " -> " + panels,
                   .yields = {{"y", panels}},
                   .tolerance = 5e-3});
  texts.push_back(reshapeText());
  std::string unpacked = weightType({35, 19}), source = weightType({3, 19, 16});
  texts.push_back({.args = {{"w", source}},
                   .ops = "%y = ssm.unpack %w : " + source + " -> " + unpacked,
                   .yields = {{"y", unpacked}},
                   .tolerance = 0});
  checkAll(texts);
}

} // namespace
