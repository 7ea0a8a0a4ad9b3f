// What a sweep found, for people and for --resume.
#pragma once

#include "runtime/tune/Sweep.h"

#include <nlohmann/json.hpp>

#include <string>
#include <vector>

namespace mamba::tune {

/// A line of the report.
struct KernelReport {
  std::string key, record; // the line of the database; empty if the kernel failed
  std::string ownSchedule, bestSchedule;
  int64_t rows = 0;
  bool isMeasured = true; // else what is called so was predicted too, by the simulator
  double ownUs = 0, bestUs = 0, spread = 0;
  RankCorrelation rank; // of predicted and measured; no pairs: there is nothing to say
  std::string failure; // of the whole kernel; empty: none
  /// Of the candidates that were timed, in the order in which they were tried:
  /// schedule, predicted and least measured microseconds.
  std::vector<std::string> schedules;
  std::vector<double> predictedUs, measuredUs;
  /// The others: schedule and reason.
  std::vector<std::pair<std::string, std::string>> failures;
};

KernelReport reportOf(const KernelResult &result, const ScheduleLine &record);

/// One line of a journal, and back.
std::string writeReport(const KernelReport &report);
Result<KernelReport> readReport(const nlohmann::json &line);

/// A table, then the geometric mean of default by best, and how far predictions have
/// candidates in their order.
std::string reportTable(const std::vector<KernelReport> &reports);

/// What predictions were worth for the kernel; empty if that was not measured.
std::string rankText(const RankCorrelation &rank);

/// A picture for each kernel: measured by predicted, or what was predicted in the order of
/// trying, and the best so far.
std::string reportSvg(const std::vector<KernelReport> &reports, const std::string &title);

} // namespace mamba::tune
