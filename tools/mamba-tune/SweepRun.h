// A sweep as the user sees it: what was found is kept, signals stop it, a report ends it.
#pragma once

#include "runtime/tune/Journal.h"
#include "tools/mamba-tune/Verbs.h"

#include <functional>
#include <set>
#include <string>

namespace mamba::tune {

/// "cpu-x86-64-v4.tune", the usual name of a database for a target of that name in it;
/// "cpu-x86-64-v4-2-of-8.tune" for a share of it.
std::string databaseFile(const std::string &target, const Shard &shard);

/// From here on Ctrl-C and the like only set what stopSignal() answers; 0: none yet.
void catchSignals();
int stopSignal();

/// Whether two paths lead to one file, be it there or not.
bool isSameFile(const std::string &a, const std::string &b);

class SweepRun {
public:
  /// `target` as records have it; a journal must be of the same `settings`.
  static Result<SweepRun> begin(const TuneCommand &command, const std::string &target,
                                const std::string &settings);

  /// The keys of the kernels that are to be tuned: there is a choice, it is asked for,
  /// in this share, and not done. Fails if none is asked for; `shown` is what shows
  /// the keys of `kernels`.
  Result<std::set<std::string>> choose(std::vector<ShardItem> kernels,
                                       const std::string &shown) const;

  using Done = std::function<Status(const KernelResult &)>;
  using Sweep = std::function<Result<bool>(const SweepSettings &, const Done &)>;
  /// Runs the sweep, which gives each result to be noted with its line, and answers
  /// the report. `title` is that of the picture.
  Result<std::string> run(const Sweep &sweep,
                          const std::function<ScheduleLine(const KernelResult &)> &line,
                          const std::string &title, int &signal);

private:
  SweepRun(const TuneCommand &command, Journal journal)
      : command_(command), journal_(std::move(journal)) {}

  TuneCommand command_;
  Journal journal_;
};

} // namespace mamba::tune
