// Sampling: a token of each row of logits.
#include "test/unit/gpu/GpuLab.h"
#include "test/unit/lab/Sampling.h"

using namespace mamba;

namespace {

using GpuSample = OnGpu;

TEST_F(GpuSample, Greedy) { checkGreedy(lab, random); }
TEST_F(GpuSample, Categorical) { checkCategorical(lab, random); }
TEST_F(GpuSample, WithoutWeights) { checkWithoutWeights(lab, random); }

} // namespace
