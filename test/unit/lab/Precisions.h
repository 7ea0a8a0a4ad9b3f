// Kernels of which rows or matrices lie in memory in fewer bits.
#pragma once

#include "test/unit/lab/KernelText.h"

namespace mamba {

/// Which rows lie in memory in fewer bits.
enum class Narrow { Inputs, Results, Both, TwoResults };

/// The kernel with rows of this element type ("bf16", "f16"), which it widens
/// or rounds at its border; with TwoResults each result of rows is there in f32
/// too. States stay f32, and the operand `except`. What is rounded may be off by one
/// step.
KernelText narrowRows(KernelText text, const std::string &element,
                      Narrow which, const std::string &except = {});

/// The kernel with the matrix of that name stored as bf16, f16, int8 or int4.
KernelText storeMatrix(KernelText text, const std::string &name,
                       const std::string &precision);

/// The projection %l of %x or of its norm %n, with the rows as int8.
KernelText int8Rows(KernelText text);

// Weights.
/// Scales, integers and what they stand for, of a matrix with K columns.
std::vector<KernelText> quantiseTexts(int64_t K);

} // namespace mamba
