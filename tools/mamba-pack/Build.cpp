// mamba-pack build.
#include "tools/mamba-pack/Verbs.h"

#include "compiler/pack/BuildPack.h"

#include <CLI/CLI.hpp>

#include <cstdio>
#include <memory>

namespace mamba::pack {

/// Values that later versions will take: refused by name, not ignored.
static CLI::Validator onlyF32(const std::string &known) {
  auto check = [=](const std::string &value) -> std::string {
    if (value == "f32")
      return "";
    if ((" " + known + " ").find(" " + value + " ") != std::string::npos)
      return "'" + value + "' is not supported by this version, use f32";
    return "must be f32, got '" + value + "'";
  };
  return CLI::Validator(check, "");
}

void addBuild(CLI::App &app, Work &work) {
  struct Arguments {
    BuildOptions build;
    std::string weights = "f32", activations = "f32";
    bool quiet = false;
  };
  auto arguments = std::make_shared<Arguments>();
  CLI::App *verb = app.add_subcommand("build", "Compile a model, or operators, to a pack");
  verb->add_option("input", arguments->build.input,
                   "Folder of a checkpoint, or an .mlir file of mamba-import")
      ->required();
  verb->add_option("-o,--output", arguments->build.output, "The pack, X.mpk")->required();
  verb->add_option("--target", arguments->build.targets,
                   "What to compile for, as in cpu:native,cpu:x86-64-v3")
      ->delimiter(',')
      ->check([](const std::string &name) { return checkTarget(name).message(); })
      ->capture_default_str();
  verb->add_option("--weights", arguments->weights, "Precision of the weights: f32")
      ->check(onlyF32("bf16 f16 int8 int4"));
  verb->add_option("--activations", arguments->activations, "Precision of the activations: f32")
      ->check(onlyF32("bf16"));
  verb->add_flag("--embed-weights", arguments->build.embedWeights,
                 "Put the checkpoint's weights into the pack");
  verb->add_flag("--batch-invariant", arguments->build.batchInvariant,
                 "Add programs whose results do not depend on the batch");
  verb->add_flag("--quiet", arguments->quiet, "No log on standard error");
  verb->footer("Example: mamba-pack build mamba-130m -o mamba-130m.mpk");
  verb->callback([arguments, &work] {
    work = [arguments]() -> Result<std::string> {
      if (!arguments->quiet)
        arguments->build.note = [](const std::string &line) {
          std::fprintf(stderr, "mamba-pack: %s\n", line.c_str());
        };
      MAMBA_RETURN_IF_ERROR(buildPack(arguments->build));
      return std::string();
    };
  });
}

} // namespace mamba::pack
