// Byte pair encoding: a word to token ids.
#pragma once

#include "runtime/support/Status.h"

#include <nlohmann/json.hpp>

#include <array>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

namespace mamba {

/// Ids stay below this, so that a table over all of them is small.
inline constexpr int32_t kMaxTokenIds = 1 << 22;

/// Lets a map of strings be asked for a string_view.
struct TextHash {
  using is_transparent = void;
  size_t operator()(std::string_view text) const {
    return std::hash<std::string_view>()(text);
  }
};
template <typename T>
using TextMap = std::unordered_map<std::string, T, TextHash, std::equal_to<>>;

/// A pair of neighbours to its rank (less is earlier) and what it becomes.
class MergeTable {
public:
  struct Merge {
    uint32_t rank;
    int32_t id;
  };

  void reserve(size_t count);
  /// Whether the pair is new; an old one stays as it is.
  bool insert(int32_t left, int32_t right, Merge merge);
  /// Null for a pair that does not merge.
  const Merge *find(int32_t left, int32_t right) const;

private:
  struct Slot {
    uint64_t key = kFree;
    Merge merge{};
  };
  static constexpr uint64_t kFree = ~uint64_t{0}; // ids are not negative
  static uint64_t keyOf(int32_t left, int32_t right);
  size_t slotOf(uint64_t key) const;

  std::vector<Slot> slots_; // a power of two, at most half of them taken
};

/// The model, immutable once read.
class Bpe {
public:
  /// The buffers of one thread, kept between words.
  class Scratch {
    friend class Bpe;
    struct Symbol {
      int32_t id;
      int32_t previous, next; // indices; -1: none
      bool merged;            // into the one before it
    };
    struct Candidate {
      uint32_t rank;
      uint32_t at; // the left symbol
      int32_t id;  // what the pair becomes
    };
    static bool later(const Candidate &a, const Candidate &b) {
      return a.rank != b.rank ? a.rank > b.rank : a.at > b.at;
    }
    struct Cached {
      size_t begin, end; // in cachedIds
    };
    std::vector<Symbol> symbols;
    std::vector<Candidate> heap;
    TextMap<Cached> cache;
    std::vector<int32_t> cachedIds;
  };

  /// `json` is the value of "model".
  static Result<Bpe> fromJson(const nlohmann::json &json);

  const TextMap<int32_t> &vocabulary() const { return vocabulary_; }

  /// Appends the ids of a word, in time n log n of its length. A character
  /// that is not in the vocabulary becomes its bytes (byte_fallback) or the
  /// unknown token, or is dropped where none is declared.
  Status encode(std::string_view word, Scratch &scratch,
                std::vector<int32_t> &ids) const;

private:
  Status readVocabulary(const nlohmann::json &json);
  Status readMerges(const nlohmann::json &json);
  Status addMerge(std::string_view left, std::string_view right);
  std::optional<int32_t> find(std::string_view token) const;
  Status split(std::string_view word, Scratch &scratch) const;
  void merge(Scratch &scratch) const;

  TextMap<int32_t> vocabulary_;
  std::array<int32_t, 512> letters_; // ids of U+0000 to U+01FF, -1: none
  std::array<int32_t, 256> bytes_;   // ids of <0x00> to <0xFF>, -1: none
  MergeTable merges_;
  uint32_t mergeCount_ = 0;
  std::optional<std::string> unknownToken_;
  bool fuseUnknown_ = false;
  bool byteFallback_ = false;
  bool ignoreMerges_ = false;
};

} // namespace mamba
