// Zip archives put together by hand, right or wrong.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

namespace mamba::test {

inline std::string littleEndian(uint64_t value, unsigned width) {
  std::string bytes;
  for (unsigned i = 0; i < width; ++i)
    bytes += char(i < 8 ? uint8_t(value >> (8 * i)) : 0);
  return bytes;
}

/// An entry; what the directory says of it is right unless it is given here.
struct ZipPart {
  std::string name, data;
  uint16_t flags = 0, method = 0;
  std::optional<std::string> localName = {};
  std::optional<uint64_t> bytes = {}, packedBytes = {}, offset = {};
  bool lacksSizes64 = false;
  uint32_t checksum = 0; // None.
};

struct ZipLayout {
  bool is64 = false; // every number where zip64 has it
  std::optional<uint64_t> entries = {}, directoryBytes = {},
                          directoryOffset = {};
  std::optional<uint64_t> end64 = {}; // where the locator leads
  std::string comment = {};
};

inline std::string zipBytes(const std::vector<ZipPart> &parts,
                            const ZipLayout &layout = {}) {
  auto le = littleEndian;
  std::string file, directory;
  for (const ZipPart &part : parts) {
    uint64_t offset = part.offset.value_or(file.size()),
             bytes = part.bytes.value_or(part.data.size()),
             packed = part.packedBytes.value_or(bytes);
    std::string head = le(part.flags, 2) + le(part.method, 2) + le(0, 4) +
                       le(part.checksum, 4);
    const std::string &local = part.localName.value_or(part.name);
    file += "PK\3\4" + le(45, 2) + head + le(part.data.size(), 4) +
            le(part.data.size(), 4) + le(local.size(), 2) + le(0, 2) + local +
            part.data;
    std::string extra;
    if (layout.is64 && !part.lacksSizes64)
      extra = le(0x4246, 2) + le(2, 2) + "ZZ" + le(1, 2) + le(24, 2) +
              le(bytes, 8) + le(packed, 8) + le(offset, 8);
    auto small = [&](uint64_t number) {
      return le(layout.is64 ? UINT32_MAX : number, 4);
    };
    directory += "PK\1\2" + le(45, 2) + le(45, 2) + head + small(packed) +
                 small(bytes) + le(part.name.size(), 2) + le(extra.size(), 2) +
                 le(0, 2 + 2 + 2 + 4) + small(offset) + part.name + extra;
  }
  uint64_t entries = layout.entries.value_or(parts.size()),
           bytes = layout.directoryBytes.value_or(directory.size()),
           offset = layout.directoryOffset.value_or(file.size());
  file += directory;
  if (layout.is64) {
    uint64_t end64 = layout.end64.value_or(file.size());
    file += "PK\6\6" + le(44, 8) + le(45, 2) + le(45, 2) + le(0, 4 + 4) +
            le(entries, 8) + le(entries, 8) + le(bytes, 8) + le(offset, 8);
    file += "PK\6\7" + le(0, 4) + le(end64, 8) + le(1, 4);
    entries = UINT16_MAX;
    bytes = offset = UINT32_MAX;
  }
  return file + "PK\5\6" + le(0, 2 + 2) + le(entries, 2) + le(entries, 2) +
         le(bytes, 4) + le(offset, 4) + le(layout.comment.size(), 2) +
         layout.comment;
}

} // namespace mamba::test
