// New packs out of finished ones.
#pragma once

#include "runtime/support/Status.h"

#include <string>
#include <vector>

namespace mamba {

/// Writes a pack with the targets of both, first those of `first`. They must be
/// of one model and one precision and have no target in common; the failure says
/// which differs. Weights are embedded if one of them embeds them.
Status mergePacks(const std::string &first, const std::string &second,
                  const std::string &output);

struct StripOptions {
  std::vector<std::string> keep; // Targets; all if there is none.
  /// Machine code of cuda targets, their CUDA C++, all self-tests.
  bool dropCubin = false, dropCudaSource = false, dropGolden = false;
};

/// Writes a pack without what is not kept, nor the blobs that only this needs.
Status stripPack(const std::string &input, const StripOptions &options,
                 const std::string &output);

} // namespace mamba
