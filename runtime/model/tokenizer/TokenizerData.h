// The tables behind a Tokenizer. For this folder only.
#pragma once

#include "runtime/model/tokenizer/AddedTokens.h"
#include "runtime/model/tokenizer/Bpe.h"
#include "runtime/model/tokenizer/PreTokenizer.h"
#include "runtime/model/tokenizer/Template.h"
#include "runtime/model/tokenizer/Tokenizer.h"

#include <exception>
#include <new>
#include <stdexcept>

namespace mamba {

struct Tokenizer::Data {
  /// What one id stands for.
  struct Token {
    std::string_view content;  // borrowed from `bpe` or `added`
    std::string bytes;         // decoded; not always valid UTF-8 by itself
    int16_t fallbackByte = -1; // of <0xNN>, where the decoder is ByteFallback
    bool special = false;
    bool skipped = false; // when decoding without special tokens
  };

  /// Null for an id that has no token.
  const Token *find(int32_t id) const {
    if (id < 0 || id >= size || tokenOfId[id] < 0)
      return nullptr;
    return &tokens[tokenOfId[id]];
  }
  /// Why an id has none.
  Status missing(int32_t id) const;

  /// Fills everything from a parsed tokenizer.json.
  Status read(const nlohmann::json &json);
  void listTokens();

  /// Appends the ids of valid UTF-8 without unnormalised added tokens.
  Status encodePart(std::string_view text, RegexScratch &regexScratch,
                    Bpe::Scratch &bpeScratch, std::vector<int32_t> &ids) const;

  bool nfc = false;
  PreTokenizer preTokenizer;
  Bpe bpe;
  AddedTokens added;
  Template postProcessor;
  bool byteFallbackDecoder = false; // else ByteLevel

  int32_t size = 0;
  std::vector<Token> tokens;
  std::vector<int32_t> tokenOfId; // index into `tokens`, -1: none
  TextMap<int32_t> addedIds;      // of added tokens, by content
};

/// Runs `body`, a function without arguments that gives a Status or a Result;
/// what it throws becomes a failure.
template <typename Body> auto withoutThrowing(Body body) -> decltype(body()) {
  try {
    return body();
  } catch (const std::bad_alloc &) {
    return outOfMemory("no memory left in the tokenizer");
  } catch (const std::length_error &) {
    return outOfMemory("no memory left in the tokenizer");
  } catch (const std::exception &error) {
    return internalError(std::string("the tokenizer failed: ") + error.what());
  }
}

} // namespace mamba
