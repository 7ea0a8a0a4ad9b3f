// Sampling: a token of each row of logits.
#include "test/unit/cpu/CpuLab.h"
#include "test/unit/lab/Sampling.h"

using namespace mamba;

namespace {

using SampleKernels = EachTarget;
MAMBA_FOR_EACH_TARGET(SampleKernels);

TEST_P(SampleKernels, Greedy) { checkGreedy(lab, random); }
TEST_P(SampleKernels, Categorical) { checkCategorical(lab, random); }
TEST_P(SampleKernels, WithoutWeights) { checkWithoutWeights(lab, random); }

} // namespace
