// A pack of a model's kernels with several schedules each, for mamba-tune where there
// is no compiler.
#pragma once

#include "compiler/pack/BuildPack.h"

#include <cstddef>

namespace mamba {

/// So many candidates a kernel has at most.
inline constexpr size_t kDefaultVariants = 16, kMostVariants = 256;

/// Builds the pack: of each kernel that has a choice the generator's own schedule and,
/// of its legal ones, those that are predicted to be the fastest, `variants` together.
/// Of `options`, those for programs and weights say nothing.
Status buildTuningPack(const BuildOptions &options, size_t variants);

} // namespace mamba
