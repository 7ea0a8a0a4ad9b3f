// mamba-pack merge and strip.
#include "tools/lib/Checks.h"
#include "tools/mamba-pack/Verbs.h"

#include "runtime/pack/Combine.h"
#include "tools/lib/AppCommand.h"
#include "tools/lib/InputFiles.h"

#include <CLI/CLI.hpp>

#include <memory>
#include <vector>

namespace mamba::pack {

static void addOutput(CLI::App *verb, std::string &output) {
  verb->add_option("-o,--output", output, "The pack to write, X.mpk")
      ->required()
      ->type_name("X.mpk")
      ->check(cli::notEmpty())
      ->check([](const std::string &name) -> std::string {
        return name == "-" ? "a pack is not written to standard output, name a file" : "";
      });
}

void addMerge(CLI::App &app, Work &work) {
  struct Arguments {
    std::vector<std::string> inputs;
    std::string output;
  };
  auto arguments = std::make_shared<Arguments>();
  CLI::App *verb = app.add_subcommand("merge", "Make one pack with the targets of two");
  verb->add_option("packs", arguments->inputs, "Two packs of one model and one precision")
      ->required()
      ->type_name("X.mpk")
      ->expected(2);
  addOutput(verb, arguments->output);
  verb->footer("Example: mamba-pack merge cpu.mpk gpu.mpk -o all.mpk");
  verb->callback([arguments, &work] {
    cli::checkOutput("--output", arguments->output, {.packs = arguments->inputs});
    work = [arguments]() -> Result<std::string> {
      MAMBA_RETURN_IF_ERROR(
          mergePacks(arguments->inputs[0], arguments->inputs[1], arguments->output));
      return std::string();
    };
  });
}

void addStrip(CLI::App &app, Work &work) {
  struct Arguments {
    std::string input, output;
    std::vector<std::string> drop;
    StripOptions options;
  };
  auto arguments = std::make_shared<Arguments>();
  CLI::App *verb = app.add_subcommand("strip", "Make a smaller pack out of one");
  verb->add_option("pack", arguments->input, "The pack, X.mpk")->required()->type_name("X.mpk");
  addOutput(verb, arguments->output);
  verb->add_option("--keep", arguments->options.keep,
                   "The targets to keep, as in cpu:x86-64-v3,cuda:sm_90; without it all")
      ->delimiter(',')
      ->allow_extra_args(false)
      ->check(cli::notEmpty());
  verb->add_option("--drop", arguments->drop,
                   "What to leave out of them: cuda-source, cubin, golden (all self-tests)")
      ->delimiter(',')
      ->allow_extra_args(false)
      ->check(cli::oneOf({"cuda-source", "cubin", "golden"}));
  verb->footer("Example: mamba-pack strip all.mpk --keep=cpu:x86-64-v3 -o small.mpk");
  verb->callback([arguments, &work] {
    cli::checkOutput("--output", arguments->output, {.packs = {arguments->input}});
    StripOptions &options = arguments->options;
    if (options.keep.empty() && arguments->drop.empty())
      throw CLI::ValidationError("strip", "nothing is to go: use --keep or --drop");
    for (const std::string &word : arguments->drop)
      (word == "cubin"    ? options.dropCubin
       : word == "golden" ? options.dropGolden
                          : options.dropCudaSource) = true;
    work = [arguments]() -> Result<std::string> {
      MAMBA_RETURN_IF_ERROR(
          stripPack(arguments->input, arguments->options, arguments->output));
      return std::string();
    };
  });
}

} // namespace mamba::pack
