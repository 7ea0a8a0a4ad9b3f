// Predicted times beside the limits and the accepted shares of them.
#pragma once

#include "bench/PredictRun.h"

#include <optional>
#include <string>
#include <vector>

namespace mamba::bench {

/// A time beside what it cannot be below.
struct Share {
  std::string of;       // "matrix peak"
  double seconds = 0;   // that the limit alone takes
  std::optional<double> accept; // part of the time that the limit should be
};

struct KernelRow {
  std::string role, name;
  Family family = Family::Other;
  uint32_t times = 1;
  Counted counted;
  sim::Prediction prediction;
  uint64_t minimum = 0; // bytes
  Share share;

  double shareOfLimit() const { return share.seconds / prediction.kernelSeconds; }
  /// Distinct bytes of the launch, in minima.
  double bytes() const;
  /// Bytes through the L2, in minima.
  double traffic() const;
  double banks() const;     // wavefronts of shared memory, by those without conflicts
  double coalesced() const; // sectors' bytes, by bytes asked for
  uint32_t spills() const;  // loads and stores of local memory in the machine code
  /// What is wrong with it on any chip, " bytes banks ..."; empty if nothing is.
  std::string faults() const;
};

/// A step of a model on a chip.
struct StepReport {
  std::string model, className;
  Precisions precisions;
  Step step;
  const sim::Chip *chip = nullptr;
  std::vector<KernelRow> rows;
  Share share;

  /// Kernels and their launches in a graph.
  double seconds() const;
  uint64_t launches() const;
  double shareOfLimit() const { return share.seconds / seconds(); }

  std::string table() const;
  std::string json() const;
};

StepReport reportOf(const PredictModel &model, const PredictProgram &program, const Step &step,
                    const sim::Chip &chip, const std::vector<Counted> &counted);

/// What is reached and what is missed, a line each; with the decode steps in
/// integers beside those in the first precision.
std::string verdicts(const std::vector<StepReport> &reports);

} // namespace mamba::bench
