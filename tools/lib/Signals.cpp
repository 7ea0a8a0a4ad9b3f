#include "tools/lib/Signals.h"

#include "runtime/support/Unfinished.h"

#include <csignal>

#include <unistd.h>

namespace mamba::cli {

void endBySignal(int signal) {
  removeUnfinishedFiles();
  ::signal(signal, SIG_DFL);
  sigset_t own;
  sigemptyset(&own);
  sigaddset(&own, signal);
  sigprocmask(SIG_UNBLOCK, &own, nullptr); // It is blocked in its handler.
  ::raise(signal);
  ::_exit(128 + signal);
}

void endBySignals() {
  struct sigaction action = {}, before = {};
  action.sa_handler = endBySignal;
  for (int signal : {SIGINT, SIGTERM, SIGHUP})
    if (sigaction(signal, nullptr, &before) == 0 &&
        before.sa_handler != SIG_IGN)
      sigaction(signal, &action, nullptr);
}

} // namespace mamba::cli
