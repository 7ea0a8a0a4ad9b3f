// mamba-import: a checkpoint or an operator as a module over ssm ops.
#include "compiler/import/Import.h"
#include "compiler/import/RandomWeights.h"
#include "runtime/support/File.h"
#include "tools/lib/AppCommand.h"
#include "tools/lib/Checks.h"
#include "tools/lib/InputFiles.h"
#include "tools/lib/OutOfMemory.h"
#include "tools/lib/Signals.h"
#include "tools/lib/Version.h"

#include "llvm/Support/raw_ostream.h"
#include "mlir/IR/MLIRContext.h"
#include "mlir/IR/OperationSupport.h"

#include <CLI/CLI.hpp>

#include <csignal>
#include <cstdio>
#include <string>

using namespace mamba;

namespace {

constexpr int kFailed = 1, kUsage = 2;

struct Arguments {
  std::string input, level = "model", op, sizes, output = "-";
  uint64_t seed = 0;
  bool force = false;
};

int fail(int code, const std::string &message) {
  std::fprintf(stderr, "mamba-import: %s\n", message.c_str());
  return code;
}

int writeOutput(const std::string &path, const std::string &text) {
  Status status = path == "-" ? cli::writeStandardOutput(text)
                              : writeFileAtomically(path, text);
  return status.ok() ? 0 : fail(kFailed, status.message());
}

int importModule(const Arguments &arguments) {
  mlir::MLIRContext context(mlir::MLIRContext::Threading::DISABLED);
  std::string error;
  mlir::FailureOr<mlir::OwningOpRef<mlir::ModuleOp>> module;
  if (!arguments.op.empty()) {
    auto sizes = parseSizes(arguments.sizes, error);
    if (succeeded(sizes))
      module = importOperator(arguments.op, *sizes, context, error);
    if (failed(module))
      return fail(kUsage, error);
  } else {
    ImportOptions options;
    if (failed(parseImportLevel(arguments.level, options, error)))
      return fail(kUsage, error);
    options.warn = [](const std::string &warning) {
      std::fprintf(stderr, "mamba-import: warning: %s\n", warning.c_str());
    };
    module = importCheckpoint(arguments.input, options, context, error);
    if (failed(module))
      return fail(kFailed, error);
  }
  std::string text;
  llvm::raw_string_ostream stream(text);
  (*module)->print(stream, mlir::OpPrintingFlags().printNameLocAsPrefix());
  return writeOutput(arguments.output, text);
}

} // namespace

[[gnu::init_priority(101)]] static cli::LastWords
    lastWords("mamba-import: out of memory\n");

int main(int argc, char **argv) {
  std::signal(SIGXFSZ, SIG_IGN); // A write that fails says why.
  cli::endBySignals();
  Arguments arguments;
  CLI::App app("Imports a Mamba checkpoint, or one operator, as an MLIR module "
               "over ssm ops.");
  app.name("mamba-import");
  cli::addInformation(app, cli::versionText("mamba-import", MAMBA_LLVM_VERSION));
  app.footer("Exit status: 0 done, 1 the work failed, 2 usage.\n"
             "Examples:\n"
             "  mamba-import mamba-130m -o model.mlir\n"
             "  mamba-import mamba-130m --level=block:0\n"
             "  mamba-import --op=scan --sizes=E=19,N=5 -o scan.mlir\n"
             "  mamba-import config.json --random-weights=1 -o folder");
  auto *input = app.add_option(
      "input", arguments.input,
      "Folder of a checkpoint, or org/name of one in the Hugging Face cache; "
      "with --random-weights, a config.json");
  auto *level = app.add_option("--level", arguments.level,
                               "What to import: model, block:I or scan:I");
  auto *op =
      app.add_option("--op", arguments.op,
                     "A single operator and its sizes: " + describeOperators());
  auto *sizes = app.add_option("--sizes", arguments.sizes,
                               "Sizes of the operator, as in E=19,N=5");
  auto *seed = app.add_option("--random-weights", arguments.seed,
                              "Write a checkpoint folder with random weights "
                              "from this seed")
                   ->check(cli::wholeNumber(0, UINT64_MAX));
  auto *force = app.add_flag("--force", arguments.force,
                             "Replace a checkpoint that is there");
  auto *output = app.add_option("-o,--output", arguments.output,
                                "File, '-' for standard output; with "
                                "--random-weights, the folder")
                     ->type_name("FILE");
  input->excludes(op);
  op->needs(sizes)->excludes(level)->excludes(seed);
  sizes->needs(op);
  seed->needs(input)->needs(output)->excludes(level);
  force->needs(seed);
  try {
    app.parse(argc, argv);
    if (input->empty() && op->empty())
      throw CLI::RequiredError("a checkpoint's folder or --op");
    if (arguments.output != "-" && seed->empty())
      cli::checkOutput("--output", arguments.output, {.checkpoints = {arguments.input}});
  } catch (const CLI::Success &answer) {
    return cli::answer(app, answer, fail);
  } catch (const CLI::Error &error) {
    return fail(kUsage, std::string(error.what()) + "; --help shows the usage");
  }
  if (seed->empty())
    return importModule(arguments);
  Status status = writeRandomCheckpoint(
      arguments.input, arguments.output,
      {.seed = arguments.seed, .overwrite = arguments.force});
  return status.ok() ? 0 : fail(kFailed, status.message());
}
