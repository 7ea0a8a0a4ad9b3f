// Work on several threads, in stages.
#pragma once

#include "runtime/support/Status.h"

#include <cstddef>
#include <functional>
#include <shared_mutex>
#include <vector>

namespace mamba {

struct JobOptions {
  unsigned threads = 1;
  /// Whether the user wants to stop; asked for some times a second.
  std::function<bool()> stop = [] { return false; };
  /// Ends the process: called when `stop` is true and no temporary file is there.
  std::function<void()> quit = [] {};
  /// Takes how much is done, from one thread at a time.
  std::function<void(size_t done, size_t total)> progress = [](size_t, size_t) {};
};

class Jobs {
public:
  explicit Jobs(JobOptions options) : options_(std::move(options)) {}
  using Job = std::function<Status()>;

  /// Runs the jobs, begun in their order, and answers the failure of the first
  /// that has one, whatever the number of threads; the ones after it may be left
  /// out. `progress` goes from `from` to `to` of 100.
  Status run(std::vector<Job> jobs, size_t from, size_t to);

  /// To be held while a temporary file exists.
  std::shared_lock<std::shared_mutex> keepFiles() {
    return std::shared_lock(files_);
  }
  /// Quits if the user wants to stop.
  void quitIfAsked();
  /// Writes what is the end of the work; quits after it if the user wants to stop.
  Status finish(const std::function<Status()> &write);
  const std::function<bool()> &stop() const { return options_.stop; }

private:
  JobOptions options_;
  std::shared_mutex files_;
};

} // namespace mamba
