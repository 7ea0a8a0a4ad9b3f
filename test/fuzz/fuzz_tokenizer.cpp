// A tokenizer.json of any content, and any text. The input is the JSON, a byte
// 0, and the text; without a 0 a small tokenizer takes the input as its text.
#include "runtime/model/tokenizer/StreamDecoder.h"
#include "runtime/model/tokenizer/Tokenizer.h"
#include "runtime/support/Utf8.h"

#include <cstdint>
#include <cstdlib>
#include <string>
#include <string_view>

using namespace mamba;

namespace {

constexpr std::string_view kSmall = R"({
  "normalizer": {"type": "NFC"},
  "added_tokens": [
    {"id": 9, "content": "<x>", "single_word": false, "lstrip": true,
     "rstrip": true, "normalized": false, "special": true},
    {"id": 10, "content": "  ", "single_word": false, "lstrip": false,
     "rstrip": false, "normalized": true, "special": false},
    {"id": 4, "content": "ab", "single_word": true, "lstrip": false,
     "rstrip": true, "normalized": true, "special": false}],
  "pre_tokenizer": {"type": "ByteLevel", "add_prefix_space": true},
  "decoder": {"type": "ByteLevel"},
  "model": {"type": "BPE", "unk_token": "?", "vocab": {"?": 0, "a": 1, "b": 2,
      "Ġ": 3, "ab": 4, "Ġa": 5, "Ã": 6, "©": 7, "aa": 8},
    "merges": ["a b", "Ġ a", "a a"]}})";

void require(bool holds) {
  if (!holds)
    std::abort();
}

void exercise(const Tokenizer &tokenizer, std::string_view text) {
  auto ids = tokenizer.encode(text, true);
  if (!ids.ok()) {
    require(ids.status().message().find('\n') == std::string::npos);
    return;
  }
  for (int32_t id : *ids)
    require(id >= 0 && id < tokenizer.size());
  for (bool skip : {false, true}) {
    auto whole = tokenizer.decode(*ids, skip);
    require(whole.ok() && isValidUtf8(*whole));
    StreamDecoder decoder(tokenizer, skip);
    std::string joined;
    for (int32_t id : *ids) {
      auto piece = decoder.push(id);
      require(piece.ok() && isValidUtf8(*piece));
      joined += *piece;
    }
    joined += decoder.flush();
    require(joined == *whole);
  }
}

} // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
  std::string_view input(reinterpret_cast<const char *>(data), size);
  static const Result<Tokenizer> loaded = Tokenizer::fromJson(kSmall, "small");
  require(loaded.ok());
  const Tokenizer &small = *loaded;
  size_t zero = input.find('\0');
  if (zero == std::string_view::npos) {
    exercise(small, input);
    return 0;
  }
  auto tokenizer = Tokenizer::fromJson(input.substr(0, zero), "fuzz");
  if (!tokenizer.ok()) {
    require(tokenizer.status().message().find('\n') == std::string::npos);
    return 0;
  }
  for (int32_t id : {0, 1, tokenizer->size() - 1, tokenizer->size(), -1})
    if (auto content = tokenizer->contentOf(id); content.ok())
      require(tokenizer->idOf(*content).ok() && isValidUtf8(*content));
  exercise(*tokenizer, input.substr(zero + 1));
  return 0;
}
