// Predicted times beside the limits and the accepted shares of them.
#pragma once

#include "bench/PredictModel.h"
#include "runtime/predict/Runner.h"
#include "runtime/support/Format.h"

#include <algorithm>
#include <optional>
#include <string>
#include <vector>

namespace mamba::bench {

using predict::Counted;

/// What nothing can do without.
struct LeastWork {
  double bytes = 0, matrixFlops = 0, specialFunctions = 0;
};

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
  LeastWork least;
  Share share;
  double before = 0;      // seconds of launches that are a part of it
  double dramSeconds = 0; // of the minimum

  double shareOfLimit() const { return share.seconds / (before + prediction.kernelSeconds); }
  /// The most that it could be: nothing is faster than its memory.
  double possible() const { return share.seconds / std::max(share.seconds, dramSeconds); }
  double shareOfDram() const { return dramSeconds / (before + prediction.kernelSeconds); }
  /// The limit that binds, launches left out.
  sim::Limit limit() const;
  /// Distinct bytes of the launch, in minima.
  double bytes() const;
  /// Bytes through the L2, in minima.
  double traffic() const;
  double banks() const;     // wavefronts of shared memory, by those without conflicts; 0: none
  double coalesced() const; // sectors, by those that the distinct bytes asked for need
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
  LeastWork least;
  Share share;
  bool isWhole = true;  // else some kernels of the step
  double scanAlone = 0; // seconds of the scan without what is fused with it, if it was counted

  /// Kernels and their launches in a graph.
  double seconds() const;
  uint64_t launches() const;
  double shareOfLimit() const { return share.seconds / seconds(); }

  /// "8 x 2048 tokens of 1.4b in bf16 on H200 (sm_90a)".
  std::string title() const;
  std::string table() const;
  std::string json() const;
};

StepReport reportOf(const PredictModel &model, const PredictProgram &program, const Step &step,
                    const sim::Chip &chip, const std::vector<Counted> &counted);

} // namespace mamba::bench
