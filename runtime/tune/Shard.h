// Shares of a sweep, for several machines.
#pragma once

#include "runtime/support/Status.h"

#include <cstddef>
#include <string>
#include <string_view>
#include <vector>

namespace mamba::tune {

/// One share of several, written 2/8: the second of eight.
struct Shard {
  size_t number = 1, count = 1;

  static Result<Shard> parse(std::string_view text);
  std::string text() const;
  bool isAll() const { return count == 1; }

  bool operator==(const Shard &) const = default;
};

/// What is dealt: a kernel's key, which no other has, and how many candidates of
/// it are tried.
struct ShardItem {
  std::string key;
  size_t candidates = 0;
};

/// The share of each item, from 1: the ones with the most candidates first, of
/// equal ones by key, each goes to the share with the fewest candidates so far,
/// of equal ones the first. Nothing else counts, neither the order of the items
/// nor the machine.
std::vector<size_t> deal(const std::vector<ShardItem> &items, size_t shares);

} // namespace mamba::tune
