// The self-test of a kernel: documented inputs, comparison with the reference.
#pragma once

#include "runtime/pack/Pack.h"

#include <cstdint>
#include <span>

namespace mamba {

/// Fills argument `index` of a golden case as FORMAT.md says; `to` has
/// arg.count elements of arg.dtype.
void fillGoldenArg(const GoldenArg &arg, uint64_t index, void *to);

/// The relative L2 error of elements 0, stride, 2 stride, ... of `from`, absolute
/// where zeros are expected; NaN if one is.
double relativeError(DType dtype, const void *from, uint64_t stride,
                     std::span<const float> expected);

/// Compares the samples of an output, `from` being the whole argument after
/// the run, with `expected` (output.count floats). The failure states the
/// relative L2 error found and allowed.
Status compareGoldenOutput(const GoldenCase &golden, const GoldenOutput &output,
                           const void *from, std::span<const float> expected);

} // namespace mamba
