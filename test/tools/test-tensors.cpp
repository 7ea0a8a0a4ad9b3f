// test-tensors: makes, damages and compares safetensors files, packs among
// them, for the end-to-end tests.
#include "test/tools/Tensors.h"

#include <CLI/CLI.hpp>

#include <cstdio>
#include <functional>

using namespace mamba;
using namespace mamba::test;

namespace {

/// Input and output, as most verbs have them.
struct Files {
  std::string input, output;
  void declare(CLI::App &verb) {
    verb.add_option("input", input)->required();
    verb.add_option("output", output)->required();
  }
};

} // namespace

int main(int argc, char **argv) {
  CLI::App app{"Safetensors files for the end-to-end tests."};
  app.require_subcommand(1);
  Status status;

  CompareOptions comparison;
  auto *verb = app.add_subcommand("compare", "Fails if tensors differ");
  verb->add_option("got", comparison.got)->required();
  verb->add_option("expected", comparison.expected)->required();
  verb->add_option("names", comparison.names, "NAME or GOT=EXPECTED");
  verb->add_option("--except", comparison.except);
  verb->add_option("--expected-prefix", comparison.expectedPrefix);
  verb->add_option("--tolerance", comparison.tolerance);
  verb->add_flag("--bits", comparison.bits);
  verb->callback([&] { status = compare(comparison); });

  TokenOptions tokens;
  verb = app.add_subcommand("tokens", "Random token ids");
  verb->add_option("output", tokens.output)->required();
  verb->add_option("--rows", tokens.rows)->required();
  verb->add_option("--columns", tokens.columns)->required();
  verb->add_option("--decode", tokens.decodeColumns);
  verb->add_option("--vocab", tokens.vocabSize)->required();
  verb->add_option("--seed", tokens.seed);
  verb->callback([&] { status = makeTokens(tokens); });

  Files files;
  std::string text, other;
  std::vector<std::string> names;
  uint64_t number = 0;
  verb = app.add_subcommand("add", "Adds NAME=1,2,3 as I64");
  files.declare(*verb);
  verb->add_option("tensor", text)->required();
  verb->callback(
      [&] { status = addIntegers(files.input, files.output, text); });

  verb = app.add_subcommand("slice", "One row of NAME or NAME:COLUMNS");
  files.declare(*verb);
  verb->add_option("names", names)->required();
  verb->add_option("--row", number)->required();
  verb->callback([&] {
    status = sliceRow(files.input, files.output, int64_t(number), names);
  });

  verb = app.add_subcommand("embed", "x: a weight's rows at input_ids");
  files.declare(*verb);
  verb->add_option("--model", text)->required();
  verb->add_option("--weight", other)->required();
  verb->callback(
      [&] { status = embed(text, other, files.input, files.output); });

  verb = app.add_subcommand("drop", "Leaves out the tensors of a prefix");
  files.declare(*verb);
  verb->add_option("prefix", text)->required();
  verb->callback([&] { status = drop(files.input, files.output, text); });

  verb = app.add_subcommand("edit-header", "Replaces FROM by TO, once");
  files.declare(*verb);
  verb->add_option("from", text)->required();
  verb->add_option("to", other)->required();
  verb->callback(
      [&] { status = editHeader(files.input, files.output, text, other); });

  verb = app.add_subcommand("edit-manifest", "Replaces FROM by TO, once");
  files.declare(*verb);
  verb->add_option("from", text)->required();
  verb->add_option("to", other)->required();
  verb->callback(
      [&] { status = editManifest(files.input, files.output, text, other); });

  verb = app.add_subcommand("edit-metadata", "Sets KEY to the text of FILE");
  files.declare(*verb);
  verb->add_option("key", text)->required();
  verb->add_option("file", other)->required();
  verb->callback(
      [&] { status = editMetadata(files.input, files.output, text, other); });

  CodeEdit edit;
  verb = app.add_subcommand("edit-code", "Replaces FROM by TO, once");
  files.declare(*verb);
  verb->add_option("from", edit.from)->required();
  verb->add_option("to", edit.to)->required();
  verb->add_option("--blob", edit.blob);
  verb->add_option("--line", edit.line, "Only there, from 1");
  verb->callback([&] { status = editCode(files.input, files.output, edit); });

  verb = app.add_subcommand("show-code", "The PTX, object, cubin or C++ of a blob");
  files.declare(*verb);
  verb->add_option("--blob", edit.blob);
  verb->callback(
      [&] { status = showCode(files.input, files.output, edit.blob); });

  verb = app.add_subcommand("flip", "Changes a bit of a tensor or the file");
  files.declare(*verb);
  verb->add_option("--tensor", text);
  verb->add_option("--at", number)->required();
  verb->callback(
      [&] { status = flipBit(files.input, files.output, text, number); });

  CLI11_PARSE(app, argc, argv);
  if (!status.ok())
    std::fprintf(stderr, "test-tensors: %s\n", status.message().c_str());
  return status.ok() ? 0 : 1;
}
