// mamba-run: text, likelihoods, logits and single entries from a kernel pack.
#include "mamba/runtime.h"
#include "tools/lib/AppCommand.h"
#include "tools/lib/OutOfMemory.h"
#include "tools/lib/Version.h"
#include "tools/mamba-run/Common.h"
#include "tools/mamba-run/Interrupt.h"
#include "tools/mamba-run/Verbs.h"

#include <CLI/CLI.hpp>

#include <csignal>
#include <exception>
#include <new>

using namespace mamba;
using namespace mamba::run;

static int runVerb(const Work &work) {
  try {
    Result<int> status = work();
    if (status.ok())
      return *status;
    report(status.status().message());
  } catch (const std::bad_alloc &) {
    report("out of memory");
  } catch (const std::exception &error) {
    report(error.what());
  }
  return kFailed;
}

/// What is wrong with the command line and where to look.
static std::string explain(const CLI::ParseError &error, const CLI::App &app,
                           int argc, const char *const *argv) {
  std::string verb;
  for (const CLI::App *parsed : app.get_subcommands())
    verb = " " + parsed->get_name();
  return cli::describeError(error, app, argc, argv) + " (see 'mamba-run" + verb + " --help')";
}

[[gnu::init_priority(101)]] static cli::LastWords
    lastWords("mamba-run: out of memory\n");

int main(int argc, char **argv) {
  // A closed pipe is an answer of write(), see writeOutput.
  std::signal(SIGPIPE, SIG_IGN);
  std::signal(SIGXFSZ, SIG_IGN); // So is a file that may not grow.
  catchInterrupt();

  CLI::App app{"Runs Mamba models from kernel packs."};
  app.name("mamba-run");
  cli::addInformation(app, cli::versionText("mamba-run"));
  app.require_subcommand(1);
  app.footer("Exit status: 0 done, 1 the work failed, 2 usage, 130 "
             "interrupted.\n"
             "--device=sim runs a pack's PTX on a simulated GPU. "
             "MAMBA_SIM_CHECKS=all|memory|off\n"
             "says what it looks for (memory: no races, off: only what costs "
             "nothing), and\n"
             "MAMBA_SIM_TARGET=cuda:sm_80 which of several targets it runs.\n"
             "'mamba-run VERB --help' shows a verb's options and an example.");
  Work work;
  addGenerate(app, work);
  addChat(app, work);
  addPerplexity(app, work);
  addLogits(app, work);
  addCall(app, work);
  addBench(app, work);

  try {
    app.parse(argc, argv);
  } catch (const CLI::Success &success) { // --help, --version
    auto fail = [](int status, const std::string &message) {
      report(message);
      return status;
    };
    return cli::answer(app, success, fail);
  } catch (const CLI::ParseError &error) {
    return reportUsage(explain(error, app, argc, argv));
  }
  return runVerb(work);
}
