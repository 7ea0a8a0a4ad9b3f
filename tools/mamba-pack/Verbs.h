// The verbs of mamba-pack. Each adds itself to the command line and, if chosen,
// sets `work` to what is to be done; its value is the text for stdout.
#pragma once

#include "runtime/support/Status.h"

#include <functional>
#include <string>

namespace CLI {
class App;
}

namespace mamba::pack {

using Work = std::function<Result<std::string>()>;

void addBuild(CLI::App &app, Work &work);
void addMerge(CLI::App &app, Work &work);
void addStrip(CLI::App &app, Work &work);
void addInspect(CLI::App &app, Work &work);
void addVerify(CLI::App &app, Work &work);

} // namespace mamba::pack
