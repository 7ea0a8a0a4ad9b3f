// The recipe: layouts and precisions of weights.
#include "test/unit/cpu/CpuLab.h"
#include "test/unit/lab/Precisions.h"
#include "test/unit/lab/RowTexts.h"

#include <utility>

using namespace mamba;

namespace {

using WeightKernels = EachTarget;
MAMBA_FOR_EACH_TARGET(WeightKernels);

/// The weight %w, packed.
KernelText packText(int64_t O, int64_t K, int64_t block, int64_t interleave,
                    const std::string &element) {
  std::string from = weightType({O, K}, element),
              to = weightType({(O + block - 1) / block,
                               (K + interleave - 1) / interleave, block * interleave},
                              element);
  return {.args = {{"w", from, element == "i8" ? -128. : -1., element == "i8" ? 128. : 1.}},
          .ops = "%y = ssm.pack %w block " + std::to_string(block) + " interleave " +
                 std::to_string(interleave) + " : " + from + " -> " + to,
          .yields = {{"y", to}},
          .tolerance = 0};
}

TEST_P(WeightKernels, PackPadsWithZeros) {
  std::vector<KernelText> texts;
  struct {
    int64_t O, K, block;
  } packs[] = {{1, 1, 16},   {3, 17, 8},   {64, 16, 64},
               {65, 33, 64}, {129, 5, 48}, {200, 44, 32}};
  for (auto [O, K, block] : packs)
    for (const char *element : {"f32", "bf16", "f16", "i8"})
      for (int64_t interleave : {1, 2, 4})
        texts.push_back(packText(O, K, block, interleave, element));
  checkAll(texts);
}

TEST_P(WeightKernels, CastsRoundToNearest) { checkAll(castTexts()); }
TEST_P(WeightKernels, DecayScaleAndColumns) {
  checkAll(ofEach({1, 17, 130}, decayTexts));
}

TEST_P(WeightKernels, Quantisation) {
  checkAll(ofEach({1, 31, 33, 130}, quantiseTexts));
}

// A matrix as a model asks for it: with the norm's weight, in fewer bits, in panels.
TEST_P(WeightKernels, QuantisedPanels) {
  std::vector<KernelText> texts;
  for (const char *source : {"f32", "bf16", "f16"})
    for (int64_t bits : {8, 4})
      for (int64_t K : {1, 31, 64, 97}) {
        int64_t O = 35, columns = (K * bits + 7) / 8, side = bits == 4 ? 4 : 1;
        std::string from = weightType({O, K}, source), wide = weightType({O, K}),
                    norm = weightType({K}), s = weightType({O, (K + 31) / 32}, "bf16"),
                    q = weightType({O, columns}, "i8"),
                    panels = weightType({2, (columns + side - 1) / side, 32 * side}, "i8"),
                    scalePanels = weightType({2, (K + 31) / 32, 32}, "bf16");
        std::string by = " bits " + std::to_string(bits) + " : ", f = "w";
        KernelText text = {.args = {{"w", from}, {"n", norm, 0.5, 1.5}}, .ops = {}, .yields = {}};
        if (from != wide)
          text.ops = "%f = ssm.cast %" + std::exchange(f, "f") + " : " + from + " to " + wide + "\n";
        text.ops += "%x = ssm.scale_columns %" + f + ", %n : " + wide + ", " + norm +
                    "\n%s = ssm.quant_scales %x" + by + wide + " -> " + s + "\n";
        KernelText bytes = text, scales = text;
        bytes.ops += "%q = ssm.quantize %x by %s" + by + wide + ", " + s + " -> " + q +
                     "\n%y = ssm.pack %q block 32 interleave " + std::to_string(side) + " : " + q +
                     " -> " + panels;
        bytes.yields = {{"y", panels}};
        bytes.tolerance = scales.tolerance = 0;
        scales.ops += "%y = ssm.pack %s block 32 : " + s + " -> " + scalePanels;
        scales.yields = {{"y", scalePanels}};
        texts.push_back(bytes);
        texts.push_back(scales);
      }
  checkAll(texts);
}

// Of weights that are largest in magnitude the first counts, and zeros have no sign.
TEST_P(WeightKernels, TiesAndZerosOfAGroup) {
  std::vector<KernelText> texts;
  for (double high : {1., 2., 3.})
    for (int64_t bits : {8, 4}) {
      std::string x = weightType({40, 70}, "i8"), wide = weightType({40, 70}),
                  s = weightType({40, 3}, "bf16");
      texts.push_back({.args = {{"x", x, 1 - high, high}, {"u", s}},
                       .ops = "%w = ssm.dequantize %x by %u bits 8 : " + x + ", " + s + " -> " +
                              wide + "\n%s = ssm.quant_scales %w bits " + std::to_string(bits) +
                              " : " + wide + " -> " + s,
                       .yields = {{"s", s}},
                       .tolerance = 0});
    }
  checkAll(texts);
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
