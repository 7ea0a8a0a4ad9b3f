// What earlier builds computed.
#pragma once

#include "runtime/support/KernelCache.h"
#include "runtime/support/Status.h"

#include <atomic>
#include <functional>
#include <optional>
#include <string>
#include <vector>

namespace mamba {

class Jobs;

/// A kernel cache whose keys also hold this program, bit by bit, and LLVM's
/// version: what another compiler made is not found. Safe for any number of
/// threads.
class BuildCache {
public:
  /// Without a folder nothing is kept. `jobs` is borrowed.
  BuildCache(std::optional<KernelCache> cache, Jobs &jobs);

  /// What `kind` ("object", "ptx") and `key` have, or else what `make` gives,
  /// which is kept. `known` says whether it was found.
  Result<std::vector<uint8_t>> get(const std::string &kind, const std::string &key,
                                   const std::function<Result<std::vector<uint8_t>>()> &make,
                                   bool *known = nullptr) const;
  /// The same with bytes that `read` must take: others count as absent.
  Status get(const std::string &kind, const std::string &key,
             const std::function<bool(const std::vector<uint8_t> &)> &read,
             const std::function<Result<std::vector<uint8_t>>()> &make) const;

private:
  std::string keyOf(const std::string &kind, const std::string &key) const;

  std::optional<KernelCache> cache_;
  std::string compiler_;
  Jobs &jobs_;
};

} // namespace mamba
