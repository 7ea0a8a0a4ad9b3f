#include "bench/PredictFindings.h"

#include <algorithm>
#include <map>
#include <set>

namespace mamba::bench {
namespace {

bool isDecode(const Step &step) { return step.length == 1; }

std::string textOf(const Step &step) {
  if (isDecode(step))
    return format("decode of %llu", static_cast<unsigned long long>(step.sequences));
  return format("%llu x %llu", static_cast<unsigned long long>(step.sequences),
                static_cast<unsigned long long>(step.length));
}

/// The kernel that takes most of the step, or its launches.
std::string boundOf(const StepReport &report) {
  double launches = double(report.launches()) * sim::kGraphLaunchSeconds;
  const KernelRow *longest = nullptr;
  auto seconds = [](const KernelRow &row) { return row.times * row.prediction.kernelSeconds; };
  for (const KernelRow &row : report.rows)
    if (!longest || seconds(row) > seconds(*longest))
      longest = &row;
  if (!longest || launches > seconds(*longest))
    return "launches";
  return longest->role + ", " + nameOf(longest->limit());
}

const StepReport *inPrecision(const std::vector<StepReport> &reports, const StepReport &like,
                              const std::string &weights) {
  for (const StepReport &report : reports)
    if (report.precisions.weights == weights && report.model == like.model &&
        report.chip == like.chip && report.step.sequences == like.step.sequences &&
        report.step.length == like.step.length && report.isWhole)
      return &report;
  return nullptr;
}

Finding startOf(const StepReport &report) {
  Finding finding;
  finding.model = report.model;
  finding.chip = report.chip->name;
  return finding;
}

void addKernels(const StepReport &report, std::vector<Finding> &findings) {
  for (const KernelRow &row : report.rows) {
    // Of kernels in one role the one that is launched most: the last layer's may differ.
    bool isOther = std::ranges::any_of(report.rows, [&](const KernelRow &other) {
      return other.role == row.role && other.times > row.times;
    });
    if (!row.share.accept || isOther)
      continue;
    Finding finding = startOf(report);
    finding.what = row.role + ", " + textOf(report.step) + ", of " + row.share.of;
    finding.value = row.shareOfLimit();
    finding.accept = *row.share.accept;
    finding.bound = nameOf(row.limit());
    finding.possible = row.possible();
    finding.ofDram = row.shareOfDram();
    findings.push_back(std::move(finding));
  }
}

void addFactors(const StepReport &report, const std::vector<StepReport> &reports,
                std::vector<Finding> &findings) {
  if (report.scanAlone > 0)
    for (const KernelRow &row : report.rows)
      if (row.role == "scan") {
        Finding finding = startOf(report);
        finding.what = "scan, " + textOf(report.step) + ", against the scan alone";
        finding.isShare = false;
        finding.isAtMost = true;
        finding.value = (row.before + row.prediction.kernelSeconds) / report.scanAlone;
        finding.accept = 1.15;
        finding.bound = nameOf(row.limit());
        findings.push_back(std::move(finding));
      }
  const StepReport *wide = inPrecision(reports, report, "bf16");
  bool isNarrow = report.precisions.weights.starts_with("int");
  if (!wide || !isNarrow || report.step.sequences != 1 || !report.isWhole ||
      (report.model != "1.4b" && report.model != "2.8b"))
    return;
  Finding finding = startOf(report);
  finding.what = textOf(report.step) + " in " + report.precisions.weights + ", against bf16";
  finding.isShare = false;
  finding.value = wide->seconds() / report.seconds();
  finding.accept = report.precisions.weights == "int8" ? 1.6 : 2.4;
  finding.bound = boundOf(report);
  findings.push_back(std::move(finding));
}

std::string cell(const Finding &f) {
  std::string value = format("%.*f", f.isShare ? 0 : 2, (f.isShare ? 100 : 1) * f.value);
  switch (f.state()) {
  case Finding::State::Reached: return value;
  case Finding::State::Missed: return "-" + value + " " + f.bound;
  case Finding::State::Beyond:
    return format("%s of %.0f, %.0f of DRAM", value.c_str(), 100 * f.possible, 100 * f.ofDram);
  }
  return value;
}

} // namespace

Finding::State Finding::state() const {
  // As it is printed.
  constexpr double unit = 0.005;
  if (isAtMost ? value < accept + unit : value >= accept - unit)
    return State::Reached;
  return isShare && possible < accept ? State::Beyond : State::Missed;
}

std::vector<Finding> findingsOf(const std::vector<StepReport> &reports) {
  std::vector<Finding> findings;
  for (const StepReport &report : reports) {
    if (report.isWhole && report.share.accept) {
      Finding finding = startOf(report);
      finding.what = (isDecode(report.step) ? "" : "prefill, ") + textOf(report.step) + ", of " +
                     report.share.of;
      finding.value = report.shareOfLimit();
      finding.accept = *report.share.accept;
      finding.bound = boundOf(report);
      findings.push_back(std::move(finding));
    }
    addFactors(report, reports, findings);
    addKernels(report, findings);
  }
  return findings;
}

std::string lines(const std::vector<Finding> &findings) {
  static constexpr const char *states[] = {"reached", "MISSED", "beyond"};
  std::string text;
  for (const Finding &f : findings) {
    const char *unit = f.isShare ? "%" : "x";
    double factor = f.isShare ? 100 : 1;
    int digits = f.isShare ? 0 : 2;
    text += format("%-7s %s, %s, %s: %.*f%s, accept %s%.*f%s (%s)", states[int(f.state())],
                   f.model.c_str(), f.chip.c_str(), f.what.c_str(), digits, factor * f.value, unit,
                   f.isAtMost ? "at most " : "", digits, factor * f.accept, unit,
                   f.bound.c_str());
    if (f.state() == Finding::State::Beyond)
      text += format("; the memory's own time allows %.0f%%, and it is at %.0f%% of that time",
                     100 * f.possible, 100 * f.ofDram);
    text += "\n";
  }
  return text;
}

std::string faultLines(const std::vector<StepReport> &reports) {
  std::string text;
  for (const StepReport &report : reports)
    for (const KernelRow &row : report.rows)
      if (std::string faults = row.faults(); !faults.empty())
        text += "fault   " + report.title() + ", " + row.role + " (" + row.name + "):" + faults +
                "\n";
  return text;
}

std::string markdown(const std::vector<Finding> &findings) {
  auto place = [](std::vector<std::string> &list, const std::string &name) {
    auto found = std::find(list.begin(), list.end(), name);
    if (found == list.end())
      found = list.insert(list.end(), name);
    return size_t(found - list.begin());
  };
  struct Line {
    std::set<size_t> models;
    std::map<std::pair<size_t, size_t>, const Finding *> cells; // by model and chip
  };
  std::vector<std::string> whats, models, chips;
  std::vector<Line> table;
  for (const Finding &f : findings) {
    size_t what = place(whats, f.what), model = place(models, f.model), chip = place(chips, f.chip);
    table.resize(whats.size());
    table[what].models.insert(model);
    table[what].cells[{model, chip}] = &f;
  }
  std::string text = "| what | accept | models |", rule = "|---|---|---|";
  for (const std::string &chip : chips) {
    text += " " + chip + " |";
    rule += "---|";
  }
  text += "\n" + rule + "\n";
  for (size_t what = 0; what < whats.size(); ++what) {
    const Line &line = table[what];
    // By model, and where chips have their own by chip.
    std::vector<std::string> ofModels, ofChips;
    std::string names;
    for (const auto &[at, f] : line.cells) {
      std::string accept = format("%s%.*f%s", f->isAtMost ? "at most " : "", f->isShare ? 0 : 2,
                                  (f->isShare ? 100 : 1) * f->accept, f->isShare ? "" : "x");
      if (line.cells.begin()->first.first == at.first)
        ofChips.push_back(accept);
      if (line.cells.begin()->first.second == at.second)
        ofModels.push_back(accept);
    }
    auto joined = [](const std::vector<std::string> &list, const char *between) {
      if (std::ranges::count(list, list.front()) == std::ptrdiff_t(list.size()))
        return list.front();
      std::string text;
      for (const std::string &one : list)
        text += (text.empty() ? "" : between) + one;
      return text;
    };
    std::string accepts = joined(ofChips, ", ");
    if (accepts == ofChips.front())
      accepts = joined(ofModels, " / ");
    for (size_t model : line.models)
      names += (names.empty() ? "" : " / ") + models[model];
    text += "| " + whats[what] + " | " + accepts + " | " + names + " |";
    for (size_t chip = 0; chip < chips.size(); ++chip) {
      std::string cells;
      for (size_t model : line.models) {
        auto found = line.cells.find({model, chip});
        cells += (cells.empty() ? "" : " / ") +
                 (found == line.cells.end() ? std::string("?") : cell(*found->second));
      }
      text += " " + cells + " |";
    }
    text += "\n";
  }
  return text;
}

std::string markdownFaults(const std::vector<StepReport> &reports) {
  std::map<std::string, std::vector<std::string>> where; // by kernel and faults
  std::vector<std::string> order;
  for (const StepReport &report : reports)
    for (const KernelRow &row : report.rows) {
      std::string faults = row.faults();
      if (faults.empty())
        continue;
      std::string key = row.role + ", " + textOf(report.step) + " in " +
                        report.precisions.weights + ":" + faults;
      if (!where.count(key))
        order.push_back(key);
      std::string place = report.model + " " + std::string(report.chip->name);
      where[key].push_back(place);
    }
  std::string text;
  for (const std::string &key : order) {
    text += "- " + key + " (";
    for (size_t i = 0; i < where[key].size(); ++i)
      text += (i ? ", " : "") + where[key][i];
    text += ")\n";
  }
  return text.empty() ? "- none\n" : text;
}

} // namespace mamba::bench
