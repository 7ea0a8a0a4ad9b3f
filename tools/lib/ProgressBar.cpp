#include "tools/lib/ProgressBar.h"

#include <algorithm>
#include <cstdio>
#include <unistd.h>
#include <utility>

namespace mamba::run {

ProgressBar::ProgressBar(std::string label, bool quiet)
    : label_(std::move(label)), enabled_(!quiet && isatty(STDERR_FILENO)) {}

void ProgressBar::update(uint64_t done, uint64_t total) {
  if (!enabled_ || total == 0)
    return;
  int percent =
      static_cast<int>(100.0 * static_cast<double>(std::min(done, total)) /
                       static_cast<double>(total));
  if (percent == shown_)
    return;
  shown_ = percent;
  constexpr int width = 30;
  std::string bar(static_cast<size_t>(percent * width / 100), '#');
  std::fprintf(stderr, "\r%s [%-*s] %3d%%", label_.c_str(), width, bar.c_str(),
               percent);
  std::fflush(stderr);
}

void ProgressBar::clear() {
  if (shown_ < 0)
    return;
  std::fputs("\r\033[K", stderr);
  std::fflush(stderr);
  shown_ = -1;
}

void ProgressBar::callback(void *user, uint64_t done, uint64_t total) {
  static_cast<ProgressBar *>(user)->update(done, total);
}

} // namespace mamba::run
