// The candidates of a kernel as packs that can be checked and timed: see
// runtime/tune/Candidate.h.
#pragma once

#include "passes/target/Schedule.h"
#include "runtime/support/Status.h"

#include <cstdint>
#include <string>
#include <vector>

namespace mamba {

/// What all candidates of a kernel have in common.
struct CandidateKernel {
  std::string module; // the kernel by itself: TunedKernel::module
  std::string target;
  /// Of the sequences of the step that it is timed with; none if it is only checked.
  std::vector<int64_t> lengths;
  /// Files for what the float64 reference says, of a ragged batch and of that step,
  /// if there is one: PATH.0 and PATH.1.
  std::string goldens;
};

/// Computes the reference's files.
Status computeGoldens(const CandidateKernel &kernel);

/// Compiles the kernel with this schedule, and writes the pack.
Status buildCandidate(const CandidateKernel &kernel, const Schedule &schedule,
                      const std::string &output);

} // namespace mamba
