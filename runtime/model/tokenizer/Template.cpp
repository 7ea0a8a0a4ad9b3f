#include "runtime/model/tokenizer/Template.h"

#include "runtime/model/tokenizer/Support.h"
#include "runtime/support/Json.h"
#include "runtime/support/Quote.h"

namespace mamba {

namespace {

constexpr size_t kMaxPieces = 64;

} // namespace

Result<Template> Template::fromJson(const nlohmann::json &json, int32_t size) {
  Template result;
  if (!json.is_null())
    MAMBA_RETURN_IF_ERROR(result.read(json, size, 0));
  return result;
}

Status Template::read(const nlohmann::json &json, int32_t size, int depth) {
  if (!json.is_object())
    return invalidData("must be an object or null, got " +
                       describeJsonKind(json));
  MAMBA_ASSIGN_OR_RETURN(std::string type, getString(json, "type"));
  if (type == "ByteLevel") // trims offsets, which nobody asks for here
    return checkKeys(json,
                     {"type", "add_prefix_space", "trim_offsets", "use_regex"});
  if (type == "Sequence") {
    MAMBA_RETURN_IF_ERROR(checkKeys(json, {"type", "processors"}));
    MAMBA_ASSIGN_OR_RETURN(const nlohmann::json *list,
                           getArray(json, "processors"));
    if (depth == 4)
      return invalidData("sequences are nested more than 4 deep");
    for (size_t i = 0; i < list->size(); ++i)
      MAMBA_RETURN_IF_ERROR(
          read((*list)[i], size, depth + 1)
              .withContext("processors[" + std::to_string(i) + "]"));
    return {};
  }
  if (type != "TemplateProcessing")
    return unsupportedValue("type", type,
                            "TemplateProcessing, ByteLevel or Sequence");
  if (hasTemplate_)
    return unsupportedValue("type", type, "one TemplateProcessing only");
  hasTemplate_ = true;
  return readTemplate(json, size);
}

Status Template::readTemplate(const nlohmann::json &json, int32_t size) {
  MAMBA_RETURN_IF_ERROR(
      checkKeys(json, {"type", "single", "pair", "special_tokens"}));
  MAMBA_ASSIGN_OR_RETURN(const nlohmann::json *single,
                         getArray(json, "single"));
  MAMBA_ASSIGN_OR_RETURN(const nlohmann::json *specials,
                         getObject(json, "special_tokens"));
  pieces_.clear();
  for (const nlohmann::json &piece : *single) {
    if (!piece.is_object() || piece.size() != 1)
      return invalidData("a piece of 'single' must be an object with one "
                         "member, 'Sequence' or 'SpecialToken'");
    if (piece.contains("Sequence")) {
      MAMBA_ASSIGN_OR_RETURN(const nlohmann::json *sequence,
                             getObject(piece, "Sequence"));
      MAMBA_ASSIGN_OR_RETURN(std::string id, getString(*sequence, "id"));
      if (id != "A")
        return unsupportedValue("id", id, "'A' in 'single'");
      pieces_.push_back(kSequence);
    } else if (piece.contains("SpecialToken")) {
      MAMBA_ASSIGN_OR_RETURN(const nlohmann::json *token,
                             getObject(piece, "SpecialToken"));
      MAMBA_ASSIGN_OR_RETURN(std::string name, getString(*token, "id"));
      auto special = getObject(*specials, name);
      if (!special.ok())
        return special.status().withContext("'special_tokens'");
      auto ids = getIntArray(**special, "ids", 0, size - 1);
      if (!ids.ok())
        return ids.status().withContext("'special_tokens': " + inQuotes(name));
      pieces_.insert(pieces_.end(), ids->begin(), ids->end());
    } else {
      return unsupportedValue(piece.begin().key(), piece.front(),
                              "'Sequence' or 'SpecialToken'");
    }
    if (pieces_.size() > kMaxPieces)
      return invalidData("'single' adds more than " +
                         std::to_string(kMaxPieces) + " tokens");
  }
  return {};
}

std::vector<int32_t> Template::apply(std::vector<int32_t> ids,
                                     bool addSpecialTokens) const {
  if (pieces_.size() == 1 && pieces_[0] == kSequence)
    return ids;
  std::vector<int32_t> out;
  out.reserve(ids.size() + pieces_.size());
  for (int32_t piece : pieces_) {
    if (piece == kSequence)
      out.insert(out.end(), ids.begin(), ids.end());
    else if (addSpecialTokens)
      out.push_back(piece);
  }
  return out;
}

} // namespace mamba
