#include "runtime/tune/Shard.h"

#include "runtime/support/Quote.h"

#include <algorithm>
#include <charconv>
#include <numeric>
#include <tuple>

namespace mamba::tune {

/// As many as a batch system has in an array of jobs.
static constexpr size_t kMostShards = 65536;

static bool parseNumber(std::string_view text, size_t &value) {
  auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  return error == std::errc() && end == text.data() + text.size();
}

Result<Shard> Shard::parse(std::string_view text) {
  size_t slash = text.find('/');
  Shard shard;
  if (slash != std::string_view::npos && parseNumber(text.substr(0, slash), shard.number) &&
      parseNumber(text.substr(slash + 1), shard.count) && shard.number >= 1 &&
      shard.number <= shard.count && shard.count <= kMostShards)
    return shard;
  return invalidArgument("must be I/N, as in 2/8, I from 1 to N and N at most " +
                         std::to_string(kMostShards) + ", got " + inQuotes(text));
}

std::string Shard::text() const { return std::to_string(number) + "/" + std::to_string(count); }

std::vector<size_t> deal(const std::vector<ShardItem> &items, size_t shares) {
  std::vector<size_t> order(items.size());
  std::iota(order.begin(), order.end(), 0);
  std::sort(order.begin(), order.end(), [&](size_t a, size_t b) {
    return std::tie(items[b].candidates, items[a].key) <
           std::tie(items[a].candidates, items[b].key);
  });
  std::vector<size_t> loads(shares), result(items.size());
  for (size_t i : order) {
    size_t least = std::min_element(loads.begin(), loads.end()) - loads.begin();
    loads[least] += items[i].candidates;
    result[i] = least + 1;
  }
  return result;
}

} // namespace mamba::tune
