#include "runtime/support/ZipArchive.h"

#include "runtime/support/CheckedMath.h"
#include "runtime/support/Quote.h"

#include <algorithm>
#include <array>

namespace mamba {
namespace {

// The records of the format (APPNOTE.TXT, sections 4.3 and 4.5): signature and
// bytes without the parts of variable length.
constexpr uint32_t kLocalHeader = 0x04034b50, kDirectoryHeader = 0x02014b50,
                   kEnd = 0x06054b50, kEnd64Locator = 0x07064b50,
                   kEnd64 = 0x06064b50;
constexpr uint64_t kLocalBytes = 30, kDirectoryBytes = 46, kEndBytes = 22,
                   kEnd64LocatorBytes = 20, kEnd64Bytes = 56;
constexpr uint64_t kMaxComment = 0xffff;
constexpr uint16_t kExtra64 = 1; // The tag of an extra field.
constexpr uint16_t kEncryptedFlags = 1 | 1 << 6 | 1 << 13;

} // namespace

/// Fills a ZipArchive. Offsets and lengths are compared with what is left
/// before anything is added to them.
class ZipParser {
public:
  ZipParser(ZipArchive &archive, const uint8_t *data, uint64_t size,
            const std::string &what)
      : archive_(archive), data_(data), size_(size), what_(what) {}

  Status parse() {
    MAMBA_RETURN_IF_ERROR(findDirectory());
    MAMBA_RETURN_IF_ERROR(readDirectory());
    return checkOverlaps();
  }

private:
  struct Directory {
    uint64_t entries, bytes, offset;
    bool operator==(const Directory &) const = default;
  };
  /// A header of the directory.
  struct Header {
    std::string_view name;
    uint16_t flags, method;
    uint64_t packedBytes, bytes, offset;
    uint32_t checksum;
  };

  Status fail(const std::string &message) const {
    return invalidData(inQuotes(what_) + ": " + message);
  }
  Status failEntry(const Header &header, const std::string &message) const {
    return fail("entry " + inQuotes(header.name) + " " + message);
  }

  /// A little-endian number; the caller has checked that it is there.
  template <typename T> T read(uint64_t at) const {
    T value = 0;
    for (unsigned i = 0; i < sizeof(T); ++i)
      value = T(value | T(data_[at + i]) << (8 * i));
    return value;
  }
  /// Whether a record of so many bytes with this signature starts there.
  bool isRecord(uint64_t at, uint64_t bytes, uint32_t signature) const {
    return at <= size_ && size_ - at >= bytes &&
           read<uint32_t>(at) == signature;
  }
  std::string_view text(uint64_t at, uint64_t bytes) const {
    return {reinterpret_cast<const char *>(data_) + at, size_t(bytes)};
  }

  Status findDirectory();
  Status readEnd64(uint64_t end, const Directory &small);
  Status readDirectory();
  Status readSizes64(Header &header, uint64_t at, uint64_t bytes) const;
  Status addEntry(const Header &header);
  Status checkOverlaps() const;

  ZipArchive &archive_;
  const uint8_t *data_;
  uint64_t size_;
  const std::string &what_;
  Directory directory_ = {};
  std::vector<uint64_t> offsets_; // Of the entries' local headers.
};

/// The end of the directory is the archive's last record, before a comment.
Status ZipParser::findDirectory() {
  uint64_t least = size_ - std::min(size_, kEndBytes + kMaxComment);
  for (uint64_t end = size_ - std::min(size_, kEndBytes);; --end) {
    if (isRecord(end, kEndBytes, kEnd) &&
        read<uint16_t>(end + 20) == size_ - end - kEndBytes) {
      if (read<uint16_t>(end + 4) != read<uint16_t>(end + 6))
        return fail("an archive in several parts is not read");
      Directory found{read<uint16_t>(end + 10), read<uint32_t>(end + 12),
                      read<uint32_t>(end + 16)};
      MAMBA_RETURN_IF_ERROR(readEnd64(end, found));
      if (directory_.offset > end || directory_.bytes > end - directory_.offset)
        return fail("the directory of the archive lies outside of it: " +
                    std::to_string(directory_.bytes) + " bytes at " +
                    std::to_string(directory_.offset) + " of " +
                    std::to_string(size_));
      return {};
    }
    if (end == least)
      return fail("not a zip archive, or cut short: it has no end of a "
                  "directory");
  }
}

/// Takes the numbers of a zip64 archive, if it is one: `small` then holds the
/// same, or its largest value where the number has no room.
Status ZipParser::readEnd64(uint64_t end, const Directory &small) {
  directory_ = small;
  if (end < kEnd64LocatorBytes ||
      !isRecord(end - kEnd64LocatorBytes, kEnd64LocatorBytes, kEnd64Locator))
    return {};
  uint64_t locator = end - kEnd64LocatorBytes;
  uint64_t at = read<uint64_t>(locator + 8);
  if (at > locator || locator - at < kEnd64Bytes ||
      !isRecord(at, kEnd64Bytes, kEnd64))
    return fail("the zip64 end of the directory is not at byte " +
                std::to_string(at) + " where the archive says");
  if (read<uint32_t>(at + 16) != read<uint32_t>(at + 20))
    return fail("an archive in several parts is not read");
  directory_ = {read<uint64_t>(at + 32), read<uint64_t>(at + 40),
                read<uint64_t>(at + 48)};
  Directory expected{std::min<uint64_t>(directory_.entries, UINT16_MAX),
                     std::min<uint64_t>(directory_.bytes, UINT32_MAX),
                     std::min<uint64_t>(directory_.offset, UINT32_MAX)};
  Directory full{small.entries == UINT16_MAX ? UINT16_MAX : expected.entries,
                 small.bytes == UINT32_MAX ? UINT32_MAX : expected.bytes,
                 small.offset == UINT32_MAX ? UINT32_MAX : expected.offset};
  if (small != full)
    return fail("the archive has two directories that differ");
  return {};
}

Status ZipParser::readDirectory() {
  if (directory_.entries > directory_.bytes / kDirectoryBytes)
    return fail("the archive says it has " +
                std::to_string(directory_.entries) +
                " entries, for which its directory of " +
                std::to_string(directory_.bytes) + " bytes is too small");
  uint64_t at = directory_.offset, end = at + directory_.bytes;
  archive_.entries_.reserve(directory_.entries);
  offsets_.reserve(directory_.entries);
  for (uint64_t i = 0; i < directory_.entries; ++i) {
    if (end - at < kDirectoryBytes || read<uint32_t>(at) != kDirectoryHeader)
      return fail("entry " + std::to_string(i) +
                  " of the archive's directory is damaged");
    uint64_t nameBytes = read<uint16_t>(at + 28),
             extraBytes = read<uint16_t>(at + 30),
             commentBytes = read<uint16_t>(at + 32);
    uint64_t rest = nameBytes + extraBytes + commentBytes;
    if (rest > end - at - kDirectoryBytes)
      return fail("entry " + std::to_string(i) +
                  " of the archive's directory is damaged");
    Header header{text(at + kDirectoryBytes, nameBytes),
                  read<uint16_t>(at + 8),
                  read<uint16_t>(at + 10),
                  read<uint32_t>(at + 20),
                  read<uint32_t>(at + 24),
                  read<uint32_t>(at + 42),
                  read<uint32_t>(at + 16)};
    MAMBA_RETURN_IF_ERROR(
        readSizes64(header, at + kDirectoryBytes + nameBytes, extraBytes));
    MAMBA_RETURN_IF_ERROR(addEntry(header));
    at += kDirectoryBytes + rest;
  }
  if (at != end)
    return fail("the archive's directory has " + std::to_string(end - at) +
                " bytes behind its last entry");
  return {};
}

/// Numbers that have no room in 32 bits stand in an extra field, in this order.
Status ZipParser::readSizes64(Header &header, uint64_t at,
                              uint64_t bytes) const {
  uint64_t *const numbers[] = {&header.bytes, &header.packedBytes,
                               &header.offset};
  bool isSmall = std::none_of(
      std::begin(numbers), std::end(numbers),
      [](const uint64_t *number) { return *number == UINT32_MAX; });
  while (!isSmall && bytes >= 4) {
    uint16_t tag = read<uint16_t>(at);
    uint64_t length = read<uint16_t>(at + 2);
    at += 4;
    bytes -= 4;
    if (length > bytes)
      break;
    if (tag == kExtra64) {
      uint64_t used = 0;
      for (uint64_t *number : numbers) {
        if (*number != UINT32_MAX)
          continue;
        if (length - used < 8)
          return failEntry(header, "lacks one of its zip64 sizes");
        *number = read<uint64_t>(at + used);
        used += 8;
      }
      return {};
    }
    at += length;
    bytes -= length;
  }
  return isSmall ? Status() : failEntry(header, "lacks its zip64 sizes");
}

Status ZipParser::addEntry(const Header &header) {
  if (header.name.empty() || header.name.find('\0') != std::string_view::npos)
    return failEntry(header, "has no usable name");
  if (header.flags & kEncryptedFlags)
    return failEntry(header, "is encrypted, which is not read");
  if (header.method != 0)
    return failEntry(header, "is compressed (method " +
                                 std::to_string(header.method) +
                                 "), which is not read: torch.save stores "
                                 "entries as they are");
  if (header.packedBytes != header.bytes)
    return failEntry(header,
                     "is stored in " + std::to_string(header.packedBytes) +
                         " bytes but has " + std::to_string(header.bytes));
  // Nothing but entries stands before the directory.
  uint64_t end = directory_.offset;
  if (header.offset > end || end - header.offset < kLocalBytes ||
      read<uint32_t>(header.offset) != kLocalHeader)
    return failEntry(header, "is not at byte " + std::to_string(header.offset) +
                                 " where the archive's directory says");
  uint64_t nameBytes = read<uint16_t>(header.offset + 26),
           extraBytes = read<uint16_t>(header.offset + 28);
  uint64_t name = header.offset + kLocalBytes;
  if (nameBytes + extraBytes > end - name ||
      text(name, nameBytes) != header.name)
    return failEntry(header, "has another name at byte " +
                                 std::to_string(header.offset) +
                                 " than in the archive's directory");
  uint64_t data = name + nameBytes + extraBytes;
  if (header.bytes > end - data)
    return failEntry(header, "must lie before byte " + std::to_string(end) +
                                 ", got " + std::to_string(header.bytes) +
                                 " bytes at " + std::to_string(data));
  auto [known, isNew] =
      archive_.index_.emplace(header.name, archive_.entries_.size());
  if (!isNew)
    return failEntry(header, "occurs twice");
  archive_.entries_.push_back(
      {header.name, data_ + data, header.bytes, header.checksum});
  offsets_.push_back(header.offset);
  return {};
}

Status ZipParser::checkOverlaps() const {
  std::vector<size_t> order(offsets_.size());
  for (size_t i = 0; i < order.size(); ++i)
    order[i] = i;
  std::sort(order.begin(), order.end(),
            [&](size_t a, size_t b) { return offsets_[a] < offsets_[b]; });
  for (size_t i = 1; i < order.size(); ++i) {
    const ZipEntry &before = archive_.entries_[order[i - 1]],
                   &entry = archive_.entries_[order[i]];
    if (offsets_[order[i]] < uint64_t(before.data - data_) + before.bytes)
      return fail("entries " + inQuotes(before.name) + " and " +
                  inQuotes(entry.name) + " overlap");
  }
  return {};
}

bool hasItsChecksum(const ZipEntry &entry) {
  if (entry.checksum == 0)
    return true;
  // By the polynomial of the format, 4.4.7, its bits reversed.
  static constexpr auto kTable = [] {
    std::array<uint32_t, 256> table = {};
    for (uint32_t i = 0; i < table.size(); ++i) {
      uint32_t value = i;
      for (int bit = 0; bit < 8; ++bit)
        value = value >> 1 ^ (value & 1 ? 0xedb88320 : 0);
      table[i] = value;
    }
    return table;
  }();
  uint32_t sum = ~uint32_t(0);
  for (uint64_t i = 0; i < entry.bytes; ++i)
    sum = sum >> 8 ^ kTable[(sum ^ entry.data[i]) & 0xff];
  return ~sum == entry.checksum;
}

Result<ZipArchive> ZipArchive::parse(const uint8_t *data, uint64_t size,
                                     const std::string &what) {
  ZipArchive archive;
  MAMBA_RETURN_IF_ERROR(ZipParser(archive, data, size, what).parse());
  return archive;
}

const ZipEntry *ZipArchive::find(std::string_view name) const {
  auto found = index_.find(name);
  return found == index_.end() ? nullptr : &entries_[found->second];
}

} // namespace mamba
