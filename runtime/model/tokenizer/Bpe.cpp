#include "runtime/model/tokenizer/Bpe.h"

#include "runtime/model/tokenizer/Support.h"
#include "runtime/model/tokenizer/Unicode.h"
#include "runtime/support/Json.h"
#include "runtime/support/Quote.h"
#include "runtime/support/Utf8.h"

#include <algorithm>
#include <cstdio>

namespace mamba {

namespace {

// The cache of one call: words shorter than this, and so many of them.
constexpr size_t kCachedWordBytes = 256;
constexpr size_t kCachedWords = 1 << 16;

Status readFlag(const nlohmann::json &json, std::string_view key, bool &flag) {
  MAMBA_ASSIGN_OR_RETURN(std::optional<bool> value, getOptionalBool(json, key));
  flag = value.value_or(false);
  return {};
}

} // namespace

uint64_t MergeTable::keyOf(int32_t left, int32_t right) {
  return static_cast<uint64_t>(static_cast<uint32_t>(left)) << 32 |
         static_cast<uint32_t>(right);
}

size_t MergeTable::slotOf(uint64_t key) const {
  // Multiplicative hashing; the high bits are the mixed ones.
  size_t mask = slots_.size() - 1;
  size_t slot = (key * 0x9E3779B97F4A7C15u) >> 32 & mask;
  while (slots_[slot].key != kFree && slots_[slot].key != key)
    slot = (slot + 1) & mask;
  return slot;
}

void MergeTable::reserve(size_t count) {
  size_t size = 2;
  while (size < 2 * count + 2)
    size *= 2;
  slots_.assign(size, Slot{});
}

bool MergeTable::insert(int32_t left, int32_t right, Merge merge) {
  uint64_t key = keyOf(left, right);
  Slot &slot = slots_[slotOf(key)];
  if (slot.key == key)
    return false;
  slot = {key, merge};
  return true;
}

const MergeTable::Merge *MergeTable::find(int32_t left, int32_t right) const {
  const Slot &slot = slots_[slotOf(keyOf(left, right))];
  return slot.key == kFree ? nullptr : &slot.merge;
}

Result<Bpe> Bpe::fromJson(const nlohmann::json &json) {
  MAMBA_RETURN_IF_ERROR(checkKeys(
      json, {"type", "dropout", "unk_token", "continuing_subword_prefix",
             "end_of_word_suffix", "fuse_unk", "byte_fallback", "ignore_merges",
             "vocab", "merges"}));
  if (auto type = json.find("type");
      type != json.end() && !isText(*type, "BPE"))
    return unsupportedValue("type", *type, "'BPE'");
  MAMBA_ASSIGN_OR_RETURN(std::optional<double> dropout,
                         getOptionalDouble(json, "dropout"));
  if (dropout && *dropout != 0)
    return unsupportedValue("dropout", json["dropout"], "null");
  for (const char *key : {"continuing_subword_prefix", "end_of_word_suffix"}) {
    MAMBA_ASSIGN_OR_RETURN(std::optional<std::string> affix,
                           getOptionalString(json, key));
    if (affix && !affix->empty())
      return unsupportedValue(key, *affix, "null");
  }
  Bpe bpe;
  MAMBA_ASSIGN_OR_RETURN(bpe.unknownToken_,
                         getOptionalString(json, "unk_token"));
  MAMBA_RETURN_IF_ERROR(readFlag(json, "fuse_unk", bpe.fuseUnknown_));
  MAMBA_RETURN_IF_ERROR(readFlag(json, "byte_fallback", bpe.byteFallback_));
  MAMBA_RETURN_IF_ERROR(readFlag(json, "ignore_merges", bpe.ignoreMerges_));
  MAMBA_RETURN_IF_ERROR(bpe.readVocabulary(json));
  MAMBA_RETURN_IF_ERROR(bpe.readMerges(json));
  return bpe;
}

Status Bpe::readVocabulary(const nlohmann::json &json) {
  MAMBA_ASSIGN_OR_RETURN(const nlohmann::json *vocab, getObject(json, "vocab"));
  if (vocab->empty())
    return invalidData("'vocab' must have a token");
  vocabulary_.reserve(vocab->size());
  std::vector<int32_t> ids;
  ids.reserve(vocab->size());
  for (const auto &[token, value] : vocab->items()) {
    auto id = getInt(*vocab, token, 0, kMaxTokenIds - 1);
    if (!id.ok())
      return id.status().withContext("'vocab'");
    if (token.empty())
      return unsupportedValue("vocab", "", "tokens that are not empty");
    vocabulary_.emplace(token, static_cast<int32_t>(*id));
    ids.push_back(static_cast<int32_t>(*id));
  }
  std::sort(ids.begin(), ids.end());
  auto twice = std::adjacent_find(ids.begin(), ids.end());
  if (twice != ids.end()) {
    std::string names;
    for (const auto &[token, id] : vocabulary_)
      if (id == *twice && names.size() < 100)
        names += (names.empty() ? "" : " and ") + inQuotes(token);
    return invalidData("'vocab' gives id " + std::to_string(*twice) + " to " +
                       names);
  }

  for (uint32_t c = 0; c < letters_.size(); ++c) {
    std::string letter;
    appendUtf8(letter, c);
    letters_[c] = find(letter).value_or(-1);
  }
  for (unsigned b = 0; b < bytes_.size(); ++b) {
    char name[8];
    std::snprintf(name, sizeof name, "<0x%02X>", b);
    bytes_[b] = find(name).value_or(-1);
  }
  return {};
}

Status Bpe::readMerges(const nlohmann::json &json) {
  MAMBA_ASSIGN_OR_RETURN(const nlohmann::json *merges,
                         getArray(json, "merges"));
  merges_.reserve(merges->size());
  bool pairs = !merges->empty() && merges->front().is_array();
  for (size_t i = 0; i < merges->size(); ++i) {
    const nlohmann::json &merge = (*merges)[i];
    Status status;
    if (pairs && merge.is_array() && merge.size() == 2 &&
        merge[0].is_string() && merge[1].is_string()) {
      status = addMerge(merge[0].get_ref<const std::string &>(),
                        merge[1].get_ref<const std::string &>());
    } else if (!pairs && merge.is_string()) {
      std::string_view line = merge.get_ref<const std::string &>();
      if (line.starts_with("#version"))
        continue;
      size_t space = line.find(' ');
      if (space == std::string_view::npos ||
          line.find(' ', space + 1) != std::string_view::npos)
        status =
            invalidData(inQuotes(line) + " must be two tokens and a space");
      else
        status = addMerge(line.substr(0, space), line.substr(space + 1));
    } else {
      status = invalidData(
          pairs ? "must be an array of two strings, like the first merge"
                : "must be a string 'a b', or all merges arrays ['a', 'b']");
    }
    if (!status.ok())
      return status.withContext("'merges'[" + std::to_string(i) + "]");
  }
  return {};
}

Status Bpe::addMerge(std::string_view left, std::string_view right) {
  std::string whole = std::string(left) + std::string(right);
  std::optional<int32_t> a = find(left), b = find(right), c = find(whole);
  for (const auto &[token, id] : {std::pair<std::string_view, bool>{left, !!a},
                                  {right, !!b},
                                  {whole, !!c}})
    if (!id)
      return invalidData("the token " + inQuotes(token) + " is not in 'vocab'");
  if (!merges_.insert(*a, *b, {mergeCount_++, *c}))
    return invalidData("the pair " + inQuotes(left) + ", " + inQuotes(right) +
                       " occurs twice");
  return {};
}

std::optional<int32_t> Bpe::find(std::string_view token) const {
  auto found = vocabulary_.find(token);
  if (found == vocabulary_.end())
    return std::nullopt;
  return found->second;
}

Status Bpe::encode(std::string_view word, Scratch &scratch,
                   std::vector<int32_t> &ids) const {
  bool cacheable = word.size() < kCachedWordBytes;
  if (cacheable) {
    auto hit = scratch.cache.find(word);
    if (hit != scratch.cache.end()) {
      ids.insert(ids.end(), scratch.cachedIds.begin() + hit->second.begin,
                 scratch.cachedIds.begin() + hit->second.end);
      return {};
    }
  }
  size_t before = ids.size();
  std::optional<int32_t> whole;
  if (ignoreMerges_)
    whole = find(word);
  if (whole) {
    ids.push_back(*whole);
  } else {
    MAMBA_RETURN_IF_ERROR(split(word, scratch));
    merge(scratch);
    for (const Scratch::Symbol &symbol : scratch.symbols)
      if (!symbol.merged)
        ids.push_back(symbol.id);
  }
  if (cacheable && scratch.cache.size() < kCachedWords) {
    size_t begin = scratch.cachedIds.size();
    scratch.cachedIds.insert(scratch.cachedIds.end(), ids.begin() + before,
                             ids.end());
    scratch.cache.emplace(word,
                          Scratch::Cached{begin, scratch.cachedIds.size()});
  }
  return {};
}

Status Bpe::split(std::string_view word, Scratch &scratch) const {
  auto &symbols = scratch.symbols;
  symbols.clear();
  auto add = [&](int32_t id) {
    int32_t at = static_cast<int32_t>(symbols.size());
    if (at > 0)
      symbols.back().next = at;
    symbols.push_back({id, at - 1, -1, false});
  };
  // An unknown token waits for the next known one, so that its neighbours may
  // fuse with it; bytes of a fallback do overtake it, as in `tokenizers`.
  int32_t waiting = -1;
  for (size_t at = 0; at < word.size();) {
    CodePoint c = codePointAt(word, at);
    std::string_view text = word.substr(at, c.length);
    at += c.length;
    int32_t id =
        c.value < letters_.size() ? letters_[c.value] : find(text).value_or(-1);
    if (id >= 0) {
      if (waiting >= 0)
        add(waiting);
      waiting = -1;
      add(id);
      continue;
    }
    auto byteId = [&](char b) { return bytes_[static_cast<unsigned char>(b)]; };
    if (byteFallback_ && std::all_of(text.begin(), text.end(),
                                     [&](char b) { return byteId(b) >= 0; })) {
      for (char b : text)
        add(byteId(b));
      continue;
    }
    if (!unknownToken_)
      continue;
    if (waiting >= 0 && fuseUnknown_)
      continue;
    std::optional<int32_t> unknown = find(*unknownToken_);
    if (!unknown)
      return invalidData("the text has " + inQuotes(text) +
                         ", which is not in 'vocab', and neither is the "
                         "'unk_token' " +
                         inQuotes(*unknownToken_));
    if (waiting >= 0)
      add(waiting);
    waiting = *unknown;
  }
  if (waiting >= 0)
    add(waiting);
  return {};
}

void Bpe::merge(Scratch &scratch) const {
  auto &symbols = scratch.symbols;
  auto &heap = scratch.heap;
  heap.clear();
  auto candidateAt = [&](int32_t left) -> std::optional<Scratch::Candidate> {
    int32_t right = symbols[left].next;
    if (right < 0)
      return std::nullopt;
    const MergeTable::Merge *merge =
        merges_.find(symbols[left].id, symbols[right].id);
    if (!merge)
      return std::nullopt;
    return Scratch::Candidate{merge->rank, static_cast<uint32_t>(left),
                              merge->id};
  };
  for (size_t i = 0; i + 1 < symbols.size(); ++i)
    if (auto candidate = candidateAt(static_cast<int32_t>(i)))
      heap.push_back(*candidate);
  std::make_heap(heap.begin(), heap.end(), Scratch::later);

  auto push = [&](int32_t left) {
    if (auto candidate = candidateAt(left)) {
      heap.push_back(*candidate);
      std::push_heap(heap.begin(), heap.end(), Scratch::later);
    }
  };
  while (!heap.empty()) {
    Scratch::Candidate top = heap.front();
    std::pop_heap(heap.begin(), heap.end(), Scratch::later);
    heap.pop_back();
    int32_t at = static_cast<int32_t>(top.at);
    if (symbols[at].merged || symbols[at].next < 0)
      continue;
    // Skip an entry that an earlier merge has made stale.
    int32_t next = symbols[at].next;
    const MergeTable::Merge *merge =
        merges_.find(symbols[at].id, symbols[next].id);
    if (!merge || merge->id != top.id)
      continue;

    symbols[at].id = top.id;
    symbols[at].next = symbols[next].next;
    symbols[next].merged = true;
    if (symbols[at].next >= 0)
      symbols[symbols[at].next].previous = at;
    if (symbols[at].previous >= 0)
      push(symbols[at].previous);
    push(at);
  }
}

} // namespace mamba
