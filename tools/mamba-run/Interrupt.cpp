#include "tools/mamba-run/Interrupt.h"

#include "runtime/support/Unfinished.h"

#include <atomic>
#include <cerrno>
#include <csignal>
#include <fcntl.h>
#include <unistd.h>

namespace mamba::run {

namespace {

enum { kNobody = -1 };

// Lock-free, so a handler may use them.
std::atomic<int> held{kNobody}; // The kind of the outermost hold.
std::atomic<int> caught{0};
int wake[2] = {-1, -1};  // A pipe: its end to read, its end to write.
bool onTerminal = false; // stderr

void onSignal(int signal) {
  int error = errno;
  int before = caught.exchange(signal);
  int kind = held;
  if (kind == kNobody || (kind == HoldInterrupt::First && before != 0)) {
    if (onTerminal) // There may be half a bar.
      (void)!write(STDERR_FILENO, "\n", 1);
    removeUnfinishedFiles();
    _exit(128 + signal);
  }
  if (before == 0)
    (void)!write(wake[1], "", 1);
  errno = error;
}

/// The pipe's ends, where no standard stream is: one that is closed stays so.
void openWake() {
  int ends[2];
  if (pipe2(ends, O_CLOEXEC | O_NONBLOCK) != 0)
    return; // poll() and write() leave -1 alone.
  for (int i : {0, 1})
    wake[i] = fcntl(ends[i], F_DUPFD_CLOEXEC, STDERR_FILENO + 1);
  close(ends[0]);
  close(ends[1]);
}

} // namespace

void catchInterrupt() {
  openWake();
  onTerminal = isatty(STDERR_FILENO);
  struct sigaction action = {}, before = {};
  action.sa_handler = onSignal;
  action.sa_flags = SA_RESTART;
  for (int signal : {SIGINT, SIGTERM, SIGHUP})
    if (sigaction(signal, nullptr, &before) == 0 &&
        before.sa_handler != SIG_IGN)
      sigaction(signal, &action, nullptr);
}

HoldInterrupt::HoldInterrupt(Kind kind) : before_(held) {
  if (before_ == kNobody)
    held = kind;
}

HoldInterrupt::~HoldInterrupt() {
  if (before_ != kNobody)
    return;
  held = kNobody;
  if (int signal = caught)
    _exit(128 + signal);
}

int interruptSignal() { return caught; }

void takeInterrupt() {
  char byte;
  while (read(wake[0], &byte, 1) == 1)
    ;
  caught = 0;
}

int interruptDescriptor() { return wake[0]; }

} // namespace mamba::run
