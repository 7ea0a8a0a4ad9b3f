// What launches at real widths would count: run in the simulator on few rows,
// and scaled. bench/README.md has the rule.
#pragma once

#include "runtime/predict/Launch.h"
#include "runtime/device/sim/Chips.h"

#include <map>

namespace mamba::predict {

/// A launch of a step as counted, or as it would be.
struct Counted {
  const Kernel *kernel = nullptr;
  sim::Counts counts;
  uint64_t blocks = 0;

  sim::Prediction predict(const sim::Chip &chip) const {
    return sim::predict(counts, {blocks, kernel->threads, kernel->registers, kernel->shared}, chip);
  }
};

class Runner {
public:
  explicit Runner(unsigned threads) : threads(threads) {}

  /// Counts of a launch of the step; equal code on equal shapes runs once.
  Result<Counted> count(const Code &code, const Launch &launch, const Step &step);

  /// How far what `count` would scale is from a direct run of 4 times the rows
  /// that are run for it: the largest of the figures that a prediction uses, as
  /// a part. 0 for what is never scaled.
  Result<double> error(const Code &code, const Launch &launch);

private:
  /// Steps that are run in place of larger ones; `sequences` chooses the kernel.
  struct Scale {
    uint64_t rows = 0;     // tokens of the smallest; 0: nothing to scale
    bool hasSequences = false; // counts grow with sequences and tokens
    bool growsPath = false;    // a thread's work grows with tokens
  };
  Scale scaleOf(const Launch &launch, const Dispatch::Choice &choice) const;
  Result<Counted> scaled(const Code &code, const Launch &launch,
                         const Dispatch::Choice &choice, const Step &step);
  Result<Counted> direct(const Code &code, const Launch &launch,
                         const Dispatch::Choice &choice, const Step &step);

  unsigned threads;
  std::map<std::string, sim::Counts> seen;
};

} // namespace mamba::predict
