// mamba-pack: builds, shows, checks and combines kernel packs.
#include "tools/lib/AppCommand.h"
#include "tools/lib/OutOfMemory.h"
#include "tools/lib/Signals.h"
#include "tools/lib/Version.h"
#include "tools/mamba-pack/Verbs.h"

#include <CLI/CLI.hpp>

#include <csignal>
#include <cstdio>
#include <exception>
#include <new>
#include <string>

using namespace mamba;

static constexpr int kFailed = 1, kUsage = 2;

static int fail(int code, const std::string &message) {
  std::fprintf(stderr, "mamba-pack: %s\n", message.c_str());
  return code;
}

static int print(const std::string &text) {
  Status written = cli::writeStandardOutput(text);
  return written.ok() ? 0 : fail(kFailed, written.message());
}

/// What is wrong with the command line and where to look.
static std::string explain(const CLI::ParseError &error, const CLI::App &app, int argc,
                           const char *const *argv) {
  std::string verb;
  for (const CLI::App *parsed : app.get_subcommands())
    verb = " " + parsed->get_name();
  return cli::describeError(error, app, argc, argv) + " (see 'mamba-pack" + verb + " --help')";
}

[[gnu::init_priority(101)]] static cli::LastWords
    lastWords("mamba-pack: out of memory\n");

int main(int argc, char **argv) {
  // A closed pipe is an answer of write().
  std::signal(SIGPIPE, SIG_IGN);
  std::signal(SIGXFSZ, SIG_IGN); // So is a file that may not grow.
  cli::endBySignals();

  CLI::App app("Builds, shows, checks and combines kernel packs.");
  app.name("mamba-pack");
  cli::addInformation(app, cli::versionText("mamba-pack", MAMBA_LLVM_VERSION));
  app.require_subcommand(1);
  app.footer("Exit status: 0 done, 1 the work failed, 2 usage.\n"
             "'mamba-pack VERB --help' shows a verb's options.");
  pack::Work work;
  pack::addBuild(app, work);
  pack::addInspect(app, work);
  pack::addVerify(app, work);
  pack::addMerge(app, work);
  pack::addStrip(app, work);
  try {
    app.parse(argc, argv);
  } catch (const CLI::Success &answer) {
    return cli::answer(app, answer, fail);
  } catch (const CLI::ParseError &error) {
    return fail(kUsage, explain(error, app, argc, argv));
  }
  try {
    Result<std::string> text = work();
    return text.ok() ? print(*text) : fail(kFailed, text.status().message());
  } catch (const std::bad_alloc &) {
    return fail(kFailed, "out of memory");
  } catch (const std::exception &error) {
    return fail(kFailed, error.what());
  }
}
