#include "runtime/tune/PredictSweep.h"

#include "runtime/support/File.h"
#include "runtime/tune/Workers.h"

#include <algorithm>
#include <charconv>
#include <cmath>
#include <limits>
#include <map>

namespace mamba::tune {

/// Spaces up to this size are tried whole.
static constexpr size_t kSmallSpace = 20;
/// Candidates between two choices of the place to go on from; as many of them
/// without a better one end a search.
static constexpr size_t kStride = 4, kPatience = 12;
/// A schedule with less than this part of the default's warps is not taken: what its
/// few warps wait for is not all predicted.
static constexpr double kLeastOccupancy = 0.5;

/// What the files of predictions end with.
static constexpr const char *kFirstStep = ".first", *kOtherStep = ".other";

predict::StepKind stepOfFile(const std::string &file) {
  return file.ends_with(kOtherStep) ? predict::StepKind::Other : predict::StepKind::First;
}

namespace {

/// The parameters of a schedule that are not zero, by name.
using Parameters = std::map<std::string_view, int64_t>;

class KernelSearch {
public:
  KernelSearch(const SweepSettings &settings, const SearchRules &rules,
               const PredictionSource &source, const KernelTurn &turn);
  /// Nothing if it was stopped.
  Result<std::optional<KernelResult>> run();

private:
  size_t most() const {
    return rules.exhaustive ? std::numeric_limits<size_t>::max() : rules.most;
  }
  std::vector<size_t> nearest(size_t to, size_t count) const;
  Status predict(const std::vector<size_t> &candidates, predict::StepKind step);
  Status tryThese(const std::vector<size_t> &candidates);
  Status search();
  std::vector<size_t> contenders() const;
  Result<std::string> check(size_t candidate);
  Result<size_t> choose();
  KernelResult resultOf(size_t best) const;

  const SweepSettings &settings;
  const SearchRules &rules;
  const PredictionSource &source;
  const KernelTurn &turn;
  const std::vector<std::string> schedules;
  std::vector<Parameters> parameters; // of each, borrowed from it
  std::vector<size_t> tried; // in their order, the default first
  std::map<size_t, predict::Figures> figures, others; // at the two steps
  std::map<size_t, std::string> failures;
  bool hasReference = false;
};

Parameters parametersOf(std::string_view schedule) {
  Parameters found;
  while (!schedule.empty()) {
    std::string_view word = schedule.substr(0, schedule.find(' '));
    schedule.remove_prefix(std::min(word.size() + 1, schedule.size()));
    std::string_view name = word.substr(0, word.find('='));
    std::string_view number = word.substr(std::min(name.size() + 1, word.size()));
    int64_t value = 0;
    std::from_chars(number.data(), number.data() + number.size(), value);
    if (value > 0)
      found[name] = value;
  }
  return found;
}

/// How far two schedules are from each other: the doublings between their parameters.
double distance(const Parameters &a, const Parameters &b) {
  double sum = 0;
  for (const auto &[name, x] : a) {
    auto other = b.find(name);
    if (other == b.end())
      sum += 1;
    else if (other->second != x)
      sum += std::abs(std::log2(double(x) / double(other->second)));
  }
  for (const auto &[name, value] : b)
    sum += !a.contains(name);
  return sum;
}

} // namespace

KernelSearch::KernelSearch(const SweepSettings &settings, const SearchRules &rules,
                           const PredictionSource &source, const KernelTurn &turn)
    : settings(settings), rules(rules), source(source), turn(turn),
      schedules(source.schedules(turn.index)) {
  for (const std::string &schedule : schedules)
    parameters.push_back(parametersOf(schedule));
}

/// Of those that were not tried yet.
std::vector<size_t> KernelSearch::nearest(size_t to, size_t count) const {
  std::vector<std::pair<double, size_t>> order;
  for (size_t i = 0; i < schedules.size(); ++i)
    if (std::find(tried.begin(), tried.end(), i) == tried.end())
      order.push_back({distance(parameters[i], parameters[to]), i});
  std::sort(order.begin(), order.end());
  order.resize(std::min(order.size(), count));
  std::vector<size_t> found;
  for (auto [far, i] : order)
    found.push_back(i);
  return found;
}

/// Those that were not predicted at that step yet.
Status KernelSearch::predict(const std::vector<size_t> &candidates, predict::StepKind step) {
  std::map<size_t, predict::Figures> &known = step == predict::StepKind::First ? figures : others;
  std::string end = step == predict::StepKind::First ? kFirstStep : kOtherStep;
  auto pathOf = [&](size_t i) { return turn.folder + "/" + std::to_string(i) + end; };
  std::vector<std::string> problems(candidates.size());
  auto predictOne = [&](size_t at) -> Status {
    size_t i = candidates[at];
    if (known.count(i))
      return {};
    MAMBA_ASSIGN_OR_RETURN(
        problems[at],
        runWorkerProcess(source.prediction(turn.index, i, turn.folder, pathOf(i)), turn.stop));
    return {};
  };
  MAMBA_RETURN_IF_ERROR(
      forEachAtOnce(candidates.size(), settings.builders, turn.stop, predictOne));
  for (size_t at = 0; at < candidates.size(); ++at) {
    size_t i = candidates[at];
    if (turn.stop() || known.count(i))
      continue;
    Result<std::string> text =
        problems[at].empty() ? readFile(pathOf(i)) : internalError(problems[at]);
    Result<predict::Figures> found = text.ok() ? predict::Figures::parse(*text) : text.status();
    if (found.ok())
      known[i] = *found;
    else
      failures[i] = found.status().message();
  }
  return {};
}

Status KernelSearch::tryThese(const std::vector<size_t> &candidates) {
  MAMBA_RETURN_IF_ERROR(predict(candidates, predict::StepKind::First));
  for (size_t i : candidates) {
    tried.push_back(i);
    if (!figures.count(i) || !figures.count(0))
      continue;
    const predict::Figures &found = figures[i], &own = figures[0];
    // What variants leave to a schedule may differ.
    if (found.rows != own.rows)
      failures[i] = "it is for steps of " + std::to_string(found.rows) +
                    " rows, the default for " + std::to_string(own.rows);
    else if (found.spills > own.spills)
      failures[i] = "it spills: " + std::to_string(found.spills) +
                    " loads and stores of local memory, the default " +
                    std::to_string(own.spills);
  }
  turn.note("predicted " + std::to_string(tried.size()) + " of " +
            std::to_string(schedules.size()));
  return {};
}

/// From the default on, always the nearest of the best so far.
Status KernelSearch::search() {
  MAMBA_RETURN_IF_ERROR(tryThese({0}));
  // Nothing is faster than its memory.
  if (!figures.count(0) || (figures[0].limit == sim::nameOf(sim::Limit::Dram) && !rules.exhaustive))
    return {};
  bool isSmall = schedules.size() <= kSmallSpace || rules.exhaustive;
  size_t best = 0, idle = 0;
  while (!turn.stop() && tried.size() < most() && (isSmall || idle < kPatience)) {
    std::vector<size_t> next = nearest(best, std::min(kStride, most() - tried.size()));
    if (next.empty())
      break;
    MAMBA_RETURN_IF_ERROR(tryThese(next));
    idle += next.size();
    for (size_t i : next)
      if (!failures.count(i) && figures.count(i) && figures[i].us < figures[best].us) {
        best = i;
        idle = 0;
      }
  }
  return {};
}

/// Those that may take the default's place, the fastest first.
std::vector<size_t> KernelSearch::contenders() const {
  const predict::Figures &own = figures.at(0);
  std::vector<size_t> order;
  for (const auto &[i, found] : figures)
    if (!failures.count(i) && found.us * (1 + kPredictionMargin) < own.us &&
        found.occupancy >= kLeastOccupancy * own.occupancy)
      order.push_back(i);
  std::sort(order.begin(), order.end(), [&](size_t a, size_t b) {
    return std::pair(figures.at(a).us, a) < std::pair(figures.at(b).us, b);
  });
  return order;
}

/// What is wrong with its numbers; empty if nothing is.
Result<std::string> KernelSearch::check(size_t candidate) {
  PredictionSource::Arguments arguments = source.check(turn.index, candidate, turn.folder);
  if (arguments.empty())
    return std::string();
  turn.note("checking " + schedules[candidate]);
  if (!hasReference) {
    MAMBA_ASSIGN_OR_RETURN(
        std::string problem,
        runWorkerProcess(source.reference(turn.index, turn.folder), turn.stop));
    if (!problem.empty())
      return problem;
    hasReference = true;
  }
  return runWorkerProcess(arguments, turn.stop);
}

/// The first contender that is not slower at the other step, and right; else the default,
/// whose numbers are the self-test's of packs.
Result<size_t> KernelSearch::choose() {
  for (size_t i : contenders()) {
    MAMBA_RETURN_IF_ERROR(predict({0, i}, predict::StepKind::Other));
    if (turn.stop() || !others.count(0))
      break;
    if (!others.count(i) || others[i].us > others[0].us)
      continue;
    MAMBA_ASSIGN_OR_RETURN(std::string problem, check(i));
    if (problem.empty())
      return i;
    failures[i] = problem;
  }
  return size_t(0);
}

KernelResult KernelSearch::resultOf(size_t best) const {
  KernelResult result;
  result.key = source.key(turn.index);
  result.isMeasured = false;
  for (size_t i : tried) {
    if (i == best)
      result.best = result.candidates.size();
    CandidateResult candidate;
    candidate.schedule = schedules[i];
    if (auto failure = failures.find(i); failure != failures.end())
      candidate.failure = failure->second;
    else
      candidate.us = {figures.at(i).us};
    result.candidates.push_back(std::move(candidate));
  }
  if (!failures.count(0)) {
    result.rows = int64_t(figures.at(0).rows);
    auto exactly = [](double us) { return Estimate{us * 1e-6, us * 1e-6, us * 1e-6, 1}; };
    result.defaultTime = exactly(figures.at(0).us);
    result.bestTime = exactly(figures.at(best).us);
  }
  return result;
}

Result<std::optional<KernelResult>> KernelSearch::run() {
  MAMBA_RETURN_IF_ERROR(source.prepare(turn.index, turn.folder));
  MAMBA_RETURN_IF_ERROR(search());
  size_t best = 0;
  if (!turn.stop() && !failures.count(0)) {
    MAMBA_ASSIGN_OR_RETURN(best, choose());
  }
  if (turn.stop())
    return std::optional<KernelResult>();
  KernelResult result = resultOf(best);
  if (failures.count(0))
    result.failure = "the default: " + failures[0];
  return std::optional(std::move(result));
}

Result<bool> predictSweep(const SweepSettings &settings, const SearchRules &rules,
                          const PredictionSource &source,
                          const std::function<Status(const KernelResult &)> &done) {
  std::vector<std::string> keys;
  for (size_t i = 0; i < source.kernels(); ++i)
    keys.push_back(source.key(i));
  auto tuneOne = [&](const KernelTurn &turn) {
    return KernelSearch(settings, rules, source, turn).run();
  };
  return forEachKernel(settings, keys, tuneOne, done);
}

} // namespace mamba::tune
