// mamba-pack build.
#include "tools/mamba-pack/Verbs.h"

#include "compiler/pack/BuildPack.h"

#include <CLI/CLI.hpp>

#include <cstdio>
#include <filesystem>
#include <memory>
#include <set>

namespace fs = std::filesystem;

namespace mamba::pack {

/// One of some words.
static CLI::Validator oneOf(const std::vector<std::string> &known) {
  auto check = [=](const std::string &value) -> std::string {
    std::string text;
    for (const std::string &word : known) {
      if (value == word)
        return "";
      text += (text.empty() ? "" : &word == &known.back() ? " or " : ", ") + word;
    }
    return "must be " + text + ", got '" + value + "'";
  };
  return CLI::Validator(check, "");
}

static BuildOptions::Check checkNamed(const std::string &word) {
  return word == "on"    ? BuildOptions::Check::On
         : word == "off" ? BuildOptions::Check::Off
                         : BuildOptions::Check::Auto;
}

/// Whether both names lead to one file or folder.
static bool same(const fs::path &a, const fs::path &b) {
  std::error_code ignored;
  return fs::equivalent(a, b, ignored);
}

/// The pack must not take the place of what it is made from.
static void checkOutput(const BuildOptions &build) {
  auto refuse = [](const std::string &message) {
    throw CLI::ValidationError("--output", message);
  };
  if (build.output == "-")
    refuse("a pack is not written to standard output, name a file");
  if (same(build.input, build.output))
    refuse("'" + build.output + "' is the input, name another file");
  std::error_code end;
  for (fs::directory_iterator file(build.input, end), last; !end && file != last;
       file.increment(end)) {
    fs::path extension = file->path().extension();
    if ((extension == ".safetensors" || extension == ".json") && same(*file, build.output))
      refuse("'" + build.output + "' is a file of the checkpoint, name another file");
  }
}

static void checkTargets(const BuildOptions &build) {
  std::set<std::string> names;
  for (const std::string &name : build.targets)
    if (!names.insert(name).second)
      throw CLI::ValidationError("--target", "target '" + name + "' is named twice");
}

void addBuild(CLI::App &app, Work &work) {
  struct Arguments {
    BuildOptions build;
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
  verb->add_option("--weights", arguments->build.weights,
                   "Precision of the matrices: f32, bf16, f16, int8 or int4")
      ->check(oneOf({"f32", "bf16", "f16", "int8", "int4"}))
      ->capture_default_str();
  verb->add_option("--activations", arguments->build.activations,
                   "Precision of rows between kernels: f32, bf16 or f16; matrix units want bf16")
      ->check(oneOf({"f32", "bf16", "f16"}))
      ->capture_default_str();
  verb->add_flag("--embed-weights", arguments->build.embedWeights,
                 "Put the checkpoint's weights into the pack");
  verb->add_flag("--batch-invariant", arguments->build.batchInvariant,
                 "Add programs whose results do not depend on the batch");
  verb->add_flag("!--no-overlap", arguments->build.overlap,
                 "Kernels of cuda targets begin when the one before them has ended");
  verb->add_option_function<std::string>(
          "--check",
          [arguments](const std::string &word) { arguments->build.check = checkNamed(word); },
          "An end-to-end check against the float64 reference: on, off, or auto: if it is cheap")
      ->check(oneOf({"on", "off", "auto"}))
      ->default_str("auto");
  verb->add_flag("!--no-cuda-source", arguments->build.cudaSource,
                 "Leave the CUDA C++ of cuda targets out");
  verb->add_flag("--quiet", arguments->quiet, "No log on standard error");
  verb->footer("Example: mamba-pack build mamba-130m -o mamba-130m.mpk");
  verb->callback([arguments, &work] {
    checkTargets(arguments->build);
    checkOutput(arguments->build);
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
