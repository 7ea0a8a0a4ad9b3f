// What a build keeps: the pack is the same with it, without it, and when it is
// damaged; and the same for any number of threads.
#include "compiler/pack/BuildCache.h"
#include "compiler/pack/BuildPack.h"
#include "compiler/pack/Golden.h"
#include "compiler/pack/Jobs.h"
#include "test/unit/support/TempFolder.h"

#include <gtest/gtest.h>

#include <filesystem>

using namespace mamba;
namespace fs = std::filesystem;

namespace {

class CacheTest : public testing::Test {
protected:
  CacheTest() {
    options.input = MAMBA_TEST_DATA "/golden/mamba1";
    options.output = folder / "x.mpk";
    options.targets = {"cuda:sm_80", "cpu:x86-64-v3"};
    options.note = [this](const std::string &line) { notes += line + "\n"; };
  }
  std::string build() {
    notes.clear();
    Status status = buildPack(options);
    EXPECT_TRUE(status.ok()) << status.message();
    return slurp(options.output);
  }
  size_t found() const {
    size_t count = 0;
    for (size_t at = 0; (at = notes.find(" from the cache", at)) != notes.npos; ++at)
      ++count;
    return count;
  }
  std::vector<fs::path> entries() const {
    std::vector<fs::path> files;
    for (const auto &entry : fs::directory_iterator(folder / "cache"))
      files.push_back(entry.path());
    return files;
  }

  TempFolder folder;
  BuildOptions options;
  std::string notes;
};

} // namespace

TEST_F(CacheTest, ThePackIsTheSame) {
  std::string plain = build();
  EXPECT_EQ(found(), 0u);
  options.jobs = 3;
  EXPECT_EQ(build(), plain) << "with three threads";
  options.cache = KernelCache(folder / "cache");
  EXPECT_EQ(build(), plain) << "while the cache is filled";
  EXPECT_EQ(found(), 0u) << notes;
  EXPECT_EQ(build(), plain) << "from the cache";
  EXPECT_EQ(found(), 2u) << notes;

  // Each second entry is damaged: made anew, and put right.
  size_t count = 0;
  for (const fs::path &path : entries())
    if (++count % 2) {
      std::string bytes = slurp(path);
      bytes[bytes.size() / 2] ^= 4;
      std::ofstream(path, std::ios::binary) << bytes;
    }
  EXPECT_GT(count, 60u);
  EXPECT_EQ(build(), plain) << "from a damaged cache";
  EXPECT_EQ(entries().size(), count);
  EXPECT_EQ(build(), plain);
  EXPECT_EQ(found(), 2u) << notes;
}

// Another pack of the same kernels finds them; other kernels are others.
TEST_F(CacheTest, KernelsAreFoundOneByOne) {
  options.cache = KernelCache(folder / "cache");
  options.targets = {"cpu:x86-64-v3"};
  build();
  options.batchInvariant = true;
  build();
  EXPECT_NE(notes.find("cpu:x86-64-v3: 2"), std::string::npos) << notes;
  EXPECT_EQ(found(), 1u) << notes;
  size_t kept = entries().size();
  options.targets = {"cpu:x86-64-v4"};
  build();
  EXPECT_EQ(found(), 0u) << notes;
  EXPECT_GT(entries().size(), kept);
}

// Bytes that are whole and make no sense count as absent.
TEST_F(CacheTest, WhatCannotBeReadIsMadeAnew) {
  Jobs jobs({});
  BuildCache cache(KernelCache(folder / "cache"), jobs);
  int made = 0;
  std::string got;
  auto get = [&](std::string_view wanted) {
    return cache.get(
        "kind", "key",
        [&](const std::vector<uint8_t> &bytes) {
          got.assign(bytes.begin(), bytes.end());
          return got == wanted;
        },
        [&]() -> Result<std::vector<uint8_t>> {
          ++made;
          return std::vector<uint8_t>(wanted.begin(), wanted.end());
        });
  };
  EXPECT_TRUE(get("one").ok() && get("one").ok());
  EXPECT_EQ(made, 1);
  EXPECT_TRUE(get("two").ok() && get("two").ok());
  EXPECT_EQ(made, 2);
}

TEST(GoldenTest, BytesReadBack) {
  GoldenTest test;
  test.golden = GoldenCase{5, {3, 0, 2}, {0, 0, 5}, {1, 0, 2}, {{RowKind::Constant, 1}, 2, 4},
                           {{DType::F32, 20, GoldenArg::Fill::Uniform, -0.1, 1.0 / 3, 1}},
                           {{0, 4, 5, "", 0}}, 2e-4};
  test.samples = {1, 2.5f, -3, 1e-30f};
  auto again = readGoldenTest(writeGoldenTest(test));
  ASSERT_TRUE(again && again->golden);
  EXPECT_EQ(writeGoldenCase(*again->golden), writeGoldenCase(*test.golden));
  EXPECT_EQ(again->samples, test.samples);
  again = readGoldenTest(writeGoldenTest({std::nullopt, {}, "too large"}));
  ASSERT_TRUE(again);
  EXPECT_FALSE(again->golden);
  EXPECT_EQ(again->why, "too large");
  std::vector<uint8_t> bytes = writeGoldenTest(test);
  bytes.pop_back();
  EXPECT_FALSE(readGoldenTest(bytes));
  bytes[2] = '!';
  EXPECT_FALSE(readGoldenTest(bytes));
}
