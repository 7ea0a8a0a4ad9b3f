#include "compiler/tune/PredictSweep.h"

#include "compiler/tune/PredictGpu.h"
#include "compiler/tune/SweepFiles.h"
#include "runtime/support/File.h"
#include "runtime/support/Quote.h"
#include "runtime/tune/Workers.h"

#include "llvm/ADT/STLExtras.h"

#include <algorithm>
#include <cmath>
#include <limits>
#include <map>
#include <numeric>

namespace mamba {

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

/// How far two schedules are from each other: the doublings between their parameters.
static double distance(const Schedule &a, const Schedule &b) {
  double sum = 0;
  for (const ScheduleParameter &parameter : scheduleParameters()) {
    int64_t x = a.*parameter.value, y = b.*parameter.value;
    if (x != y)
      sum += x > 0 && y > 0 ? std::abs(std::log2(double(x) / double(y))) : 1;
  }
  return sum;
}

namespace {

class KernelSearch {
public:
  KernelSearch(const SweepOptions &options, const TunedKernel &kernel, const sim::Chip &chip,
               const tune::KernelTurn &turn)
      : options(options), kernel(kernel), chip(chip), turn(turn) {}
  /// Nothing if it was stopped.
  Result<std::optional<tune::KernelResult>> run();

private:
  size_t most() const {
    return options.exhaustive ? std::numeric_limits<size_t>::max() : options.most;
  }
  std::vector<size_t> nearest(size_t to, size_t count) const;
  void predict(const std::vector<size_t> &candidates, GpuStep step);
  void tryThese(const std::vector<size_t> &candidates);
  void search();
  std::vector<size_t> contenders() const;
  std::string check(size_t candidate);
  size_t choose();
  tune::KernelResult resultOf(size_t best) const;

  const SweepOptions &options;
  const TunedKernel &kernel;
  const sim::Chip &chip;
  const tune::KernelTurn &turn;
  std::vector<size_t> tried; // in their order, the default first
  std::map<size_t, GpuFigures> figures, others; // at the two steps
  std::map<size_t, std::string> failures;
  bool hasReference = false;
};

} // namespace

/// Of those that were not tried yet.
std::vector<size_t> KernelSearch::nearest(size_t to, size_t count) const {
  std::vector<std::pair<double, size_t>> order;
  for (size_t i = 0; i < kernel.candidates.size(); ++i)
    if (!llvm::is_contained(tried, i))
      order.push_back({distance(kernel.candidates[i], kernel.candidates[to]), i});
  llvm::sort(order);
  order.resize(std::min(order.size(), count));
  std::vector<size_t> found;
  for (auto [far, i] : order)
    found.push_back(i);
  return found;
}

/// Those that were not predicted at that step yet.
void KernelSearch::predict(const std::vector<size_t> &candidates, GpuStep step) {
  std::map<size_t, GpuFigures> &known = step == GpuStep::First ? figures : others;
  std::string end = step == GpuStep::First ? kFirstStep : kOtherStep;
  auto pathOf = [&](size_t i) { return turn.folder + "/" + std::to_string(i) + end; };
  std::vector<std::string> problems(candidates.size());
  tune::forEachAtOnce(candidates.size(), options.builders, turn.stop, [&](size_t at) {
    size_t i = candidates[at];
    if (!known.count(i))
      problems[at] = tune::runWorkerProcess({kPredictVerb, turn.folder + "/job",
                                             kernel.candidates[i].text(), std::string(chip.name),
                                             pathOf(i)},
                                            turn.stop);
  });
  for (auto [at, i] : llvm::enumerate(candidates)) {
    if (turn.stop() || known.count(i))
      continue;
    Result<std::string> text =
        problems[at].empty() ? readFile(pathOf(i)) : internalError(problems[at]);
    Result<GpuFigures> found = text.ok() ? GpuFigures::parse(*text) : text.status();
    if (found.ok())
      known[i] = *found;
    else
      failures[i] = found.status().message();
  }
}

void KernelSearch::tryThese(const std::vector<size_t> &candidates) {
  predict(candidates, GpuStep::First);
  for (size_t i : candidates) {
    tried.push_back(i);
    if (!figures.count(i) || !figures.count(0))
      continue;
    const GpuFigures &found = figures[i], &own = figures[0];
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
            std::to_string(kernel.candidates.size()));
}

/// From the default on, always the nearest of the best so far.
void KernelSearch::search() {
  tryThese({0});
  // Nothing is faster than its memory.
  if (!figures.count(0) || (figures[0].limit == nameOf(sim::Limit::Dram) && !options.exhaustive))
    return;
  bool isSmall = kernel.candidates.size() <= kSmallSpace || options.exhaustive;
  size_t best = 0, idle = 0;
  while (!turn.stop() && tried.size() < most() && (isSmall || idle < kPatience)) {
    std::vector<size_t> next = nearest(best, std::min(kStride, most() - tried.size()));
    if (next.empty())
      break;
    tryThese(next);
    idle += next.size();
    for (size_t i : next)
      if (!failures.count(i) && figures.count(i) && figures[i].us < figures[best].us) {
        best = i;
        idle = 0;
      }
  }
}

/// Those that may take the default's place, the fastest first.
std::vector<size_t> KernelSearch::contenders() const {
  const GpuFigures &own = figures.at(0);
  std::vector<size_t> order;
  for (const auto &[i, found] : figures)
    if (!failures.count(i) && found.us * (1 + kPredictionMargin) < own.us &&
        found.occupancy >= kLeastOccupancy * own.occupancy)
      order.push_back(i);
  llvm::sort(order, [&](size_t a, size_t b) {
    return std::pair(figures.at(a).us, a) < std::pair(figures.at(b).us, b);
  });
  return order;
}

/// What is wrong with its numbers; empty if nothing is.
std::string KernelSearch::check(size_t candidate) {
  turn.note("checking " + kernel.candidates[candidate].text());
  if (!hasReference) {
    std::string problem =
        tune::runWorkerProcess({kGoldenVerb, turn.folder + "/check"}, turn.stop);
    if (!problem.empty())
      return problem;
    hasReference = true;
  }
  return tune::runWorkerProcess({kVerifyVerb, turn.folder + "/check",
                                 kernel.candidates[candidate].text(), turn.folder},
                                turn.stop);
}

/// The first contender that is not slower at the other step, and right; else the default,
/// whose numbers are the self-test's of packs.
size_t KernelSearch::choose() {
  for (size_t i : contenders()) {
    predict({0, i}, GpuStep::Other);
    if (turn.stop() || !others.count(0))
      break;
    if (!others.count(i) || others[i].us > others[0].us)
      continue;
    std::string problem = check(i);
    if (problem.empty())
      return i;
    failures[i] = problem;
  }
  return 0;
}

tune::KernelResult KernelSearch::resultOf(size_t best) const {
  tune::KernelResult result;
  result.key = kernel.key.text();
  result.isMeasured = false;
  for (size_t i : tried) {
    if (i == best)
      result.best = result.candidates.size();
    tune::CandidateResult candidate;
    candidate.schedule = kernel.candidates[i].text();
    if (auto failure = failures.find(i); failure != failures.end())
      candidate.failure = failure->second;
    else
      candidate.us = {figures.at(i).us};
    result.candidates.push_back(std::move(candidate));
  }
  if (!failures.count(0)) {
    result.rows = int64_t(figures.at(0).rows);
    auto exactly = [](double us) { return tune::Estimate{us * 1e-6, us * 1e-6, us * 1e-6, 1}; };
    result.defaultTime = exactly(figures.at(0).us);
    result.bestTime = exactly(figures.at(best).us);
  }
  return result;
}

Result<std::optional<tune::KernelResult>> KernelSearch::run() {
  CandidateKernel job = {kernel.module, options.input.target, kernel.lengths,
                         turn.folder + "/golden"};
  MAMBA_RETURN_IF_ERROR(writeJob(turn.folder + "/job", job));
  job.lengths.clear();
  MAMBA_RETURN_IF_ERROR(writeJob(turn.folder + "/check", job));
  search();
  size_t best = turn.stop() || failures.count(0) ? 0 : choose();
  if (turn.stop())
    return std::optional<tune::KernelResult>();
  tune::KernelResult result = resultOf(best);
  if (failures.count(0))
    result.failure = "the default: " + failures[0];
  return std::optional(std::move(result));
}

bool isPredictable(const TunedKernel &kernel) {
  return !llvm::StringRef(kernel.key.kind).starts_with("sample ");
}

Result<bool> sweepByPrediction(const SweepOptions &options,
                               const std::vector<TunedKernel> &kernels, const sim::Chip &chip,
                               const std::function<Status(const tune::KernelResult &)> &done) {
  std::vector<std::string> keys;
  for (const TunedKernel &kernel : kernels)
    keys.push_back(kernel.key.text());
  auto tuneOne = [&](const tune::KernelTurn &turn) {
    return KernelSearch(options, kernels[turn.index], chip, turn).run();
  };
  return tune::forEachKernel(options, keys, tuneOne, done);
}

Status runPredictWorker(const std::string &verb, const std::vector<std::string> &arguments) {
  bool isPrediction = verb == kPredictVerb;
  if (arguments.size() != (isPrediction ? 4u : 3u))
    return invalidArgument(inQuotes(verb) + " is for processes that mamba-tune starts itself");
  MAMBA_ASSIGN_OR_RETURN(CandidateKernel kernel, readJob(arguments[0]));
  std::string reason;
  std::optional<Schedule> schedule = Schedule::parse(arguments[1], reason);
  if (!schedule)
    return invalidArgument(reason);
  if (!isPrediction)
    return checkCandidate(kernel, *schedule, arguments[2]);
  MAMBA_ASSIGN_OR_RETURN(const sim::Chip *chip, sim::chipNamed(arguments[2]));
  GpuStep step = llvm::StringRef(arguments[3]).ends_with(kOtherStep) ? GpuStep::Other
                                                                      : GpuStep::First;
  MAMBA_ASSIGN_OR_RETURN(GpuFigures figures, predictCandidate(kernel, *schedule, *chip, step));
  return writeFileAtomically(arguments[3], figures.json());
}

Result<const sim::Chip *> chipOf(const Target &target, const std::string &name) {
  MAMBA_ASSIGN_OR_RETURN(const sim::Chip *chip, sim::chipNamed(name.empty() ? target.arch : name));
  if (chip->arch != target.arch && chip->arch != target.arch + "a")
    return invalidArgument("chip " + inQuotes(std::string(chip->name)) + " is " +
                           std::string(chip->arch) + ", the target " + inQuotes(target.name) +
                           ": name a chip of the target");
  return chip;
}

} // namespace mamba
