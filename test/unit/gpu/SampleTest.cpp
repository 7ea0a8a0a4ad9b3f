// Sampling: a token of each row of logits.
#include "test/unit/gpu/GpuLab.h"
#include "test/unit/lab/Sampling.h"

using namespace mamba;

namespace {

using GpuSample = OnGpu;

TEST_F(GpuSample, Greedy) { checkGreedy(lab, random); }
TEST_F(GpuSample, Drawn) { checkDrawn(lab, random); }
TEST_F(GpuSample, Ties) { checkTies(lab, random); }
TEST_F(GpuSample, NotFinite) { checkNotFinite(lab, random); }

} // namespace
