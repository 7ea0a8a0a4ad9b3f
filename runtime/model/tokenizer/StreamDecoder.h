// Token ids to text one id at a time, for text that is shown as it is made.
#pragma once

#include "runtime/model/tokenizer/Tokenizer.h"

#include <string>
#include <string_view>

namespace mamba {

/// Bytes in, whole characters out. The concatenation of everything that comes
/// out is what the whole input gives at once, with U+FFFD for each maximal part
/// of an invalid sequence.
class Utf8Assembler {
public:
  /// Appends to `out` what `bytes` completes: always valid UTF-8.
  void push(std::string_view bytes, std::string &out);

  /// Appends U+FFFD for an unfinished character, and starts afresh.
  void flush(std::string &out);

private:
  std::string pending_; // the start of one character, at most 3 bytes
};

/// Decodes a sequence of ids piece by piece. The pieces together are what
/// Tokenizer::decode gives for the whole sequence, and each is valid UTF-8.
/// Never throws.
class StreamDecoder {
public:
  /// Keeps a (cheap) copy of `tokenizer`.
  explicit StreamDecoder(Tokenizer tokenizer, bool skipSpecialTokens = false)
      : tokenizer_(std::move(tokenizer)),
        skipSpecialTokens_(skipSpecialTokens) {}

  /// The text that `id` completes, often empty. An id that has no token is a
  /// failure and changes nothing.
  Result<std::string> push(int32_t id);

  /// The text that was held back for want of its end; starts afresh.
  std::string flush();

private:
  Status pushTo(int32_t id, std::string &out);
  void flushTo(std::string &out);
  void appendRun(std::string &out) const;
  friend class Tokenizer;

  Tokenizer tokenizer_;
  bool skipSpecialTokens_;
  Utf8Assembler assembler_;
  std::string byteRun_; // bytes of a run of <0xNN> tokens, with that decoder
};

} // namespace mamba
