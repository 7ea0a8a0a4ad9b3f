#include "tools/mamba-tune/Progress.h"

#include "runtime/support/Format.h"

#include <cstdio>

#include <sys/ioctl.h>
#include <unistd.h>

namespace mamba::tune {

Progress::Progress(bool quiet) : quiet_(quiet), isTerminal_(::isatty(STDERR_FILENO)) {}

void Progress::erase() {
  if (isShown_)
    std::fputs("\r\033[K", stderr);
  isShown_ = false;
}

static size_t columns() {
  winsize size = {};
  return ::ioctl(STDERR_FILENO, TIOCGWINSZ, &size) == 0 && size.ws_col ? size.ws_col : 80;
}

void Progress::show(size_t done, size_t total, const std::string &what) {
  std::lock_guard lock(mutex_);
  if (quiet_ || !isTerminal_)
    return;
  std::string left = "?";
  if (done) {
    double spent =
        std::chrono::duration<double>(std::chrono::steady_clock::now() - begin_).count();
    int seconds = int(spent / double(done) * double(total - done));
    left = format("%d:%02d", seconds / 60, seconds % 60);
  }
  constexpr size_t width = 20;
  size_t full = total ? width * done / total : 0;
  std::string text = "[" + std::string(full, '#') + std::string(width - full, '.') + "] " +
                     format("%zu/%zu, %s left, ", done, total, left.c_str()) + what;
  erase();
  std::fputs(text.substr(0, columns() - 1).c_str(), stderr);
  std::fflush(stderr);
  isShown_ = true;
}

void Progress::line(const std::string &text) {
  std::lock_guard lock(mutex_);
  erase();
  if (!quiet_)
    std::fprintf(stderr, "mamba-tune: %s\n", text.c_str());
}

void Progress::end() {
  std::lock_guard lock(mutex_);
  erase();
  std::fflush(stderr);
}

} // namespace mamba::tune
