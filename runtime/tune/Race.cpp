#include "runtime/tune/Race.h"

#include <algorithm>

namespace mamba::tune {

/// Rounds after which two candidates can be told apart.
static constexpr size_t kTellingRounds = 8;

Race::Race(size_t candidates, RaceRules rules)
    : rules_(rules), timings_(candidates), in_(candidates, true) {}

std::vector<size_t> Race::field() const {
  std::vector<size_t> field;
  for (size_t i = 0; i < in_.size(); ++i)
    if (in_[i])
      field.push_back(i);
  return field;
}

size_t Race::best() const {
  std::vector<size_t> all = field();
  return *std::min_element(all.begin(), all.end(), [&](size_t a, size_t b) {
    return estimate(timings_[a]).median < estimate(timings_[b]).median;
  });
}

std::optional<size_t> Race::next() {
  while (!queue_.empty() && !in_[queue_.back()])
    queue_.pop_back();
  if (queue_.empty()) {
    if (round_ > 0)
      endRound();
    std::vector<size_t> all = field();
    if (over_ || all.empty() || round_ >= rules_.rounds)
      return std::nullopt;
    std::rotate(all.begin(), all.begin() + round_ % all.size(), all.end());
    queue_.assign(all.rbegin(), all.rend());
    ++round_;
  }
  return queue_.back();
}

void Race::add(double seconds) {
  timings_[queue_.back()].push_back(seconds);
  queue_.pop_back();
}

void Race::drop(size_t candidate) {
  in_[candidate] = false;
}

void Race::endRound() {
  std::vector<size_t> all = field();
  if (all.empty() || round_ < kTellingRounds)
    return;
  std::vector<Estimate> of(in_.size());
  for (size_t i : all)
    of[i] = estimate(timings_[i]);
  std::sort(all.begin(), all.end(),
            [&](size_t a, size_t b) { return of[a].median < of[b].median; });
  const Estimate best = of[all.front()];
  size_t stay = all.size();
  if (all.size() > rules_.finalists && round_ % 2 == 0) {
    stay = std::max(rules_.finalists, all.size() / 2);
    std::sort(all.begin(), all.end(),
              [&](size_t a, size_t b) { return least(timings_[a]) < least(timings_[b]); });
  }
  for (size_t i = 0; i < all.size(); ++i)
    if (all[i] != 0 && (i >= stay || of[all[i]].above(best)))
      in_[all[i]] = false;
  // The default alone may be in although it has lost.
  all = field();
  bool isDecided = all.size() == 2 && of[all[0]].low > 0 &&
                   (of[all[0]].above(of[all[1]]) || of[all[1]].above(of[all[0]]));
  over_ = isDecided || (all.size() < 2 && in_.size() > 1);
}

} // namespace mamba::tune
