#include "runtime/tune/Report.h"

#include "runtime/support/Format.h"
#include "runtime/support/Json.h"
#include "runtime/support/JsonWriter.h"

#include <algorithm>
#include <cmath>

namespace mamba::tune {

KernelReport reportOf(const KernelResult &result, const ScheduleLine &record) {
  KernelReport report;
  report.key = result.key;
  report.rows = result.rows;
  report.isMeasured = result.isMeasured;
  report.failure = result.failure;
  for (const CandidateResult &candidate : result.candidates) {
    if (!candidate.us.empty()) {
      report.schedules.push_back(candidate.text());
      report.predictedUs.push_back(candidate.predictedUs);
      report.measuredUs.push_back(least(candidate.us));
    } else if (!candidate.failure.empty()) {
      report.failures.emplace_back(candidate.text(), candidate.failure);
    }
  }
  if (!report.failure.empty())
    return report;
  report.record = record.text();
  report.ownSchedule = result.candidates.front().text();
  report.bestSchedule = result.candidates[result.best].text();
  report.ownUs = result.defaultTime.median * 1e6;
  report.bestUs = result.bestTime.median * 1e6;
  report.spread = result.bestTime.spread();
  report.rank = result.rank;
  return report;
}

std::string writeReport(const KernelReport &report) {
  JsonWriter to;
  to.begin('{');
  writeMembers(to, "key", report.key, "record", report.record, "rows", report.rows, "measured",
               report.isMeasured, "failure", report.failure, "default", report.ownSchedule, "best",
               report.bestSchedule, "default_us", report.ownUs, "best_us", report.bestUs, "spread",
               report.spread, "pairs", report.rank.pairs, "pairs_apart", report.rank.apart,
               "rank_correlation", report.rank.value, "schedules", report.schedules,
               "predicted_us", report.predictedUs, "measured_us", report.measuredUs);
  to.key("failures");
  to.begin('[');
  for (const auto &[schedule, reason] : report.failures) {
    to.next();
    writeObject(to, "schedule", schedule, "reason", reason);
  }
  to.end();
  to.end();
  return to.take();
}

/// JSON has no other numbers.
static Result<double> getFinite(const nlohmann::json &object, const char *key) {
  MAMBA_ASSIGN_OR_RETURN(double value, getDouble(object, key));
  if (!std::isfinite(value))
    return invalidData(std::string("'") + key + "' must be finite");
  return value;
}

static Result<std::vector<double>> getDoubles(const nlohmann::json &object, const char *key) {
  MAMBA_ASSIGN_OR_RETURN(const nlohmann::json *array, getArray(object, key));
  std::vector<double> values;
  for (const nlohmann::json &value : *array) {
    if (!value.is_number() || !std::isfinite(value.get<double>()))
      return invalidData(std::string("'") + key + "' must hold finite numbers");
    values.push_back(value.get<double>());
  }
  return values;
}

Result<KernelReport> readReport(const nlohmann::json &line) {
  KernelReport report;
  MAMBA_ASSIGN_OR_RETURN(report.key, getString(line, "key"));
  MAMBA_ASSIGN_OR_RETURN(report.record, getString(line, "record"));
  MAMBA_ASSIGN_OR_RETURN(report.rows, getInt(line, "rows", 0));
  MAMBA_ASSIGN_OR_RETURN(report.isMeasured, getBool(line, "measured"));
  MAMBA_ASSIGN_OR_RETURN(report.failure, getString(line, "failure"));
  MAMBA_ASSIGN_OR_RETURN(report.ownSchedule, getString(line, "default"));
  MAMBA_ASSIGN_OR_RETURN(report.bestSchedule, getString(line, "best"));
  MAMBA_ASSIGN_OR_RETURN(report.ownUs, getFinite(line, "default_us"));
  MAMBA_ASSIGN_OR_RETURN(report.bestUs, getFinite(line, "best_us"));
  MAMBA_ASSIGN_OR_RETURN(report.spread, getFinite(line, "spread"));
  MAMBA_ASSIGN_OR_RETURN(report.rank.pairs, getInt(line, "pairs", 0));
  MAMBA_ASSIGN_OR_RETURN(report.rank.apart, getInt(line, "pairs_apart", 0));
  MAMBA_ASSIGN_OR_RETURN(report.rank.value, getFinite(line, "rank_correlation"));
  MAMBA_ASSIGN_OR_RETURN(report.schedules, getStringArray(line, "schedules"));
  MAMBA_ASSIGN_OR_RETURN(report.predictedUs, getDoubles(line, "predicted_us"));
  MAMBA_ASSIGN_OR_RETURN(report.measuredUs, getDoubles(line, "measured_us"));
  MAMBA_ASSIGN_OR_RETURN(const nlohmann::json *failures, getArray(line, "failures"));
  if (report.predictedUs.size() != report.measuredUs.size() ||
      report.schedules.size() != report.measuredUs.size())
    return invalidData("'schedules', 'predicted_us' and 'measured_us' must be as many");
  for (const nlohmann::json &failure : *failures) {
    if (!failure.is_object())
      return invalidData("'failures' must hold objects");
    MAMBA_ASSIGN_OR_RETURN(std::string schedule, getString(failure, "schedule"));
    MAMBA_ASSIGN_OR_RETURN(std::string reason, getString(failure, "reason"));
    report.failures.emplace_back(std::move(schedule), std::move(reason));
  }
  return report;
}

std::string rankText(const RankCorrelation &rank) {
  if (rank.pairs == 0)
    return "";
  if (rank.apart == 0)
    return "no candidate is surely faster than another: nothing to predict";
  return format("rank correlation of predicted and measured %.2f, over the %zu of %zu pairs of "
                "candidates that differ by more than their spread",
                rank.value, rank.apart, rank.pairs);
}

std::string reportTable(const std::vector<KernelReport> &reports) {
  std::string text;
  double logs = 0;
  size_t count = 0;
  std::vector<double> ranks;
  for (const KernelReport &report : reports) {
    text += report.key + "\n";
    if (!report.failure.empty()) {
      text += "  not tuned: " + report.failure + "\n";
      continue;
    }
    text += format("  %lld rows, default %.1f us, best %.1f us",
                   static_cast<long long>(report.rows), report.ownUs, report.bestUs);
    if (report.isMeasured)
      text += format(" (+-%.1f%%)", report.spread);
    text += format(", %.3fx; %zu %s", report.ownUs / report.bestUs, report.measuredUs.size(),
                   report.isMeasured ? "timed" : "predicted");
    if (!report.failures.empty())
      text += format(", %zu failed", report.failures.size());
    if (std::string rank = rankText(report.rank); !rank.empty())
      text += "\n  " + rank;
    if (report.rank.apart)
      ranks.push_back(report.rank.value);
    text += "\n  " + report.ownSchedule;
    if (report.bestSchedule != report.ownSchedule)
      text += "\n  -> " + report.bestSchedule;
    text += "\n";
    for (const auto &[schedule, reason] : report.failures)
      text += "  " + schedule + ": " + reason + "\n";
    logs += std::log(report.ownUs / report.bestUs);
    ++count;
  }
  if (count)
    text += format("geometric mean of default by best over %zu kernels: %.3f\n", count,
                   std::exp(logs / double(count)));
  std::sort(ranks.begin(), ranks.end());
  if (!ranks.empty())
    text += format("rank correlation of predicted and measured over %zu kernels whose candidates "
                   "differ: median %.2f, least %.2f\n",
                   ranks.size(), ranks[ranks.size() / 2], ranks.front());
  return text;
}

} // namespace mamba::tune
