// Host threads that help with launches, kept from one to the next.
#pragma once

#include <condition_variable>
#include <functional>
#include <list>
#include <mutex>
#include <thread>
#include <vector>

namespace mamba::sim {

class Helpers {
public:
  /// Those of this process; a child of a fork has its own.
  static Helpers &shared();
  ~Helpers();

  /// Calls `work` here, and up to `count` times on helpers beside it; returns when
  /// all calls have. Calls that have not begun by the end of the one here are left
  /// out, a helper that is done may make another, and helpers are fewer where no
  /// thread can be made. `work` must not throw.
  void run(unsigned count, const std::function<void()> &work);

private:
  struct Job {
    const std::function<void()> *work;
    unsigned wanted = 0, running = 0;
  };
  void help();

  std::mutex mutex_;
  std::condition_variable wanted_, done_;
  std::list<Job *> jobs_;
  std::vector<std::thread> threads_;
  bool isEnding_ = false;
};

} // namespace mamba::sim
