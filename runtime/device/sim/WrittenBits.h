// A bit for each of many bytes (or sectors), set by several threads at once.
#pragma once

#include <algorithm>
#include <atomic>
#include <cstdint>
#include <memory>

namespace mamba::sim {

/// All operations are relaxed: a kernel that races may make the bits late, never
/// torn.
class WrittenBits {
public:
  WrittenBits() = default;
  explicit WrittenBits(uint64_t size) { resize(size); }

  /// `size` bits, none set.
  void resize(uint64_t size) {
    words_ = (size + 63) / 64;
    bits_ = std::make_unique<std::atomic<uint64_t>[]>(words_);
  }
  bool isEmpty() const { return !bits_; }
  void clearAll() {
    for (uint64_t i = 0; i < words_; ++i)
      bits_[i].store(0, std::memory_order_relaxed);
  }

  /// Whether all of [begin, begin + count) are set.
  bool all(uint64_t begin, uint64_t count) const {
    return eachWord(begin, count, [&](uint64_t word, uint64_t mask) {
      return (bits_[word].load(std::memory_order_relaxed) & mask) == mask;
    });
  }
  /// How many from `begin` on are set, at most `count`.
  uint64_t firstUnset(uint64_t begin, uint64_t count) const {
    uint64_t bit = begin;
    eachWord(begin, count, [&](uint64_t word, uint64_t mask) {
      uint64_t unset = ~bits_[word].load(std::memory_order_relaxed) & mask;
      bit = word * 64 + (unset ? unsigned(__builtin_ctzll(unset)) : 64);
      return unset == 0;
    });
    return std::min(bit - begin, count);
  }
  bool any(uint64_t begin, uint64_t count) const {
    return !eachWord(begin, count, [&](uint64_t word, uint64_t mask) {
      return (bits_[word].load(std::memory_order_relaxed) & mask) == 0;
    });
  }
  void set(uint64_t begin, uint64_t count) {
    eachWord(begin, count, [&](uint64_t word, uint64_t mask) {
      uint64_t old = bits_[word].load(std::memory_order_relaxed);
      if ((old & mask) != mask) {
        if (mask == ~uint64_t(0))
          bits_[word].store(mask, std::memory_order_relaxed);
        else
          bits_[word].fetch_or(mask, std::memory_order_relaxed);
      }
      return true;
    });
  }
  void clear(uint64_t begin, uint64_t count) {
    eachWord(begin, count, [&](uint64_t word, uint64_t mask) {
      if (mask == ~uint64_t(0))
        bits_[word].store(0, std::memory_order_relaxed);
      else
        bits_[word].fetch_and(~mask, std::memory_order_relaxed);
      return true;
    });
  }
  uint64_t count() const {
    uint64_t sum = 0;
    for (uint64_t i = 0; i < words_; ++i)
      sum += __builtin_popcountll(bits_[i].load(std::memory_order_relaxed));
    return sum;
  }

private:
  template <typename F> static bool eachWord(uint64_t begin, uint64_t count, F &&f) {
    while (count) {
      unsigned first = begin % 64;
      uint64_t n = std::min<uint64_t>(64 - first, count);
      if (!f(begin / 64, (n == 64 ? ~uint64_t(0) : (uint64_t(1) << n) - 1) << first))
        return false;
      begin += n;
      count -= n;
    }
    return true;
  }

  uint64_t words_ = 0;
  std::unique_ptr<std::atomic<uint64_t>[]> bits_;
};

} // namespace mamba::sim
