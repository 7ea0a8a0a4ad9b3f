// mamba-run generate: continues a text.
#include "runtime/support/File.h"
#include "tools/lib/Checks.h"
#include "tools/mamba-run/Common.h"
#include "tools/mamba-run/Interrupt.h"
#include "tools/mamba-run/Sampling.h"
#include "tools/mamba-run/Verbs.h"

#include <CLI/CLI.hpp>

#include <algorithm>
#include <cstdio>
#include <memory>
#include <optional>
#include <span>
#include <unistd.h>

namespace mamba::run {

namespace {

struct GenerateOptions {
  CommonOptions common;
  std::optional<std::string> prompt;
  std::string promptFile, loadState, saveState;
  uint64_t count = 128;
  SamplingOptions sampling;
  bool ignoreEos = false;
};

/// One sequence and what it needs to become text.
class Generator {
public:
  explicit Generator(const GenerateOptions &options) : options_(options) {}
  Result<int> run();

private:
  Status open();
  Status openSampler();
  Result<std::string> promptText() const;
  Status feedPrompt();
  Status primeDecoder();
  Status feed(std::span<const int32_t> tokens);
  Status generate();
  /// A token that was chosen; whether to go on.
  Result<bool> take(int32_t token);
  Status emit(const char *text, size_t length);
  Status save();
  void reportSpeed() const;

  const GenerateOptions &options_;
  Runtime runtime_;
  Handle<mamba_tokenizer> tokenizer_;
  Handle<mamba_decoder> decoder_;
  Handle<mamba_session> session_;
  Handle<mamba_sampler> sampler_;
  std::vector<int32_t> endTokens_;
  bool readerGone_ = false, promptCut_ = false, endsWithNewline_ = true;
  uint64_t promptTokens_ = 0, chosen_ = 0;
  double promptSeconds_ = 0, decodeSeconds_ = 0;
};

Status Generator::open() {
  MAMBA_ASSIGN_OR_RETURN(runtime_, openRuntime(options_.common, "generate"));
  MAMBA_ASSIGN_OR_RETURN(tokenizer_, createTokenizer(runtime_));
  mamba_decoder *decoder = nullptr;
  MAMBA_RETURN_IF_ERROR(
      check(mamba_decoder_create(tokenizer_.get(), 1, &decoder)));
  decoder_.reset(decoder);
  MAMBA_ASSIGN_OR_RETURN(session_, createSession(runtime_, options_.common, 1));
  if (!options_.ignoreEos) {
    MAMBA_ASSIGN_OR_RETURN(endTokens_, endTokens(runtime_));
  }
  return openSampler();
}

/// Makes the sampler; with --load-state also loads the state, whose sampler
/// options hold where the command line says nothing.
Status Generator::openSampler() {
  MAMBA_ASSIGN_OR_RETURN(sampler_, createSampler(runtime_));
  if (!options_.loadState.empty())
    MAMBA_RETURN_IF_ERROR(check(mamba_session_load(
        session_.get(), 0, sampler_.get(), options_.loadState.c_str())));
  MAMBA_RETURN_IF_ERROR(setSampling(sampler_.get(), options_.sampling));
  return options_.common.quiet ? Status()
                               : noteGenerationConfig(runtime_, sampler_.get());
}

Result<std::string> Generator::promptText() const {
  if (!options_.promptFile.empty())
    return readFile(options_.promptFile);
  return options_.prompt.value_or("");
}

Status Generator::feed(std::span<const int32_t> tokens) {
  mamba_sequence sequence{0, tokens.data(), tokens.size()};
  return check(mamba_session_step(session_.get(), &sequence, 1, MAMBA_WANT_NONE,
                                  nullptr, 0));
}

Status Generator::feedPrompt() {
  MAMBA_ASSIGN_OR_RETURN(std::string text, promptText());
  MAMBA_ASSIGN_OR_RETURN(std::vector<int32_t> tokens,
                         encode(tokenizer_.get(), text));
  if (tokens.empty()) {
    if (!options_.loadState.empty() && text.empty())
      return {};
    return invalidArgument("the prompt has no tokens");
  }
  ProgressBar bar("reading the prompt", options_.common.quiet);
  double start = now();
  std::span<const int32_t> rest = tokens;
  while (!rest.empty() && !interrupted()) {
    auto piece =
        rest.first(std::min<size_t>(rest.size(), mamba_session_step_tokens(session_.get())));
    MAMBA_RETURN_IF_ERROR(feed(piece));
    rest = rest.subspan(piece.size());
    bar.update(tokens.size() - rest.size(), tokens.size());
  }
  promptSeconds_ = now() - start;
  promptTokens_ = tokens.size() - rest.size();
  promptCut_ = !rest.empty();
  return check(
      mamba_sampler_accept(sampler_.get(), tokens.data(), promptTokens_));
}

/// Shows the decoder what came before, so that a character whose first bytes
/// lie there comes out whole.
Status Generator::primeDecoder() {
  const int32_t *recent = nullptr;
  size_t count = 0, length = 0;
  MAMBA_RETURN_IF_ERROR(
      check(mamba_session_recent(session_.get(), 0, &recent, &count)));
  const char *ignored = nullptr;
  for (size_t i = 0; i < count; ++i)
    MAMBA_RETURN_IF_ERROR(check(
        mamba_decoder_push(decoder_.get(), recent[i], &ignored, &length)));
  return {};
}

Status Generator::emit(const char *text, size_t length) {
  if (length == 0)
    return {};
  MAMBA_ASSIGN_OR_RETURN(bool open, writeOutput({text, length}));
  readerGone_ = !open;
  endsWithNewline_ = text[length - 1] == '\n';
  return {};
}

Result<bool> Generator::take(int32_t token) {
  ++chosen_;
  if (std::find(endTokens_.begin(), endTokens_.end(), token) !=
      endTokens_.end())
    return false;
  const char *text = nullptr;
  size_t length = 0;
  MAMBA_RETURN_IF_ERROR(
      check(mamba_decoder_push(decoder_.get(), token, &text, &length)));
  MAMBA_RETURN_IF_ERROR(emit(text, length));
  return !interrupted() && !readerGone_;
}

Status Generator::generate() {
  if (interrupted())
    return {};
  struct Call {
    Generator &generator;
    Status failure;
    double first = 0, last = 0;
  } call{*this, {}};
  uint32_t slot = 0;
  mamba_sampler *sampler = sampler_.get();
  auto onTokens = [](void *user, const int32_t *tokens, size_t) -> int32_t {
    Call &call = *static_cast<Call *>(user);
    call.last = now();
    if (call.first == 0)
      call.first = call.last;
    Result<bool> goesOn = call.generator.take(*tokens);
    if (!goesOn.ok())
      call.failure = goesOn.status();
    return goesOn.ok() && *goesOn;
  };
  MAMBA_RETURN_IF_ERROR(
      check(mamba_session_generate(session_.get(), &slot, &sampler, 1,
                                   options_.count, onTokens, &call)));
  MAMBA_RETURN_IF_ERROR(call.failure);
  decodeSeconds_ = call.last - call.first;
  if (!options_.saveState.empty()) // What is held back goes to whoever loads it.
    return {};
  const char *text = nullptr;
  size_t length = 0;
  MAMBA_RETURN_IF_ERROR(
      check(mamba_decoder_flush(decoder_.get(), &text, &length)));
  return chosen_ && !readerGone_ ? emit(text, length) : Status();
}

/// A saved state has seen every token that was chosen, and the logits after it.
Status Generator::save() {
  if (options_.saveState.empty())
    return {};
  if (promptCut_)
    return ioError("interrupted within the prompt, so '" + options_.saveState +
                   "' was not written");
  return check(mamba_session_save(session_.get(), 0, sampler_.get(),
                                  options_.saveState.c_str()));
}

void Generator::reportSpeed() const {
  if (options_.common.quiet)
    return;
  auto rate = [](uint64_t count, double seconds) {
    return seconds > 0 ? static_cast<double>(count) / seconds : 0;
  };
  std::fprintf(stderr,
               "prefill: %llu tokens, %.3f s, %.1f tok/s; decode: %llu tokens, "
               "%.3f s, %.1f tok/s\n",
               static_cast<unsigned long long>(promptTokens_), promptSeconds_,
               rate(promptTokens_, promptSeconds_),
               static_cast<unsigned long long>(chosen_), decodeSeconds_,
               // The first comes of the prompt.
               rate(chosen_ ? chosen_ - 1 : 0, decodeSeconds_));
}

Result<int> Generator::run() {
  MAMBA_RETURN_IF_ERROR(open());
  // The first Ctrl-C ends the text after the current token, a second one the
  // program.
  HoldInterrupt hold;
  MAMBA_RETURN_IF_ERROR(feedPrompt());
  if (!promptCut_) {
    MAMBA_RETURN_IF_ERROR(primeDecoder());
    MAMBA_RETURN_IF_ERROR(generate());
  }
  if (isatty(STDOUT_FILENO) && !endsWithNewline_)
    MAMBA_RETURN_IF_ERROR(emit("\n", 1));
  Status saved = save();
  if (!promptCut_)
    reportSpeed();
  Status profiled = reportProfile(runtime_, options_.common);
  if (interrupted()) {
    for (const Status &status : {saved, profiled})
      if (!status.ok())
        report(status.message());
    return 128 + interruptSignal();
  }
  MAMBA_RETURN_IF_ERROR(saved);
  MAMBA_RETURN_IF_ERROR(profiled);
  return kDone;
}

Result<int> runGenerate(const GenerateOptions &options) {
  if (!options.prompt && options.promptFile.empty() &&
      options.loadState.empty())
    return reportUsage("generate needs --prompt, --prompt-file or "
                       "--load-state (see 'mamba-run generate --help')");
  if (!options.promptFile.empty()) {
    // Found here, an empty one is a usage error like an empty --prompt. A pipe
    // can be read once only, so its emptiness shows later.
    auto file = MappedFile::open(options.promptFile);
    if (file.ok() && file->size() == 0)
      return reportUsage("the prompt in '" + options.promptFile + "' is empty");
  }
  if (!options.saveState.empty()) {
    HoldInterrupt hold;
    MAMBA_RETURN_IF_ERROR(checkWritable(options.saveState));
  }
  return Generator(options).run();
}

} // namespace

void addGenerate(CLI::App &app, Work &run) {
  auto options = std::make_shared<GenerateOptions>();
  CLI::App *verb = app.add_subcommand(
      "generate", "Continues a text; stdout gets what is new, without the "
                  "prompt, as it comes");
  addCommonOptions(*verb, options->common);
  auto *prompt = verb->add_option("--prompt", options->prompt, "The text")
                     ->type_name("TEXT")
                     ->check(cli::notEmpty());
  verb->add_option("--prompt-file", options->promptFile, "A file with the text")
      ->type_name("FILE")
      ->check(cli::notEmpty())
      ->excludes(prompt);
  verb->add_option("-n", options->count, "At most so many tokens")
      ->type_name("N")
      ->check(cli::wholeNumber(1, uint64_t(1) << 40))
      ->capture_default_str();
  addSamplingOptions(*verb, options->sampling);
  verb->add_flag("--ignore-eos", options->ignoreEos,
                 "Go on after the model's end of text");
  verb->add_option("--save-state", options->saveState,
                   "Write the state after the last token to a file")
      ->type_name("FILE")
      ->check(cli::notEmpty());
  verb->add_option("--load-state", options->loadState,
                   "Go on from a saved state, sampler included; options given "
                   "here win, a --prompt is appended")
      ->type_name("FILE")
      ->check(cli::notEmpty());
  verb->footer("Sampling options that are not given are as the model's "
               "generation_config.json\nsays, if it had one.\n"
               "Ctrl-C ends the text after the current token, status 130.\n"
               "Example:\n"
               "  mamba-run generate model.mpk --prompt 'ROMEO:' -n 64 "
               "--temperature 0.8 --seed 7");
  verb->callback([options, &run] {
    cli::checkOutput("--save-state", options->saveState,
                     inputsOf(options->common, {options->promptFile}));
    run = [options] { return runGenerate(*options); };
  });
}

} // namespace mamba::run
