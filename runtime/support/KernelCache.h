// Machine code that was compiled here, kept on the disk for the next process.
#pragma once

#include "runtime/support/Status.h"

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

namespace mamba {

/// A folder of small files, named by the SHA-256 of what they were made from.
/// Processes share it: a file appears whole or not at all, and one that is
/// damaged counts as absent and goes. What it cannot keep is made anew.
class KernelCache {
public:
  /// All files together, in bytes; the oldest go first.
  static constexpr uint64_t kMaxBytes = uint64_t(256) << 20;

  /// The folder that MAMBA_CACHE names, else `mamba` in the user's cache folder
  /// (XDG_CACHE_HOME or ~/.cache); MAMBA_CACHE=off keeps nothing.
  static KernelCache ofUser();
  explicit KernelCache(std::string folder, uint64_t maxBytes = kMaxBytes)
      : folder_(std::move(folder)), maxBytes_(maxBytes) {}

  /// `key` is a text with all that the bytes depend on.
  std::optional<std::vector<uint8_t>> find(const std::string &key) const;
  /// A cache that cannot be written is no failure of what was made.
  void store(const std::string &key, const void *data, uint64_t bytes) const;
  /// Forgets what `key` has.
  void remove(const std::string &key) const;

private:
  std::string fileOf(const std::string &key) const;
  void trim() const;

  std::string folder_; // Empty: nothing is kept.
  uint64_t maxBytes_;
};

} // namespace mamba
