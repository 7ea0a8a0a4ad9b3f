// Projections of few rows at the widths of mamba-2.8b: no chip's assembler lacks
// registers for any of their schedules.
#include "test/unit/gpu/GpuLab.h"
#include "test/unit/gpu/Ptxas.h"
#include "test/unit/lab/KernelTexts.h"
#include "test/unit/lab/Precisions.h"

using namespace mamba;

namespace {

class LinearAssembly : public testing::TestWithParam<const char *> {};

TEST_P(LinearAssembly, SpillsNothing) {
  if (!hasPtxas())
    GTEST_SKIP() << "ptxas is not there: nothing can be assembled";
  struct Case {
    LinearForm form;
    const char *rows, *weights;
  };
  const LinearForm head{.K = 2560, .O = 50280, .norm = true},
      back{.K = 5120, .O = 2560, .residual = true};
  const Case cases[] = {{head, "bf16", "int8"}, {head, "bf16", "int4"}, {back, "f32", "int4"}};
  std::vector<KernelText> texts;
  for (const Case &c : cases) {
    texts.push_back(storeMatrix(linearText(c.form), "w", c.weights));
    if (c.rows != std::string("f32"))
      texts.back() = narrowRows(texts.back(), c.rows, Narrow::Inputs);
    texts.back().tokenClass = "decode";
  }
  GpuLab lab("cuda:" + std::string(GetParam()));
  ASSERT_EQ(lab.compile(texts).size(), texts.size());
  EXPECT_EQ(defectsOfAssembly(lab.ptx(), GetParam()), "");
}

INSTANTIATE_TEST_SUITE_P(Chips, LinearAssembly, testing::Values("sm_80", "sm_120"),
                         [](const auto &info) { return std::string(info.param); });

} // namespace
