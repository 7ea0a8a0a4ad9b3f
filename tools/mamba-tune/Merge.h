// mamba-tune merge: one database of several.
#pragma once

#include "runtime/support/Status.h"

#include <string>
#include <vector>

namespace CLI {
class App;
}

namespace mamba::tune {

struct MergeCommand {
  std::vector<std::string> inputs;
  std::string output;
  bool quiet = false;
};

/// Adds its options.
void addMerge(CLI::App &app, MergeCommand &command);

/// Joins the databases, by KeepBest.h; the text for stdout.
Result<std::string> merge(const MergeCommand &command);

} // namespace mamba::tune
