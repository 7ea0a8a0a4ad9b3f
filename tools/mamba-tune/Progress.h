// How far a sweep is, on standard error.
#pragma once

#include <chrono>
#include <cstddef>
#include <mutex>
#include <string>

namespace mamba::tune {

/// A bar with the time left on a terminal; else only whole lines. Any thread may
/// call.
class Progress {
public:
  explicit Progress(bool quiet);
  ~Progress() { end(); }

  void show(size_t done, size_t total, const std::string &what);
  /// A line that stays.
  void line(const std::string &text);
  /// Takes the bar away.
  void end();

private:
  void erase();

  std::mutex mutex_;
  bool quiet_, isTerminal_, isShown_ = false;
  std::chrono::steady_clock::time_point begin_ = std::chrono::steady_clock::now();
};

} // namespace mamba::tune
