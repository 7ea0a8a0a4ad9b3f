// A conversation with a model: what it holds, and how it goes on.
#pragma once

#include "tools/mamba-run/Common.h"
#include "tools/mamba-run/StopStrings.h"

#include <cstdint>
#include <functional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace mamba::run {

inline constexpr uint64_t kMaxAnswerTokens = uint64_t(1) << 40;

/// One sequence. What its state holds is exactly what was fed and the text of
/// the answers as it was shown: an answer is chosen token by token and may run
/// past its end (a stop string, an end token, half a character); the state then
/// goes back to where the answer began and reads what was shown, at the speed
/// of a prompt. Only the sampler remembers what was chosen in vain: its random
/// numbers go on, and its repetition penalty counts those tokens.
class Conversation {
public:
  struct Limits {
    uint64_t tokens = 256; // of an answer
    std::vector<std::string> stops;
    bool ignoreEnd = false; // of a text, as the model says
  };
  /// Gets whole characters; false ends the answer.
  using Show = std::function<Result<bool>(std::string_view text)>;

  /// What a turn took.
  struct Turn {
    uint64_t readTokens = 0, chosenTokens = 0, rereadTokens = 0;
    double readSeconds = 0, chooseSeconds = 0, rereadSeconds = 0;
  };

  /// `runtime` outlives the conversation.
  static Result<Conversation>
  begin(const Runtime &runtime, const CommonOptions &options, Limits limits);

  /// Appends a text. Interrupted or failed, the conversation is as before, and
  /// `*cut` says whether it was interrupted.
  Status feed(std::string_view text, bool *cut);
  /// Makes an answer to what was fed, to a stop string, an end token, the
  /// limit, an interruption or where `show` ends it.
  Status answer(const Show &show);

  /// Back to an empty sequence, and the random numbers to the first.
  Status clear();
  Status save(const std::string &path);
  /// Replaces the sequence and the sampler; a failure changes nothing.
  Status load(const std::string &path);
  /// Random numbers from the first of this seed.
  Status seed(uint64_t seed);

  mamba_sampler *sampler() { return sampler_.get(); }
  Limits &limits() { return limits_; }
  /// Tokens that the state holds.
  Result<int64_t> position() const;
  const Turn &lastTurn() const { return turn_; }

private:
  explicit Conversation(Limits limits)
      : limits_(std::move(limits)), stops_({}) {}
  Status step(std::span<const int32_t> tokens, bool *cut);
  Status copy(uint32_t from, uint32_t to);
  Result<bool> take(int32_t token, const Show &show);
  Status choose(const Show &show);
  /// Makes the state hold what was shown.
  Status settle();
  Result<size_t> tokensOf(std::string_view shown) const;

  Limits limits_;
  Handle<mamba_tokenizer> tokenizer_;
  Handle<mamba_decoder> decoder_;
  Handle<mamba_session> session_;
  Handle<mamba_sampler> sampler_;
  std::vector<int32_t> endTokens_;
  StopStrings stops_;
  std::vector<int32_t> chosen_; // of the answer
  bool isWhole_ = true;         // The state holds the answer as shown.
  Turn turn_;
};

} // namespace mamba::run
