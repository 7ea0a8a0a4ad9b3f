// What the predictions say about the limits and targets: a line each, a table for
// README.md, and the kernels that waste something.
#pragma once

#include "bench/PredictReport.h"

namespace mamba::bench {

/// A share or a factor beside what is accepted.
struct Finding {
  enum class State { Reached, Missed, Beyond }; // Beyond: the memory's own time forbids it
  std::string what; // "scan, 8 x 2048, of the special functions"
  std::string model, chip;
  bool isShare = true; // in percent; else a factor
  bool isAtMost = false;
  double value = 0, accept = 0;
  std::string bound; // the limit that binds
  /// Of shares of something else than DRAM: the most that is possible, and the part
  /// of the DRAM's own time.
  double possible = 1, ofDram = 0;

  State state() const;
};

std::vector<Finding> findingsOf(const std::vector<StepReport> &reports);

/// A line a finding, and one for each kernel that has faults.
std::string lines(const std::vector<Finding> &findings);
std::string faultLines(const std::vector<StepReport> &reports);

/// The findings as a table of Markdown: a line for each `what`, a column for each
/// chip, the models beside each other.
std::string markdown(const std::vector<Finding> &findings);
/// Which kernels waste what, on any chip, a point each.
std::string markdownFaults(const std::vector<StepReport> &reports);

} // namespace mamba::bench
