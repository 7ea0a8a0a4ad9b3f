// mamba-gpu-check: judges a GPU with what gpu-check.sh --prepare made.
#include "bench/gpu/Check.h"
#include "runtime/support/File.h"
#include "runtime/support/Quote.h"
#include "runtime/support/Version.h"

#include <CLI/CLI.hpp>

#include <cstdio>
#include <cstdlib>

using namespace mamba;
using namespace mamba::bench;

namespace {

struct Arguments {
  std::string folder, step, table;
  size_t index = 0;
  CheckOptions check;
};

/// The table of a record that is there.
Status printTable(const CheckFolder &folder, const std::string &path) {
  MAMBA_ASSIGN_OR_RETURN(std::string text, readFile(path));
  Row record = Row::parse(text, nullptr, false);
  try {
    if (record.is_object() && record.contains("steps")) {
      std::printf("%s", reportOf(record, folder).c_str());
      return {};
    }
  } catch (const nlohmann::json::exception &) { // A key is missing, or of another type.
  }
  return invalidData(inQuotes(path) + " is no record of mamba-gpu-check or is damaged, name a "
                                      ".json that it wrote");
}

int fail(const Status &status) {
  std::fprintf(stderr, "mamba-gpu-check: %s\n", status.message().c_str());
  return status.code() == StatusCode::Unavailable ? kAbsentStatus : 1;
}

int run(const Arguments &arguments) {
  Result<CheckFolder> folder = CheckFolder::open(arguments.folder);
  if (!folder.ok()) {
    fail(folder.status());
    return 2;
  }
  if (!arguments.table.empty()) {
    Status printed = printTable(*folder, arguments.table);
    return printed.ok() ? 0 : fail(printed);
  }
  if (!arguments.step.empty()) {
    Status done = runStep(*folder, arguments.step, arguments.index, arguments.check.ordinal);
    return done.ok() ? 0 : fail(done);
  }
  Result<Verdict> verdict = runCheck(*folder, arguments.check);
  if (verdict.ok())
    return *verdict == Verdict::Right ? 0 : 1;
  fail(verdict.status());
  return 1;
}

} // namespace

int main(int argc, char **argv) {
  CLI::App app("Verifies kernels and models on an NVIDIA GPU and measures them beside its limits.\n"
               "Results are on the disk after each step. Exit status 0 if all that was asked for is\n"
               "verified and right, 1 if something is wrong or was not verified, 2 for the usage.");
  Arguments arguments;
  app.set_version_flag("--version", MAMBA_VERSION);
  app.add_option("folder", arguments.folder, "What 'gpu-check.sh --prepare' made")->required();
  app.add_option("--minutes", arguments.check.minutes, "At most; what is left over is told")
      ->check([](const std::string &text) {
        char *end = nullptr;
        double minutes = std::strtod(text.c_str(), &end);
        bool isOne = end != text.c_str() && !*end && minutes >= 0.01 && minutes <= 1440;
        return isOne ? "" : "must be a number from 0.01 to 1440, got '" + text + "'";
      })
      ->capture_default_str();
  app.add_option("--gpu", arguments.check.ordinal, "Number of the GPU, from 0")
      ->capture_default_str();
  app.add_option("-o,--output", arguments.check.output,
                 "Results, without .json and .txt (results/GPU-DATE in the folder)");
  app.add_option("--only", arguments.check.only,
                 "Kinds of steps: limits, case, kernels, model, launches, blas, peers")
      ->delimiter(',')
      ->check(CLI::IsMember({"limits", "case", "kernels", "model", "launches", "blas", "peers"}));
  app.add_option("--table", arguments.table, "Print the table of a record.json and do no more");
  app.add_flag("--quiet", arguments.check.isQuiet, "No progress on standard error");
  app.add_option("--step", arguments.step, "Do this step alone, say its rows")->group("");
  app.add_option("--index", arguments.index, "Of the step's kind")->group("");
  try {
    app.parse(argc, argv);
  } catch (const CLI::Success &answer) {
    return app.exit(answer);
  } catch (const CLI::Error &error) {
    std::fprintf(stderr, "mamba-gpu-check: %s; --help shows the usage\n", error.what());
    return 2;
  }
  try {
    return run(arguments);
  } catch (const nlohmann::json::exception &) {
    return fail(invalidData(inQuotes(arguments.folder + "/check.json") +
                            " is damaged, prepare the folder anew"));
  }
}
