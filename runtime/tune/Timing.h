// Timing in a process of its own, which nothing that a candidate does can harm.
#pragma once

#include "runtime/support/Status.h"
#include "runtime/tune/Race.h"

#include <functional>
#include <iosfwd>
#include <string>
#include <vector>

namespace mamba::tune {

/// The first argument of such a process, which then takes the device, the number of
/// threads and what Candidate::open takes.
inline constexpr const char *kTimingVerb = "@time";

/// What such a process does: it answers the number of a candidate, a line, with
/// the seconds that a run of it takes.
Status serveTimings(const std::vector<std::string> &arguments, std::istream &in,
                    std::ostream &out);

struct TimingOptions {
  std::string device = "cpu";
  unsigned threads = 0; // 0: one for each processor
  double mostSeconds = 20; // that an answer may take
  /// Whether to give up; asked before each timing.
  std::function<bool()> stop = [] { return false; };
};

/// Runs the race over these candidates. Who crashes or hangs is dropped, with the reason
/// in `failures` (by candidate; empty: none), and the race goes on in another
/// process. Fails where that is not the candidates' fault.
Status runRace(Race &race, const std::vector<std::string> &names, const TimingOptions &options,
               std::vector<std::string> &failures);

} // namespace mamba::tune
