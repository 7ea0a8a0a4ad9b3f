// How far a tool is.
#pragma once

#include <cstdint>
#include <string>

namespace mamba::run {

/// A bar on stderr, only if that is a terminal and `quiet` is false. It goes
/// when it is done or destroyed.
class ProgressBar {
public:
  ProgressBar(std::string label, bool quiet);
  ~ProgressBar() { clear(); }
  ProgressBar(const ProgressBar &) = delete;
  ProgressBar &operator=(const ProgressBar &) = delete;
  void update(uint64_t done, uint64_t total);
  void clear();
  /// A mamba_progress_fn whose user is a ProgressBar.
  static void callback(void *user, uint64_t done, uint64_t total);

private:
  std::string label_;
  bool enabled_;
  int shown_ = -1; // percent
};

} // namespace mamba::run
