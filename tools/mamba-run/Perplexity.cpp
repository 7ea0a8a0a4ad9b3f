// mamba-run perplexity: how well the model predicts a text.
#include "runtime/support/File.h"
#include "runtime/support/Json.h"
#include "tools/lib/Checks.h"
#include "tools/mamba-run/Common.h"
#include "tools/mamba-run/Verbs.h"

#include <CLI/CLI.hpp>

#include <algorithm>
#include <cmath>
#include <memory>
#include <span>

namespace mamba::run {

namespace {

struct PerplexityOptions {
  CommonOptions common;
  std::string file;
  uint64_t window = 0; // 0: the state is carried to the end
  uint64_t stride = 0; // 0: the window
};

/// Reads a text and adds up what the model says of it.
class Scoring {
public:
  Scoring(mamba_session *session, std::span<const int32_t> tokens, bool quiet)
      : session_(session), tokens_(tokens), bar_("reading the text", quiet) {}

  /// Windows of `window` tokens, one every `stride`, each from an empty state.
  /// What a window shares with those before is its context; the first token of
  /// one that shares nothing is, too.
  Status run(uint64_t window, uint64_t stride);

  double nll() const { return nll_; }
  uint64_t predicted() const { return predicted_; }

private:
  uint64_t stepTokens() const { return mamba_session_step_tokens(session_); }
  Status read(uint64_t from, uint64_t to);
  Status score(uint64_t from, uint64_t to);

  mamba_session *session_;
  std::span<const int32_t> tokens_;
  ProgressBar bar_;
  double nll_ = 0;
  uint64_t predicted_ = 0;
};

Status Scoring::read(uint64_t from, uint64_t to) {
  mamba_sequence sequence{0, tokens_.data() + from, to - from};
  return check(
      mamba_session_step(session_, &sequence, 1, MAMBA_WANT_NONE, nullptr, 0));
}

/// One run of the kernels at a time, for the bar; the session goes on where it
/// stood.
Status Scoring::score(uint64_t from, uint64_t to) {
  while (from < to) {
    uint64_t count = std::min(to - from, stepTokens());
    double nll = 0;
    size_t predicted = 0;
    if (Status scored = check(mamba_session_score(
            session_, 0, tokens_.data() + from, count, &nll, &predicted));
        !scored.ok())
      return scored.withContext("tokens from " + std::to_string(from));
    nll_ += nll;
    predicted_ += predicted;
    from += count;
    bar_.update(from, tokens_.size());
  }
  return {};
}

Status Scoring::run(uint64_t window, uint64_t stride) {
  uint64_t size = tokens_.size(), done = 0;
  for (uint64_t begin = 0; done < size; begin += stride) {
    uint64_t end = begin + std::min(window, size - begin);
    MAMBA_RETURN_IF_ERROR(check(mamba_session_clear(session_, 0)));
    MAMBA_RETURN_IF_ERROR(read(begin, done));
    MAMBA_RETURN_IF_ERROR(score(done, end));
    done = end;
  }
  return {};
}

Result<int> runPerplexity(const PerplexityOptions &options) {
  MAMBA_ASSIGN_OR_RETURN(std::string text, readFile(options.file));
  if (text.empty())
    return invalidArgument("'" + options.file + "' is empty");
  MAMBA_ASSIGN_OR_RETURN(Runtime runtime,
                         openRuntime(options.common, "perplexity"));
  MAMBA_ASSIGN_OR_RETURN(auto tokenizer, createTokenizer(runtime));
  MAMBA_ASSIGN_OR_RETURN(std::vector<int32_t> tokens,
                         encode(tokenizer.get(), text));
  if (tokens.size() < 2)
    return invalidArgument("'" + options.file + "' has " +
                           std::to_string(tokens.size()) +
                           " tokens; at least 2 are needed, the first is "
                           "context only");
  MAMBA_ASSIGN_OR_RETURN(auto session,
                         createSession(runtime, options.common, 1));

  uint64_t window = options.window ? options.window : tokens.size();
  double nll = 0;
  uint64_t predicted = 0;
  {
    Scoring scoring(session.get(), tokens, options.common.quiet);
    Status scored =
        scoring.run(window, options.stride ? options.stride : window);
    if (!scored.ok())
      return scored.withContext("'" + options.file + "'");
    nll = scoring.nll();
    predicted = scoring.predicted();
  }

  double perToken = nll / static_cast<double>(predicted);
  double perplexity = std::exp(perToken);
  if (!std::isfinite(perplexity))
    return invalidData("the perplexity of '" + options.file +
                       "' is not finite");
  nlohmann::ordered_json json;
  json["tokens"] = predicted;
  json["nll_per_token"] = perToken;
  json["perplexity"] = perplexity;
  json["bits_per_byte"] =
      nll / std::log(2.0) / static_cast<double>(text.size());
  if (options.window)
    json["window"] = options.window;
  if (options.stride)
    json["stride"] = options.stride;
  MAMBA_RETURN_IF_ERROR(writeOutput(json.dump() + "\n").status());
  MAMBA_RETURN_IF_ERROR(reportProfile(runtime, options.common));
  return kDone;
}

} // namespace

void addPerplexity(CLI::App &app, Work &run) {
  auto options = std::make_shared<PerplexityOptions>();
  CLI::App *verb = app.add_subcommand(
      "perplexity", "How well the model predicts a text: one JSON line on "
                    "stdout, natural logarithms");
  addCommonOptions(*verb, options->common);
  verb->add_option("--file", options->file, "The text, tokenised whole")
      ->required()
      ->type_name("FILE");
  auto *window =
      verb->add_option("--window", options->window,
                       "Start with a fresh state every N tokens; the first "
                       "token of each window is context only")
          ->check(cli::wholeNumber(2, uint64_t(1) << 40))
          ->type_name("N");
  verb->add_option("--stride", options->stride,
                   "Start a window every M tokens, at most as many as it has; "
                   "what it shares with those before is context only, so all "
                   "tokens but the first of the text count, once. Without it "
                   "windows share nothing")
      ->check(cli::wholeNumber(1, uint64_t(1) << 40))
      ->type_name("M")
      ->needs(window);
  verb->footer("Examples:\n"
               "  mamba-run perplexity model.mpk --file text.txt --window 256\n"
               "  mamba-run perplexity model.mpk --file text.txt --window 256 "
               "--stride 64");
  verb->callback([options, &run] {
    if (options->stride > options->window)
      throw CLI::ValidationError(
          "--stride", "must be at most the window, " +
                          std::to_string(options->window) + ", got " +
                          std::to_string(options->stride));
    run = [options] { return runPerplexity(*options); };
  });
}

} // namespace mamba::run
