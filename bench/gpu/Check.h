// The steps of a check, one after the other, each in a process of its own, and the
// record that is on the disk after each of them.
#pragma once

#include "bench/gpu/Report.h"

#include <string>
#include <vector>

namespace mamba::bench {

/// What a process of the check is asked for; `index` and `form` where the kind
/// has several.
struct CheckStep {
  std::string kind; // machine, limits, case, kernels, model, launches, blas, peers
  size_t index = 0;
  std::string title;
  std::vector<std::string> environment;
  double seconds = 60; // at most
  bool needsNvrtc = false;

  /// Of what need not be there.
  bool isOptional() const { return kind == "blas" || kind == "peers"; }
};

/// Of everything that the folder has, the most valuable first.
std::vector<CheckStep> stepsOf(const CheckFolder &folder);

struct CheckOptions {
  unsigned ordinal = 0;
  double minutes = 9;
  std::string output; // without ".json" and ".txt"; empty: results/CHIP-DATE in the folder
  std::vector<std::string> only; // kinds; empty: all
  bool isQuiet = false;
};

Result<Verdict> runCheck(const CheckFolder &folder, const CheckOptions &options);

/// One of these steps, in this process.
Status runStep(const CheckFolder &folder, const std::string &kind, size_t index, unsigned ordinal);

} // namespace mamba::bench
