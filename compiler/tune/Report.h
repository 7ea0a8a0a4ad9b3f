// What a sweep found, for people and for --resume.
#pragma once

#include "compiler/tune/Sweep.h"

#include <nlohmann/json.hpp>

#include <string>
#include <vector>

namespace mamba {

/// A line of the report.
struct KernelReport {
  std::string key, record; // the line of the database; empty if the kernel failed
  std::string ownSchedule, bestSchedule;
  int64_t rows = 0;
  double ownUs = 0, bestUs = 0, spread = 0, rankCorrelation = 0;
  std::string failure; // of the whole kernel; empty: none
  /// Of the candidates that were timed, in the order in which they were tried:
  /// schedule, predicted and least measured microseconds.
  std::vector<std::string> schedules;
  std::vector<double> predictedUs, measuredUs;
  /// The others: schedule and reason.
  std::vector<std::pair<std::string, std::string>> failures;
};

KernelReport reportOf(const KernelResult &result, const ScheduleRecord &record);

/// One line of a journal, and back.
std::string writeReport(const KernelReport &report);
Result<KernelReport> readReport(const nlohmann::json &line);

/// A table, then the geometric mean of default by best.
std::string reportTable(const std::vector<KernelReport> &reports);

/// A picture for each kernel: measured by predicted, and the best so far.
std::string reportSvg(const std::vector<KernelReport> &reports, const std::string &title);

} // namespace mamba
