// Which of several candidates is the fastest, with as few timings as are sound.
#pragma once

#include "runtime/tune/Statistics.h"

#include <cstddef>
#include <optional>
#include <vector>

namespace mamba::tune {

struct RaceRules {
  /// Rounds after which the race is over whatever the intervals say.
  size_t rounds = 25;
  /// Larger fields are halved after the eighth round and every second one after it, by
  /// their least timings, until so many are left: what disturbs a timing makes it
  /// longer.
  size_t finalists = 16;
};

/// A race in rounds: each candidate that is still in is timed once a round, the
/// first one another in every round. Candidate 0 is the default, it stays to the
/// end. From the eighth round on, when timings tell candidates apart, one is out as
/// soon as its interval lies above the best one's.
class Race {
public:
  Race(size_t candidates, RaceRules rules = {});

  /// Who is to be timed next; nothing when the race is over.
  std::optional<size_t> next();
  /// The timing of that candidate.
  void add(double seconds);
  /// The candidate crashed, or the like: it is out.
  void drop(size_t candidate);

  bool isIn(size_t candidate) const { return in_[candidate]; }
  const std::vector<double> &timings(size_t candidate) const { return timings_[candidate]; }
  /// The smallest median of those that are in.
  size_t best() const;

private:
  void endRound();
  std::vector<size_t> field() const;

  RaceRules rules_;
  std::vector<std::vector<double>> timings_;
  std::vector<bool> in_;
  size_t round_ = 0;
  std::vector<size_t> queue_; // of this round, the next one last
  bool over_ = false;
};

} // namespace mamba::tune
