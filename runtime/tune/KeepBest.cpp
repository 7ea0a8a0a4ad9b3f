#include "runtime/tune/KeepBest.h"

#include <map>
#include <tuple>

namespace mamba::tune {

static auto workOf(const ScheduleLine &line) {
  return std::tuple(line.target, line.key, line.chip, line.figure.rows, line.figure.threads);
}

static bool comesBefore(const ScheduleLine &a, const ScheduleLine &b) {
  if (a.figure.isMeasured != b.figure.isMeasured)
    return a.figure.isMeasured;
  if (a.date != b.date)
    return a.date > b.date;
  if (a.figure.us != b.figure.us)
    return a.figure.us < b.figure.us;
  return a.text() < b.text();
}

std::vector<ScheduleLine> keepBest(const std::vector<ScheduleLine> &lines) {
  std::map<decltype(workOf(lines.front())), const ScheduleLine *> best;
  for (const ScheduleLine &line : lines) {
    auto [at, isNew] = best.try_emplace(workOf(line), &line);
    if (!isNew && comesBefore(line, *at->second))
      at->second = &line;
  }
  std::vector<ScheduleLine> kept;
  for (const auto &[work, line] : best)
    kept.push_back(*line);
  return kept;
}

} // namespace mamba::tune
