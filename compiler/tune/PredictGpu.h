// How long a kernel would take on a GPU with a schedule: compiled, counted in the
// simulator, and set beside a chip's limits.
#pragma once

#include "compiler/tune/BuildCandidate.h"
#include "runtime/device/sim/Chips.h"

namespace mamba {

/// The steps that a schedule is judged by: at the first it must be faster, at the other,
/// with more rows, not slower.
enum class GpuStep { First, Other };

/// Of a candidate.
struct GpuFigures {
  double us = 0;     // without the launch
  uint64_t rows = 0; // of the step; 0: the kernel has no such step
  std::string limit; // that binds
  uint32_t registers = 0, spills = 0;
  double occupancy = 0;

  std::string json() const;
  static Result<GpuFigures> parse(const std::string &text);
};

/// Compiles the kernel with this schedule and predicts its time.
Result<GpuFigures> predictCandidate(const CandidateKernel &kernel, const Schedule &schedule,
                                    const sim::Chip &chip, GpuStep step);

/// Compiles it, and compares its numbers with those of computeGoldens, in the
/// simulator with all checks; `kernel` has no step of a timing.
Status checkCandidate(const CandidateKernel &kernel, const Schedule &schedule,
                      const std::string &folder);

} // namespace mamba
