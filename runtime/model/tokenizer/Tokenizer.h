// Text to token ids and back, as a tokenizer.json of the Hugging Face
// `tokenizers` library says: byte-level BPE.
#pragma once

#include "runtime/support/Status.h"

#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace mamba {

/// An immutable value: copies share their tables, and any number of threads
/// may use one. It gives the ids that the `tokenizers` library gives; a
/// tokenizer.json that asks for something else than what is implemented here is
/// refused with the key and the value (README.md lists what is supported).
/// No function throws.
class Tokenizer {
public:
  /// Reads the text of a tokenizer.json. `what` names it in messages.
  static Result<Tokenizer> fromJson(std::string_view json,
                                    const std::string &what);

  /// The ids of `text`. Added tokens are recognised in it, special ones too.
  /// Invalid UTF-8 is read as U+FFFD, once for each maximal part of a sequence,
  /// like Python's bytes.decode(errors="replace"). `addSpecialTokens` adds what
  /// the post-processor's template adds to a single sequence. Fails for a text
  /// over 1 GiB, a regular expression that runs away, and a character that is
  /// neither in the vocabulary nor covered by a usable unknown token.
  Result<std::vector<int32_t>> encode(std::string_view text,
                                      bool addSpecialTokens = false) const;

  /// The text of `ids`, always valid UTF-8: bytes that form no character become
  /// U+FFFD. An id that has no token is a failure.
  Result<std::string> decode(std::span<const int32_t> ids,
                             bool skipSpecialTokens = false) const;

  /// One more than the largest id, added tokens included. Not every smaller id
  /// need have a token.
  int32_t size() const;

  /// The id of the token that is written `content` in tokenizer.json.
  Result<int32_t> idOf(std::string_view content) const;

  /// The token as it is written in tokenizer.json, byte-level letters and all.
  /// Borrowed from this tokenizer.
  Result<std::string_view> contentOf(int32_t id) const;

  /// Whether an added token is marked special; false for ids without a token.
  bool isSpecial(int32_t id) const;

private:
  friend class StreamDecoder;
  struct Data;
  explicit Tokenizer(std::shared_ptr<const Data> data);

  std::shared_ptr<const Data> data_; // never null but in a moved-from value
};

} // namespace mamba
