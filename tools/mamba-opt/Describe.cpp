#include "tools/mamba-opt/Describe.h"
#include "tools/lib/Command.h"
#include "tools/lib/Version.h"

#include "mamba/runtime.h"
#include "runtime/support/Quote.h"

#include "mlir/Pass/PassRegistry.h"
#include "llvm/ADT/StringExtras.h"
#include "llvm/Support/ManagedStatic.h"

#include <algorithm>
#include <cstdlib>

using namespace llvm;
using namespace mamba;

namespace {

struct Description {
  cl::OptionCategory *category;
  std::vector<std::string> phases;
};

cli::Parameter describe(StringRef name, const cl::Option &option,
                        const std::vector<std::string> &phases) {
  cli::Parameter parameter;
  parameter.names = {("--" + name).str()};
  parameter.help = option.HelpStr.str();
  if (option.getValueExpectedFlag() == cl::ValueDisallowed ||
      option.getValueExpectedFlag() == cl::ValueOptional)
    return parameter;
  parameter.value = option.hasArgStr() && !option.ValueStr.empty() ? option.ValueStr.str() : "NAME";
  if (name == "mamba-pipeline")
    parameter.words = phases;
  if (parameter.value == "FILE")
    parameter.paths = cli::Paths::Any;
  return parameter;
}

/// A pass's name and what it does.
cli::Parameter describe(StringRef name, const mlir::PassInfo &pass) {
  cli::Parameter parameter;
  parameter.names = {("--" + name).str()};
  parameter.help = pass.getPassDescription().str();
  return parameter;
}

cli::Command describe(const Description &description) {
  cli::Command tool;
  tool.name = "mamba-opt";
  tool.about = "Reads and prints the IR between any two phases of the compiler";
  tool.notes = "Built on mlir-opt, whose options it takes too: 'mamba-opt --help' lists them. Without "
               "--mamba-pipeline passes run in the order in which they are named, and --pass-pipeline "
               "takes one with options.";
  tool.exitStatus = "0 done, 1 the work or the command line failed";
  tool.examples = {"mamba-opt model.mlir --mamba-pipeline=fused --target=cpu:native",
                   "mamba-opt scan.mlir --mamba-pipeline=ptx --target=cuda:sm_80",
                   "mamba-opt model.mlir --ssm-form-kernels --ssm-fuse-scan"};
  cli::Parameter input;
  input.value = "FILE.mlir";
  input.help = "The module; without it or with - standard input";
  input.paths = cli::Paths::Any;
  cli::Parameter output;
  output.names = {"-o"};
  output.value = "FILE";
  output.help = "Where the result goes; without it standard output";
  output.paths = cli::Paths::Any;
  tool.parameters = {input, output};
  std::vector<cli::Parameter> passes;
  for (const auto &[name, option] : cl::getRegisteredOptions()) {
    if (is_contained(option->Categories, description.category))
      tool.parameters.push_back(describe(name, *option, description.phases));
    else if (const mlir::PassInfo *pass = mlir::PassInfo::lookup(name))
      passes.push_back(describe(name, *pass));
  }
  auto byName = [](const cli::Parameter &a, const cli::Parameter &b) { return a.names < b.names; };
  std::sort(tool.parameters.begin() + 2, tool.parameters.end(), byName);
  std::sort(passes.begin(), passes.end(), byName);
  tool.parameters.insert(tool.parameters.end(), passes.begin(), passes.end());
  return tool;
}

[[noreturn]] void printAndExit(const std::string &text) {
  outs() << text;
  std::exit(0);
}

} // namespace

bool finishOutput() {
  outs().flush();
  if (!outs().has_error())
    return true;
  errs() << "mamba-opt: cannot write to standard output: " << outs().error().message() << "\n";
  outs().clear_error(); // Or LLVM would end the program for it.
  return false;
}

void describeMambaOpt(cl::OptionCategory &category, std::vector<std::string> phases) {
  // Before LLVM ends what it prints to, which is the end of the program where it fails.
  outs();
  std::atexit([] {
    if (!finishOutput())
      std::_Exit(1);
  });
  static Description description;
  description = {&category, std::move(phases)};
  cl::SetVersionPrinter([](raw_ostream &os) {
    os << cli::versionText("mamba-opt", MAMBA_LLVM_VERSION) << "\n";
  });
  static cl::opt<std::string> shell(
      "completion", cl::desc("Print a script that makes a shell complete this command: bash, zsh, fish"),
      cl::value_desc("SHELL"), cl::cat(category), cl::callback([](const std::string &name) {
        if (!is_contained(cli::shells(), name)) {
          errs() << "mamba-opt: there is completion for " << join(cli::shells(), ", ") << ", not for '"
                 << name << "'\n";
          std::exit(1);
        }
        printAndExit(cli::completion(describe(description), name));
      }));
  static cl::opt<bool> man("help-man", cl::desc("Print the man page"), cl::Hidden,
                           cl::callback([](const bool &) {
                             printAndExit(cli::manPage(describe(description),
                                                       std::string("mamba ") + mamba_version()));
                           }));
}
