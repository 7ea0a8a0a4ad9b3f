#include "runtime/model/tokenizer/AddedTokens.h"

#include "runtime/model/tokenizer/Support.h"
#include "runtime/model/tokenizer/Unicode.h"
#include "runtime/support/Json.h"
#include "runtime/support/Quote.h"

#include <algorithm>
#include <unordered_set>

namespace mamba {

namespace {

// Matching takes up to this many steps at each byte of a text.
constexpr size_t kMaxContentBytes = 1024;
constexpr size_t kMaxAddedTokens = 1 << 18;

Result<AddedToken> readToken(const nlohmann::json &json, bool normalize) {
  MAMBA_RETURN_IF_ERROR(
      checkKeys(json, {"id", "content", "single_word", "lstrip", "rstrip",
                       "normalized", "special"}));
  AddedToken token{};
  MAMBA_ASSIGN_OR_RETURN(int64_t id, getInt(json, "id", 0, kMaxTokenIds - 1));
  token.id = static_cast<int32_t>(id);
  MAMBA_ASSIGN_OR_RETURN(token.content, getString(json, "content"));
  MAMBA_ASSIGN_OR_RETURN(token.singleWord, getBool(json, "single_word"));
  MAMBA_ASSIGN_OR_RETURN(token.stripLeft, getBool(json, "lstrip"));
  MAMBA_ASSIGN_OR_RETURN(token.stripRight, getBool(json, "rstrip"));
  MAMBA_ASSIGN_OR_RETURN(token.normalized, getBool(json, "normalized"));
  MAMBA_ASSIGN_OR_RETURN(token.special, getBool(json, "special"));
  if (token.content.empty() || token.content.size() > kMaxContentBytes)
    return invalidData("'content' must have 1 to " +
                       std::to_string(kMaxContentBytes) + " bytes, got " +
                       std::to_string(token.content.size()));
  token.pattern =
      token.normalized && normalize ? toNfc(token.content) : token.content;
  return token;
}

} // namespace

Status TokenMatcher::add(const AddedToken &token) {
  uint32_t node = 0;
  for (char c : token.pattern) {
    auto [found, isNew] =
        edges_.try_emplace(edge(node, static_cast<unsigned char>(c)),
                           static_cast<uint32_t>(nodes_.size()));
    if (isNew)
      nodes_.emplace_back();
    node = found->second;
  }
  if (nodes_[node].token)
    return invalidData("the tokens " + inQuotes(nodes_[node].token->content) +
                       " and " + inQuotes(token.content) +
                       " are the same to the normalizer");
  nodes_[node].token = &token;
  starts_[static_cast<unsigned char>(token.pattern.front())] = true;
  return {};
}

std::vector<TextPart> TokenMatcher::split(std::string_view text) const {
  std::vector<TextPart> parts;
  auto span = [](size_t begin, size_t end) {
    return Span{static_cast<uint32_t>(begin), static_cast<uint32_t>(end)};
  };
  size_t done = 0; // what stands before is in `parts`
  for (size_t at = 0; at < text.size();) {
    if (!starts_[static_cast<unsigned char>(text[at])]) {
      ++at;
      continue;
    }
    const AddedToken *token = nullptr;
    size_t end = at;
    uint32_t node = 0;
    for (size_t i = at; i < text.size(); ++i) {
      auto next = edges_.find(edge(node, static_cast<unsigned char>(text[i])));
      if (next == edges_.end())
        break;
      node = next->second;
      if (nodes_[node].token) {
        token = nodes_[node].token;
        end = i + 1;
      }
    }
    if (!token) {
      ++at;
      continue;
    }
    size_t begin = at;
    at = end; // the search goes on here, whatever is stripped or refused
    if (token->singleWord &&
        ((begin > 0 && isWordCharacter(codePointBefore(text, begin).value)) ||
         (end < text.size() && isWordCharacter(codePointAt(text, end).value))))
      continue;
    if (token->stripLeft) {
      size_t first = begin;
      while (first > 0) {
        CodePoint c = codePointBefore(text, first);
        if (!isWhiteSpace(c.value))
          break;
        first -= c.length;
      }
      begin = std::max(first, done);
    }
    if (token->stripRight)
      while (end < text.size()) {
        CodePoint c = codePointAt(text, end);
        if (!isWhiteSpace(c.value))
          break;
        end += c.length;
      }
    if (done < begin)
      parts.push_back({span(done, begin), -1});
    parts.push_back({span(begin, end), token->id});
    done = end;
  }
  if (done != text.size())
    parts.push_back({span(done, text.size()), -1});
  return parts;
}

Result<AddedTokens> AddedTokens::fromJson(const nlohmann::json &json,
                                          const TextMap<int32_t> &vocabulary,
                                          bool normalize) {
  AddedTokens result;
  if (json.size() > kMaxAddedTokens)
    return invalidData("there are " + std::to_string(json.size()) +
                       " tokens; at most " + std::to_string(kMaxAddedTokens) +
                       " are supported");
  result.tokens_.reserve(json.size());
  std::unordered_set<int32_t> taken;
  std::unordered_set<std::string_view> contents;
  for (const auto &[text, id] : vocabulary)
    taken.insert(id);
  // The library gives new tokens the ids from the vocabulary's size on, and
  // does not look at the declared ones.
  int64_t nextId = static_cast<int64_t>(vocabulary.size());
  for (size_t i = 0; i < json.size(); ++i) {
    std::string where = "[" + std::to_string(i) + "]";
    auto read = readToken(json[i], normalize);
    if (!read.ok())
      return read.status().withContext(where);
    auto old = vocabulary.find(read->content);
    int64_t id = old != vocabulary.end() ? old->second : nextId++;
    if (read->id != id)
      return invalidData(
          where + ": 'id' is " + std::to_string(read->id) + ", but the token " +
          inQuotes(read->content) + " gets id " + std::to_string(id) +
          (old != vocabulary.end() ? " from 'vocab'"
                                   : ", the next one after the vocabulary"));
    if (old == vocabulary.end() && !taken.insert(read->id).second)
      return invalidData(where + ": id " + std::to_string(id) + " of " +
                         inQuotes(read->content) + " is taken in 'vocab'");
    result.tokens_.push_back(*std::move(read));
    if (!contents.insert(result.tokens_.back().content).second)
      return invalidData(where + ": the token " +
                         inQuotes(result.tokens_.back().content) +
                         " occurs twice");
  }
  for (const AddedToken &token : result.tokens_)
    MAMBA_RETURN_IF_ERROR(
        (token.normalized ? result.normalized_ : result.raw_).add(token));
  return result;
}

} // namespace mamba
