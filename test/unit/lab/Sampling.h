// Sampling against the reference, on any device: near the border of two tokens
// either may be drawn.
#pragma once

#include "test/unit/lab/KernelLab.h"

namespace mamba {

/// Many equal logits, and some that are no numbers: the first of the largest.
void checkGreedy(KernelLab &lab, RandomTensors &random);

/// Rows with all mixes of options beside each other.
void checkDrawn(KernelLab &lab, RandomTensors &random);

/// The same where many logits are equal, or all.
void checkTies(KernelLab &lab, RandomTensors &random);

/// Rows whose largest logit is no number give token 0 and say so.
void checkNotFinite(KernelLab &lab, RandomTensors &random);

} // namespace mamba
