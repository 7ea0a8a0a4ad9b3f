// Sampling: a token of each row of logits.
#include "test/unit/cpu/CpuLab.h"
#include "test/unit/lab/Sampling.h"

using namespace mamba;

namespace {

using SampleKernels = EachTarget;
MAMBA_FOR_EACH_TARGET(SampleKernels);

TEST_P(SampleKernels, Greedy) { checkGreedy(lab, random); }
TEST_P(SampleKernels, Drawn) { checkDrawn(lab, random); }
TEST_P(SampleKernels, Ties) { checkTies(lab, random); }
TEST_P(SampleKernels, NotFinite) { checkNotFinite(lab, random); }

} // namespace
