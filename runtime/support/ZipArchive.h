// Reads zip archives whose entries are stored as they are, as torch.save writes
// them. Everything is verified once, when opened.
#pragma once

#include "runtime/support/Status.h"

#include <cstdint>
#include <map>
#include <string>
#include <string_view>
#include <vector>

namespace mamba {

struct ZipEntry {
  std::string_view name; // Borrowed from the archive's bytes; any bytes but 0.
  const uint8_t *data;   // The same; never null, aligned to 1 byte only.
  uint64_t bytes;
  uint32_t checksum; // CRC-32 as the archive's directory has it; unchecked.
};

/// Whether an entry's bytes have its checksum, or it has none: 0, as PyTorch
/// writes when told to leave them out. Touches every byte.
bool hasItsChecksum(const ZipEntry &entry);

/// The entries of a zip or zip64 archive. Names are distinct, entries lie
/// inside the archive and do not overlap. Compressed and encrypted entries are
/// refused, so that nothing grows when it is read.
class ZipArchive {
public:
  /// Over memory that the caller keeps alive and unchanged; `what` names it in
  /// messages.
  static Result<ZipArchive> parse(const uint8_t *data, uint64_t size,
                                  const std::string &what);

  /// In the order of the archive's directory.
  const std::vector<ZipEntry> &entries() const { return entries_; }

  /// Null when there is none of this name.
  const ZipEntry *find(std::string_view name) const;

private:
  ZipArchive() = default;
  friend class ZipParser;

  std::vector<ZipEntry> entries_;
  std::map<std::string_view, size_t> index_; // Into entries_.
};

} // namespace mamba
