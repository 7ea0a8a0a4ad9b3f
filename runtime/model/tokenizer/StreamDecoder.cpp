#include "runtime/model/tokenizer/StreamDecoder.h"

#include "runtime/model/tokenizer/TokenizerData.h"
#include "runtime/model/tokenizer/Unicode.h"
#include "runtime/support/Utf8.h"

namespace mamba {

namespace {

constexpr std::string_view kReplacement = "\xEF\xBF\xBD";

} // namespace

void Utf8Assembler::push(std::string_view bytes, std::string &out) {
  std::string joined, cut; // Where memory ends, nothing has happened.
  if (!pending_.empty()) {
    joined = pending_;
    joined += bytes;
    bytes = joined;
  }
  while (!bytes.empty()) {
    Utf8Part part = utf8PartAt(bytes);
    if (part.cut) {
      cut = bytes;
      break;
    }
    out += part.whole ? bytes.substr(0, part.length) : kReplacement;
    bytes.remove_prefix(part.length);
  }
  pending_ = std::move(cut);
}

void Utf8Assembler::flush(std::string &out) {
  if (!pending_.empty())
    out += kReplacement;
  pending_.clear();
}

Result<std::string> StreamDecoder::push(int32_t id) {
  return withoutThrowing([&]() -> Result<std::string> {
    std::string out;
    MAMBA_RETURN_IF_ERROR(pushTo(id, out));
    return out;
  });
}

std::string StreamDecoder::flush() {
  std::string out;
  flushTo(out);
  return out;
}

Status StreamDecoder::pushTo(int32_t id, std::string &out) {
  const Tokenizer::Data &data = *tokenizer_.data_;
  const Tokenizer::Data::Token *token = data.find(id);
  if (!token)
    return data.missing(id);
  if (skipSpecialTokens_ && token->skipped)
    return {};
  if (!data.byteFallbackDecoder) {
    assembler_.push(token->bytes, out);
    return {};
  }
  // The decoder ByteFallback judges a run of byte tokens as a whole, so none
  // of it is known before its end.
  if (token->fallbackByte >= 0) {
    byteRun_ += static_cast<char>(token->fallbackByte);
    return {};
  }
  appendRun(out);
  out += token->bytes;
  byteRun_.clear();
  return {};
}

void StreamDecoder::flushTo(std::string &out) {
  assembler_.flush(out);
  appendRun(out);
  byteRun_.clear();
}

void StreamDecoder::appendRun(std::string &out) const {
  if (isValidUtf8(byteRun_))
    out += byteRun_;
  else
    for (size_t i = 0; i < byteRun_.size(); ++i)
      out += kReplacement;
}

} // namespace mamba
