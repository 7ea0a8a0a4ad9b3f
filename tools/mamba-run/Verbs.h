// The verbs of mamba-run, one file each. An `add` function declares the verb
// and its options; what it leaves in `run` does the work and answers the exit
// status, or why it failed.
#pragma once

#include "runtime/support/Status.h"

#include <functional>

namespace CLI {
class App;
}

namespace mamba::run {

using Work = std::function<Result<int>()>;

void addGenerate(CLI::App &app, Work &run);
void addChat(CLI::App &app, Work &run);
void addPerplexity(CLI::App &app, Work &run);
void addLogits(CLI::App &app, Work &run);
void addCall(CLI::App &app, Work &run);
void addBench(CLI::App &app, Work &run);

} // namespace mamba::run
