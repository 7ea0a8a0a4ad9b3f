#include "runtime/support/ZipArchive.h"

#include "ZipBytes.h"

#include <gtest/gtest.h>

using namespace mamba;
using namespace mamba::test;

namespace {

Result<ZipArchive> parse(const std::string &bytes) {
  return ZipArchive::parse(reinterpret_cast<const uint8_t *>(bytes.data()),
                           bytes.size(), "z");
}

std::string contentOf(const ZipEntry *entry) {
  return entry ? std::string(reinterpret_cast<const char *>(entry->data),
                             entry->bytes)
               : "(absent)";
}

/// The message without "'z': ".
std::string refusal(const std::string &bytes) {
  auto archive = parse(bytes);
  if (archive.ok())
    return "(taken)";
  EXPECT_EQ(archive.status().code(), StatusCode::InvalidData);
  EXPECT_TRUE(archive.status().message().starts_with("'z': "));
  return archive.status().message().substr(5);
}

std::string refusal(const ZipPart &part, const ZipLayout &layout = {}) {
  return refusal(zipBytes({part}, layout));
}

} // namespace

TEST(ZipArchive, EntriesLieWhereTheyAreStored) {
  for (bool is64 : {false, true})
    for (const char *comment : {"", "a comment, PK\5\6 in it"}) {
      std::string bytes =
          zipBytes({{"a/x", "1234"}, {"a/empty", ""}, {"a/y", "56"}},
                   {.is64 = is64, .comment = comment});
      auto archive = parse(bytes);
      ASSERT_TRUE(archive.ok()) << archive.status().message();
      ASSERT_EQ(archive->entries().size(), 3u);
      EXPECT_EQ(archive->entries()[2].name, "a/y");
      EXPECT_EQ(contentOf(archive->find("a/x")), "1234");
      EXPECT_EQ(contentOf(archive->find("a/empty")), "");
      EXPECT_EQ(contentOf(archive->find("a/y")), "56");
      EXPECT_EQ(archive->find("a"), nullptr);
    }
  EXPECT_TRUE(parse(zipBytes({})).ok());
}

TEST(ZipArchive, Checksums) {
  // The check value of CRC-32, and that of nothing.
  std::string bytes = zipBytes({{.name = "right", .data = "123456789", .checksum = 0xcbf43926},
                                {.name = "wrong", .data = "123456780", .checksum = 0xcbf43926},
                                {.name = "none", .data = "123"},
                                {.name = "empty", .data = "", .checksum = 1}});
  auto archive = parse(bytes);
  ASSERT_TRUE(archive.ok()) << archive.status().message();
  for (const ZipEntry &entry : archive->entries())
    EXPECT_EQ(hasItsChecksum(entry), entry.name == "right" || entry.name == "none")
        << entry.name;
}

TEST(ZipArchive, WhatIsNone) {
  std::string none = "not a zip archive, or cut short: it has no end of a "
                     "directory";
  EXPECT_EQ(refusal(""), none);
  EXPECT_EQ(refusal("PK\5\6"), none);
  EXPECT_EQ(refusal(std::string(100'000, 'x')), none);
}

TEST(ZipArchive, EveryTruncationIsRefused) {
  for (bool is64 : {false, true}) {
    std::string bytes = zipBytes({{"a", "1234"}, {"b", "5"}}, {.is64 = is64});
    for (size_t length = 0; length < bytes.size(); ++length)
      EXPECT_FALSE(parse(bytes.substr(0, length)).ok()) << length;
  }
}

// No byte of it makes the reader leave the archive; what it takes is inside.
TEST(ZipArchive, EveryChangedByteIsTakenOrRefused) {
  std::string good = zipBytes({{"a", "1234"}, {"b", "5"}}, {.is64 = true});
  for (size_t at = 0; at < good.size(); ++at)
    for (unsigned char value : {0x00, 0x01, 0x7f, 0x80, 0xff}) {
      std::string bytes = good;
      bytes[at] = char(value);
      auto archive = parse(bytes);
      if (!archive.ok())
        continue;
      auto *start = reinterpret_cast<const uint8_t *>(bytes.data());
      for (const ZipEntry &entry : archive->entries()) {
        EXPECT_GE(entry.data, start);
        EXPECT_LE(entry.data + entry.bytes, start + bytes.size());
      }
    }
}

// Nothing grows when it is read.
TEST(ZipArchive, CompressedAndEncryptedEntriesAreRefused) {
  EXPECT_EQ(refusal({.name = "bomb",
                     .data = "x",
                     .method = 8,
                     .bytes = uint64_t(1) << 31,
                     .packedBytes = 1}),
            "entry 'bomb' is compressed (method 8), which is not read: "
            "torch.save stores entries as they are");
  EXPECT_EQ(refusal({.name = "a",
                     .data = "x",
                     .bytes = uint64_t(1) << 31,
                     .packedBytes = 1}),
            "entry 'a' is stored in 1 bytes but has 2147483648");
  for (uint16_t flag : {1, 1 << 6, 1 << 13})
    EXPECT_EQ(refusal({.name = "a", .data = "x", .flags = flag}),
              "entry 'a' is encrypted, which is not read");
}

TEST(ZipArchive, EntriesLieInTheArchive) {
  std::string end = "entry 'a' must lie before byte 35, got ";
  EXPECT_EQ(refusal({.name = "a", .data = "1234", .bytes = 5}),
            end + "5 bytes at 31");
  ZipLayout is64{.is64 = true};
  EXPECT_EQ(
      refusal({.name = "a", .data = "1234", .bytes = uint64_t(1) << 63}, is64),
      end + "9223372036854775808 bytes at 31");
  EXPECT_EQ(refusal({.name = "a", .data = "1234", .bytes = ~uint64_t(0)}, is64),
            end + "18446744073709551615 bytes at 31");
  for (uint64_t offset : {uint64_t(1), uint64_t(6), uint64_t(36),
                          uint64_t(1) << 63, ~uint64_t(0)})
    EXPECT_EQ(refusal({.name = "a", .data = "1234", .offset = offset}, is64),
              "entry 'a' is not at byte " + std::to_string(offset) +
                  " where the archive's directory says");
  EXPECT_EQ(refusal({.name = "a", .data = "1", .lacksSizes64 = true}, is64),
            "entry 'a' lacks its zip64 sizes");
}

TEST(ZipArchive, NamesAreDistinctAndTheSameInBothPlaces) {
  EXPECT_EQ(refusal(zipBytes({{"a", "1"}, {"a", "2"}})),
            "entry 'a' occurs twice");
  EXPECT_EQ(refusal({.name = "a", .data = "1", .localName = "b"}),
            "entry 'a' has another name at byte 0 than in the archive's "
            "directory");
  EXPECT_EQ(refusal({.name = "", .data = "1"}), "entry '' has no usable name");
  EXPECT_EQ(refusal({.name = std::string("a\0", 2), .data = "1"}),
            "entry 'a\\x00' has no usable name");
}

TEST(ZipArchive, EntriesDoNotOverlap) {
  // The first one's data hold the header of the second, which is inside it.
  std::string inner = zipBytes({{"b", "5"}});
  EXPECT_EQ(refusal(zipBytes(
                {{"a", inner}, {.name = "b", .data = "", .offset = 31}})),
            "entries 'a' and 'b' overlap");
}

TEST(ZipArchive, TheDirectoryLiesInTheArchive) {
  ZipPart part{"a", "1234"};
  for (bool is64 : {false, true}) {
    auto refused = [&](ZipLayout layout) {
      layout.is64 = is64;
      return refusal(part, layout);
    };
    EXPECT_TRUE(refused({.directoryOffset = 4000})
                    .starts_with("the directory of the archive lies outside"));
    EXPECT_TRUE(refused({.directoryBytes = 4000})
                    .starts_with("the directory of the archive lies outside"));
    EXPECT_EQ(refused({.directoryOffset = 34}),
              "entry 0 of the archive's directory is damaged");
    EXPECT_TRUE(refused({.entries = 3})
                    .starts_with("the archive says it has 3 entries, for which "
                                 "its directory of "));
    EXPECT_TRUE(
        refused({.entries = 0}).starts_with("the archive's directory has "));
  }
  ZipLayout wrapped{.is64 = true, .directoryBytes = ~uint64_t(0) - 34};
  EXPECT_TRUE(refusal(part, wrapped).starts_with("the directory of the"));
  wrapped = {.is64 = true, .directoryOffset = uint64_t(1) << 63};
  EXPECT_TRUE(refusal(part, wrapped).starts_with("the directory of the"));
  wrapped = {.is64 = true, .entries = uint64_t(1) << 63};
  EXPECT_TRUE(refusal(part, wrapped).starts_with("the archive says it has"));
  for (uint64_t at : {uint64_t(0), uint64_t(1) << 63, ~uint64_t(0)})
    EXPECT_EQ(refusal(part, {.is64 = true, .end64 = at}),
              "the zip64 end of the directory is not at byte " +
                  std::to_string(at) + " where the archive says");
}

TEST(ZipArchive, OneDirectoryInOnePart) {
  std::string bytes = zipBytes({{"a", "1"}}, {.is64 = true});
  std::string other = bytes;
  other[other.size() - 12] = 2; // The count of the small end, 65535 before.
  other[other.size() - 11] = 0;
  EXPECT_EQ(refusal(other), "the archive has two directories that differ");
  other = zipBytes({{"a", "1"}});
  other[other.size() - 18] = 1;
  EXPECT_EQ(refusal(other), "an archive in several parts is not read");
}
