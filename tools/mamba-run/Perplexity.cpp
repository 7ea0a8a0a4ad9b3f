// mamba-run perplexity: how well the model predicts a text.
#include "runtime/support/File.h"
#include "runtime/support/Json.h"
#include "tools/mamba-run/Checks.h"
#include "tools/mamba-run/Common.h"
#include "tools/mamba-run/Verbs.h"

#include <CLI/CLI.hpp>

#include <algorithm>
#include <cmath>
#include <memory>

namespace mamba::run {

namespace {

struct PerplexityOptions {
  CommonOptions common;
  std::string file;
  uint64_t window = 0; // 0: the state is carried to the end
};

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

  double nll = 0;
  uint64_t predicted = 0;
  uint64_t window = options.window ? options.window : tokens.size();
  ProgressBar bar("reading the text", options.common.quiet);
  for (uint64_t done = 0; done < tokens.size();) {
    uint64_t inWindow = done % window;
    if (inWindow == 0)
      MAMBA_RETURN_IF_ERROR(check(mamba_session_clear(session.get(), 0)));
    // One run of the kernels at a time, for the bar; the session goes on where
    // it stood.
    uint64_t count =
        std::min({window - inWindow, uint64_t(tokens.size()) - done,
                  uint64_t(mamba_session_step_tokens(session.get()))});
    double pieceNll = 0;
    size_t piecePredicted = 0;
    if (Status scored =
            check(mamba_session_score(session.get(), 0, tokens.data() + done,
                                      count, &pieceNll, &piecePredicted));
        !scored.ok())
      return scored.withContext("tokens from " + std::to_string(done) +
                                " of '" + options.file + "'");
    nll += pieceNll;
    predicted += piecePredicted;
    done += count;
    bar.update(done, tokens.size());
  }
  bar.clear();

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
  verb->add_option("--window", options->window,
                   "Start with a fresh state every N tokens; the first token "
                   "of each window is context only")
      ->check(wholeNumber(2, uint64_t(1) << 40))
      ->type_name("N");
  verb->footer("Example:\n"
               "  mamba-run perplexity model.mpk --file text.txt --window 256");
  verb->callback(
      [options, &run] { run = [options] { return runPerplexity(*options); }; });
}

} // namespace mamba::run
