// Another program, run until it ends or its time is over.
#pragma once

#include "runtime/support/Status.h"

#include <functional>
#include <string>
#include <vector>

namespace mamba::bench {

struct Outcome {
  int status = 0;        // Of the exit; 128 and the signal's number if one ended it.
  bool timedOut = false; // It was ended,
  bool isStuck = false;  // or cannot be: left behind.
  std::string complaint; // The last line on stderr.
};

struct Command {
  std::vector<std::string> words;
  std::vector<std::string> environment; // "NAME=value", in place of what is there
  double seconds = 60;
};

/// Without input; `onLine` gets each line on stdout. What it has started ends with
/// it, and all of it if we end.
Result<Outcome> runProcess(const Command &command,
                           const std::function<void(const std::string &)> &onLine);

} // namespace mamba::bench
