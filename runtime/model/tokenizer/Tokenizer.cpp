#include "runtime/model/tokenizer/Tokenizer.h"

#include "runtime/model/tokenizer/ByteLevel.h"
#include "runtime/model/tokenizer/StreamDecoder.h"
#include "runtime/model/tokenizer/Support.h"
#include "runtime/model/tokenizer/TokenizerData.h"
#include "runtime/model/tokenizer/Unicode.h"
#include "runtime/support/Json.h"
#include "runtime/support/Quote.h"
#include "runtime/support/Utf8.h"

#include <algorithm>
#include <unordered_set>

namespace mamba {

namespace {

constexpr size_t kMaxJsonBytes = size_t{256} << 20;
constexpr size_t kMaxTextBytes = size_t{1} << 30;

const nlohmann::json &memberOrNull(const nlohmann::json &json,
                                   const char *key) {
  static const nlohmann::json null;
  auto found = json.find(key);
  return found == json.end() ? null : *found;
}

Status readNormalizer(const nlohmann::json &json, bool &nfc) {
  if (json.is_null())
    return {};
  MAMBA_ASSIGN_OR_RETURN(std::string type, getString(json, "type"));
  if (type == "NFC") {
    nfc = true; // applied twice it changes nothing more
    return checkKeys(json, {"type"});
  }
  if (type != "Sequence")
    return unsupportedValue("type", type, "NFC or null");
  MAMBA_RETURN_IF_ERROR(checkKeys(json, {"type", "normalizers"}));
  MAMBA_ASSIGN_OR_RETURN(const nlohmann::json *list,
                         getArray(json, "normalizers"));
  for (const nlohmann::json &step : *list) {
    MAMBA_ASSIGN_OR_RETURN(std::string inner, getString(step, "type"));
    if (inner != "NFC")
      return unsupportedValue("type", inner, "NFC in a Sequence");
    nfc = true;
  }
  return {};
}

Status readDecoder(const nlohmann::json &json, bool &byteFallback) {
  if (json.is_null())
    return unsupportedValue("decoder", json, "ByteLevel");
  MAMBA_ASSIGN_OR_RETURN(std::string type, getString(json, "type"));
  std::vector<std::string> steps{type};
  if (type == "Sequence") {
    MAMBA_RETURN_IF_ERROR(checkKeys(json, {"type", "decoders"}));
    MAMBA_ASSIGN_OR_RETURN(const nlohmann::json *list,
                           getArray(json, "decoders"));
    steps.clear();
    for (const nlohmann::json &step : *list) {
      MAMBA_ASSIGN_OR_RETURN(std::string inner, getString(step, "type"));
      steps.push_back(std::move(inner));
    }
  }
  // Fuse joins what is joined anyhow, once the bytes are there.
  while (steps.size() > 1 && steps.back() == "Fuse")
    steps.pop_back();
  if (steps.size() != 1)
    return unsupportedValue("decoders", steps,
                            "ByteLevel or ByteFallback, then Fuse");
  if (steps[0] != "ByteLevel" && steps[0] != "ByteFallback")
    return unsupportedValue("type", steps[0], "ByteLevel or ByteFallback");
  byteFallback = steps[0] == "ByteFallback";
  return {};
}

// The byte of a token like <0xC4>, -1 for others. As Rust reads hexadecimal
// digits, "<0x+F>" is 15.
int16_t fallbackByteOf(std::string_view token) {
  if (token.size() != 6 || !token.starts_with("<0x") || token[5] != '>')
    return -1;
  auto digit = [](char c) {
    return c >= '0' && c <= '9'   ? c - '0'
           : c >= 'a' && c <= 'f' ? c - 'a' + 10
           : c >= 'A' && c <= 'F' ? c - 'A' + 10
                                  : -1;
  };
  int high = token[3] == '+' ? 0 : digit(token[3]), low = digit(token[4]);
  return static_cast<int16_t>(high < 0 || low < 0 ? -1 : high * 16 + low);
}

// Reads `key` with `read`, a function of its value that gives a Status.
template <typename Read>
Status readMember(const nlohmann::json &json, const char *key, Read read) {
  return read(memberOrNull(json, key)).withContext(inQuotes(key));
}

} // namespace

Status Tokenizer::Data::missing(int32_t id) const {
  if (id < 0 || id >= size)
    return invalidArgument("the token id " + std::to_string(id) +
                           " is not in 0 to " + std::to_string(size - 1));
  return invalidArgument("the token id " + std::to_string(id) +
                         " has no token");
}

Tokenizer::Tokenizer(std::shared_ptr<const Data> data)
    : data_(std::move(data)) {}

Result<Tokenizer> Tokenizer::fromJson(std::string_view json,
                                      const std::string &what) {
  return withoutThrowing([&]() -> Result<Tokenizer> {
    if (json.size() > kMaxJsonBytes)
      return invalidData(what + ": the tokenizer has " +
                         std::to_string(json.size()) +
                         " bytes; at most 256 MiB are supported");
    MAMBA_ASSIGN_OR_RETURN(nlohmann::json parsed, parseJson(json, what));
    JsonScope scope(parsed);
    auto data = std::make_shared<Data>();
    Status status = data->read(parsed);
    if (!status.ok())
      return status.withContext(what);
    return Tokenizer(std::move(data));
  });
}

Status Tokenizer::Data::read(const nlohmann::json &json) {
  MAMBA_RETURN_IF_ERROR(checkKeys(
      json, {"version", "truncation", "padding", "added_tokens", "normalizer",
             "pre_tokenizer", "post_processor", "decoder", "model"}));
  if (auto version = json.find("version");
      version != json.end() && !isText(*version, "1.0"))
    return unsupportedValue("version", *version, "'1.0'");
  for (const char *key : {"truncation", "padding"})
    if (!memberOrNull(json, key).is_null())
      return unsupportedValue(key, json[key], "null");

  MAMBA_RETURN_IF_ERROR(
      readMember(json, "normalizer", [&](const nlohmann::json &value) {
        return readNormalizer(value, nfc);
      }));
  MAMBA_RETURN_IF_ERROR(readMember(
      json, "pre_tokenizer", [&](const nlohmann::json &value) -> Status {
        MAMBA_ASSIGN_OR_RETURN(preTokenizer, PreTokenizer::fromJson(value));
        return {};
      }));
  MAMBA_RETURN_IF_ERROR(
      readMember(json, "decoder", [&](const nlohmann::json &value) {
        return readDecoder(value, byteFallbackDecoder);
      }));
  MAMBA_RETURN_IF_ERROR(
      readMember(json, "model", [&](const nlohmann::json &value) -> Status {
        MAMBA_ASSIGN_OR_RETURN(bpe, Bpe::fromJson(value));
        return {};
      }));
  MAMBA_ASSIGN_OR_RETURN(const nlohmann::json *addedJson,
                         getOptionalArray(json, "added_tokens"));
  if (addedJson) {
    auto tokens = AddedTokens::fromJson(*addedJson, bpe.vocabulary(), nfc);
    if (!tokens.ok())
      return tokens.status().withContext("'added_tokens'");
    added = *std::move(tokens);
  }
  listTokens();
  return readMember(
      json, "post_processor", [&](const nlohmann::json &value) -> Status {
        MAMBA_ASSIGN_OR_RETURN(postProcessor, Template::fromJson(value, size));
        return {};
      });
}

void Tokenizer::Data::listTokens() {
  for (const auto &[text, id] : bpe.vocabulary())
    size = std::max(size, id + 1);
  for (const AddedToken &token : added.tokens())
    size = std::max(size, token.id + 1);
  tokenOfId.assign(size, -1);

  auto add = [&](int32_t id, std::string_view content,
                 std::string_view written) -> Token & {
    int32_t &index = tokenOfId[id];
    if (index < 0) {
      index = static_cast<int32_t>(tokens.size());
      tokens.emplace_back();
    }
    Token &token = tokens[index];
    token.content = content;
    if (byteFallbackDecoder) {
      token.bytes = written;
      token.fallbackByte = fallbackByteOf(written);
    } else {
      token.bytes = bytesOfToken(written);
    }
    return token;
  };
  for (const auto &[text, id] : bpe.vocabulary())
    add(id, text, text);
  std::unordered_set<std::string_view> specials;
  for (const AddedToken &token : added.tokens())
    if (token.special)
      specials.insert(token.content);
  for (const AddedToken &token : added.tokens()) {
    // `tokenizers` decodes an added token as its normalised form, and looks
    // that form up among the special ones.
    Token &entry = add(token.id, token.content, token.pattern);
    entry.special = token.special;
    entry.skipped = specials.contains(token.pattern);
    addedIds.emplace(token.content, token.id);
  }
}

Result<std::vector<int32_t>> Tokenizer::encode(std::string_view text,
                                               bool addSpecialTokens) const {
  return withoutThrowing([&]() -> Result<std::vector<int32_t>> {
    if (text.size() > kMaxTextBytes)
      return invalidArgument("the text has " + std::to_string(text.size()) +
                             " bytes; at most 1 GiB can be encoded at once");
    std::string repaired;
    if (!isValidUtf8(text)) {
      repaired = replaceInvalidUtf8(text);
      text = repaired;
      if (text.size() > kMaxTextBytes)
        return invalidArgument("the text has more than 1 GiB once its invalid "
                               "UTF-8 is replaced");
    }
    MAMBA_ASSIGN_OR_RETURN(RegexScratch regexScratch, RegexScratch::create());
    Bpe::Scratch bpeScratch;
    std::vector<int32_t> ids;
    for (const TextPart &part : data_->added.raw().split(text)) {
      if (part.id >= 0)
        ids.push_back(part.id);
      else
        MAMBA_RETURN_IF_ERROR(data_->encodePart(
            text.substr(part.span.begin, part.span.end - part.span.begin),
            regexScratch, bpeScratch, ids));
    }
    return data_->postProcessor.apply(std::move(ids), addSpecialTokens);
  });
}

Status Tokenizer::Data::encodePart(std::string_view text,
                                   RegexScratch &regexScratch,
                                   Bpe::Scratch &bpeScratch,
                                   std::vector<int32_t> &ids) const {
  std::string normalized;
  if (nfc) {
    normalized = toNfc(text);
    text = normalized;
    if (text.size() > kMaxTextBytes)
      return invalidArgument("the text has more than 1 GiB in its NFC form");
  }
  for (const TextPart &part : added.normalized().split(text)) {
    if (part.id >= 0) {
      ids.push_back(part.id);
      continue;
    }
    Pieces pieces;
    pieces.text = text.substr(part.span.begin, part.span.end - part.span.begin);
    pieces.spans.push_back({0, static_cast<uint32_t>(pieces.text.size())});
    MAMBA_RETURN_IF_ERROR(preTokenizer.run(pieces, regexScratch));
    for (Span span : pieces.spans)
      MAMBA_RETURN_IF_ERROR(
          bpe.encode(std::string_view(pieces.text)
                         .substr(span.begin, span.end - span.begin),
                     bpeScratch, ids));
  }
  return {};
}

Result<std::string> Tokenizer::decode(std::span<const int32_t> ids,
                                      bool skipSpecialTokens) const {
  return withoutThrowing([&]() -> Result<std::string> {
    StreamDecoder decoder(*this, skipSpecialTokens);
    std::string out;
    for (int32_t id : ids)
      MAMBA_RETURN_IF_ERROR(decoder.pushTo(id, out));
    decoder.flushTo(out);
    return out;
  });
}

int32_t Tokenizer::size() const { return data_->size; }

Result<int32_t> Tokenizer::idOf(std::string_view content) const {
  auto added = data_->addedIds.find(content);
  if (added != data_->addedIds.end())
    return added->second;
  const TextMap<int32_t> &vocabulary = data_->bpe.vocabulary();
  auto found = vocabulary.find(content);
  if (found != vocabulary.end())
    return found->second;
  return notFound("the tokenizer has no token " + inQuotes(content));
}

Result<std::string_view> Tokenizer::contentOf(int32_t id) const {
  const Data::Token *token = data_->find(id);
  if (!token)
    return data_->missing(id);
  return token->content;
}

bool Tokenizer::isSpecial(int32_t id) const {
  const Data::Token *token = data_->find(id);
  return token && token->special;
}

} // namespace mamba
