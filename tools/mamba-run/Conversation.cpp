#include "tools/mamba-run/Conversation.h"
#include "tools/mamba-run/Interrupt.h"
#include "tools/mamba-run/Sampling.h"

#include <algorithm>
#include <new>

namespace mamba::run {

namespace {

// The slot that talks, and the one that keeps what it held before.
enum : uint32_t { kTalk, kKept, kSlots };

} // namespace

Result<Conversation> Conversation::begin(const Runtime &runtime,
                                         const CommonOptions &options,
                                         Limits limits) {
  Conversation made(std::move(limits));
  MAMBA_ASSIGN_OR_RETURN(made.tokenizer_, createTokenizer(runtime));
  mamba_decoder *decoder = nullptr;
  MAMBA_RETURN_IF_ERROR(
      check(mamba_decoder_create(made.tokenizer_.get(), 1, &decoder)));
  made.decoder_.reset(decoder);
  MAMBA_ASSIGN_OR_RETURN(made.session_,
                         createSession(runtime, options, kSlots));
  MAMBA_ASSIGN_OR_RETURN(made.sampler_, createSampler(runtime));
  MAMBA_ASSIGN_OR_RETURN(made.endTokens_, endTokens(runtime));
  return made;
}

Status Conversation::copy(uint32_t from, uint32_t to) {
  return check(mamba_session_copy(session_.get(), from, to));
}

/// In pieces of one run of the kernels, so that Ctrl-C is soon seen.
Status Conversation::step(std::span<const int32_t> tokens, bool *cut) {
  size_t most = mamba_session_step_tokens(session_.get());
  while (!tokens.empty()) {
    auto piece = tokens.first(std::min(tokens.size(), most));
    mamba_sequence sequence{kTalk, piece.data(), piece.size()};
    MAMBA_RETURN_IF_ERROR(check(mamba_session_step(
        session_.get(), &sequence, 1, MAMBA_WANT_NONE, nullptr, 0)));
    tokens = tokens.subspan(piece.size());
    if (cut && interrupted() && !tokens.empty()) {
      *cut = true;
      return {};
    }
  }
  return {};
}

Status Conversation::feed(std::string_view text, bool *cut) {
  *cut = false;
  turn_ = {};
  MAMBA_ASSIGN_OR_RETURN(std::vector<int32_t> tokens,
                         encode(tokenizer_.get(), text));
  MAMBA_RETURN_IF_ERROR(copy(kTalk, kKept));
  double start = now();
  Status fed = step(tokens, cut);
  if (!fed.ok() || *cut) {
    Status back = copy(kKept, kTalk);
    return fed.ok() ? back : fed;
  }
  turn_.readSeconds = now() - start;
  turn_.readTokens = tokens.size();
  return check(
      mamba_sampler_accept(sampler_.get(), tokens.data(), tokens.size()));
}

Result<bool> Conversation::take(int32_t token, const Show &show) {
  chosen_.push_back(token);
  if (!limits_.ignoreEnd && std::find(endTokens_.begin(), endTokens_.end(),
                                      token) != endTokens_.end()) {
    isWhole_ = false;
    return false;
  }
  const char *text = nullptr;
  size_t length = 0;
  MAMBA_RETURN_IF_ERROR(
      check(mamba_decoder_push(decoder_.get(), token, &text, &length)));
  MAMBA_ASSIGN_OR_RETURN(bool goesOn, show(stops_.push({text, length})));
  isWhole_ = !stops_.found();
  return goesOn && isWhole_ && !interrupted();
}

Status Conversation::choose(const Show &show) {
  struct Call {
    Conversation &conversation;
    const Show &show;
    Status failure;
  } call{*this, show, {}};
  auto onTokens = [](void *user, const int32_t *tokens, size_t) -> int32_t {
    Call &call = *static_cast<Call *>(user);
    try { // Nothing may be thrown through the runtime.
      Result<bool> goesOn = call.conversation.take(*tokens, call.show);
      if (goesOn.ok())
        return *goesOn;
      call.failure = goesOn.status();
    } catch (const std::bad_alloc &) {
      call.failure = outOfMemory("out of memory");
    }
    return 0;
  };
  uint32_t slot = kTalk;
  mamba_sampler *sampler = sampler_.get();
  MAMBA_RETURN_IF_ERROR(check(mamba_session_generate(
      session_.get(), &slot, &sampler, 1, limits_.tokens, onTokens, &call)));
  return call.failure;
}

Status Conversation::answer(const Show &show) {
  stops_ = StopStrings(limits_.stops);
  chosen_.clear();
  isWhole_ = true;
  MAMBA_RETURN_IF_ERROR(copy(kTalk, kKept));
  double start = now();
  Status chosen = choose(show);
  turn_.chooseSeconds = now() - start;
  turn_.chosenTokens = chosen_.size();
  // Half a character is not shown.
  const char *half = nullptr;
  size_t length = 0;
  MAMBA_RETURN_IF_ERROR(
      check(mamba_decoder_flush(decoder_.get(), &half, &length)));
  isWhole_ &= length == 0 && chosen.ok();
  if (chosen.ok() && !stops_.found())
    MAMBA_RETURN_IF_ERROR(show(stops_.finish()).status());
  Status settled = isWhole_ ? Status() : settle();
  return chosen.ok() ? settled : chosen;
}

/// How many of the chosen tokens are within what was shown, to the byte.
Result<size_t> Conversation::tokensOf(std::string_view shown) const {
  for (size_t count = chosen_.size(); count-- > 1;) {
    char *text = nullptr;
    size_t length = 0;
    MAMBA_RETURN_IF_ERROR(check(mamba_tokenizer_decode(
        tokenizer_.get(), chosen_.data(), count, 1, &text, &length)));
    bool within = shown.starts_with(std::string_view(text, length));
    mamba_free(text);
    if (within)
      return count;
  }
  return 0;
}

Status Conversation::settle() {
  double start = now();
  std::string_view shown = stops_.shown();
  MAMBA_ASSIGN_OR_RETURN(size_t count, tokensOf(shown));
  std::vector<int32_t> tokens(chosen_.begin(), chosen_.begin() + count);
  size_t length = 0;
  if (count) {
    char *text = nullptr;
    MAMBA_RETURN_IF_ERROR(check(mamba_tokenizer_decode(
        tokenizer_.get(), tokens.data(), count, 1, &text, &length)));
    mamba_free(text);
  }
  // Where a token began within the answer and ended past it.
  MAMBA_ASSIGN_OR_RETURN(std::vector<int32_t> rest,
                         encode(tokenizer_.get(), shown.substr(length)));
  tokens.insert(tokens.end(), rest.begin(), rest.end());
  MAMBA_RETURN_IF_ERROR(copy(kKept, kTalk));
  MAMBA_RETURN_IF_ERROR(step(tokens, nullptr));
  turn_.rereadTokens = tokens.size();
  turn_.rereadSeconds = now() - start;
  return {};
}

Status Conversation::clear() {
  turn_ = {};
  MAMBA_RETURN_IF_ERROR(check(mamba_session_clear(session_.get(), kTalk)));
  return check(mamba_sampler_reset(sampler_.get()));
}

Status Conversation::save(const std::string &path) {
  return check(
      mamba_session_save(session_.get(), kTalk, sampler_.get(), path.c_str()));
}

Status Conversation::load(const std::string &path) {
  MAMBA_RETURN_IF_ERROR(check(
      mamba_session_load(session_.get(), kTalk, sampler_.get(), path.c_str())));
  turn_ = {};
  return {};
}

Status Conversation::seed(uint64_t seed) {
  mamba_sampler_options options{};
  options.struct_size = sizeof(options);
  MAMBA_RETURN_IF_ERROR(
      check(mamba_sampler_get_options(sampler_.get(), &options)));
  // The seed that it has would go on.
  for (uint64_t value : {~seed, seed}) {
    options.seed = value;
    MAMBA_RETURN_IF_ERROR(
        check(mamba_sampler_set_options(sampler_.get(), &options)));
  }
  return {};
}

Result<int64_t> Conversation::position() const {
  int64_t position = 0;
  MAMBA_RETURN_IF_ERROR(
      check(mamba_session_position(session_.get(), kTalk, &position)));
  return position;
}

} // namespace mamba::run
