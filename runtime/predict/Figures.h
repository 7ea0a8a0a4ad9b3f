// How long one kernel would take on a GPU.
#pragma once

#include "runtime/device/sim/Chips.h"
#include "runtime/predict/Launch.h"

namespace mamba::predict {

/// The steps of a PredictionSpec: at the first a schedule must be faster, at the other,
/// with more rows, not slower.
enum class StepKind { First, Other };

/// Of a kernel with one schedule.
struct Figures {
  double us = 0;     // without the launch
  uint64_t rows = 0; // of the step; 0: the kernel has no such step
  std::string limit; // that binds
  uint32_t registers = 0, spills = 0;
  double occupancy = 0;

  std::string json() const;
  static Result<Figures> parse(const std::string &text);
};

/// Of the first kernel of `code` at the step, without rows if there is none. Fails where
/// its blocks do not fit the chip.
Result<Figures> predictStep(const Code &code, const LaunchShape &launch,
                            const PredictionSpec &prediction, StepKind step,
                            const sim::Chip &chip);

/// The chip that a target, by its arch "sm_80" and name, is predicted for: `name`, or the
/// first one known without it. The failure says what does not go together.
Result<const sim::Chip *> chipOf(const std::string &arch, const std::string &target,
                                 const std::string &name);

} // namespace mamba::predict
