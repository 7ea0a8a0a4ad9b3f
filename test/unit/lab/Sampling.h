// Sampling against the reference, on any device: near the border of two tokens
// either may be drawn.
#pragma once

#include "test/unit/lab/KernelLab.h"

namespace mamba {

/// Many equal logits, and some that are no numbers: the first of the largest.
void checkGreedy(KernelLab &lab, RandomTensors &random);

/// Between the tokens of a slightly smaller and a slightly larger u.
void checkCategorical(KernelLab &lab, RandomTensors &random);

/// Rows without a positive sum of weights give token 0.
void checkWithoutWeights(KernelLab &lab, RandomTensors &random);

} // namespace mamba
