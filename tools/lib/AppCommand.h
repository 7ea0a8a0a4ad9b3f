// A CLI11 application as a Command, and the options that every tool of ours has
// beside --help: --version, --completion and, for the build, --help-man.
#pragma once

#include "tools/lib/Command.h"

#include <CLI/CLI.hpp>

#include <functional>

namespace mamba::cli {

/// Changes no value; its words are what completion offers.
CLI::Validator offers(const std::vector<std::string> &words);

/// What `app` takes; its name is the tool's or the verb's.
Command describe(CLI::App &app);

/// Adds the options to a tool's application, which has a name. `version` is what
/// --version prints; `addMore` may add to the description what `app` does not hold.
void addInformation(CLI::App &app, const std::string &version,
                    std::function<void(Command &)> addMore = {});

} // namespace mamba::cli
