// A CLI11 application as a Command, and the options that every tool of ours has
// beside --help: --version, --completion and, for the build, --help-man.
#pragma once

#include "runtime/support/Status.h"
#include "tools/lib/Command.h"

#include <CLI/CLI.hpp>

#include <functional>
#include <sstream>
#include <string>

namespace mamba::cli {

/// Changes no value; its words are what completion offers.
CLI::Validator offers(const std::vector<std::string> &words);

/// One of some words, else "must be a, b or c, got 'x'"; completion offers them.
CLI::Validator oneOf(const std::vector<std::string> &words);

/// What is wrong with a command line of a tool with verbs; where no verb was found, by
/// the verbs that there are: "a verb is missing: it is a, b or c".
std::string describeError(const CLI::ParseError &error, const CLI::App &app, int argc,
                          const char *const *argv);

/// What `app` takes; its name is the tool's or the verb's.
Command describe(CLI::App &app);

/// Writes all of it; a reader that has gone is no failure of ours.
Status writeStandardOutput(const std::string &text);

/// Prints what --help and the like answer; the exit status, of which a failure is
/// reported by `fail`, as in fail(1, "cannot write to standard output: ...").
template <typename Fail> int answer(CLI::App &app, const CLI::Success &asked, Fail fail) {
  std::ostringstream text;
  int status = app.exit(asked, text, text);
  Status written = writeStandardOutput(text.str());
  return written.ok() ? status : fail(1, written.message());
}

/// Adds the options to a tool's application, which has a name. `version` is what
/// --version prints; `addMore` may add to the description what `app` does not hold.
void addInformation(CLI::App &app, const std::string &version,
                    std::function<void(Command &)> addMore = {});

} // namespace mamba::cli
