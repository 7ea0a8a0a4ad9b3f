// Files of compiled code: whole or absent, bounded, shared.
#include "runtime/support/KernelCache.h"
#include "test/unit/support/TempFolder.h"

#include <gtest/gtest.h>
#include <thread>

using namespace mamba;

namespace {
std::string get(const KernelCache &cache, const std::string &key) {
  auto found = cache.find(key);
  return found ? std::string(found->begin(), found->end()) : "(none)";
}
void put(const KernelCache &cache, const std::string &key,
         const std::string &bytes) {
  cache.store(key, bytes.data(), bytes.size());
}
std::string onlyFile(const TempFolder &folder) {
  return std::filesystem::directory_iterator(folder.path())->path();
}
} // namespace

TEST(KernelCache, KeepsByKey) {
  TempFolder folder;
  KernelCache cache(folder / "new/folder");
  EXPECT_EQ(get(cache, "a"), "(none)");
  put(cache, "a", "one");
  put(cache, "b", "");
  EXPECT_EQ(get(cache, "a"), "one");
  EXPECT_EQ(get(cache, "b"), "");
  put(cache, "a", "two");
  EXPECT_EQ(get(KernelCache(folder / "new/folder"), "a"), "two");
  cache.remove("a");
  EXPECT_EQ(get(cache, "a"), "(none)");
  EXPECT_EQ(get(cache, "b"), "");
}

TEST(KernelCache, DamageCountsAsAbsent) {
  TempFolder folder;
  KernelCache cache(folder.path());
  std::string bytes(100, 'x');
  put(cache, "a", bytes);
  std::string whole = slurp(onlyFile(folder)), path = onlyFile(folder);
  for (size_t at = 0; at < whole.size(); at += 7) {
    std::string damaged = whole;
    damaged[at] ^= 16;
    std::ofstream(path, std::ios::binary) << damaged;
    EXPECT_EQ(get(cache, "a"), "(none)") << at;
    EXPECT_EQ(folder.countFiles(), 0u) << "it goes";
    std::ofstream(path, std::ios::binary) << whole.substr(0, at);
    EXPECT_EQ(get(cache, "a"), "(none)") << at;
  }
  // Another key's bytes under this name.
  put(cache, "b", bytes);
  std::filesystem::rename(onlyFile(folder), path);
  EXPECT_EQ(get(cache, "a"), "(none)");
}

TEST(KernelCache, OldestGoFirst) {
  TempFolder folder;
  KernelCache cache(folder.path(), 1000);
  folder.add("somebody's.txt", std::string(5000, 'x'));
  std::string bytes(200, 'x'); // 280 in a file
  for (const char *key : {"a", "b", "c"}) {
    put(cache, key, bytes);
    std::this_thread::sleep_for(std::chrono::milliseconds(20));
  }
  EXPECT_EQ(get(cache, "a"), bytes) << "and is young again";
  put(cache, "d", bytes);
  EXPECT_EQ(get(cache, "b"), "(none)");
  for (const char *key : {"a", "c", "d"})
    EXPECT_EQ(get(cache, key), bytes) << key;
  put(cache, "e", std::string(2000, 'x'));
  EXPECT_EQ(get(cache, "e"), "(none)") << "more than all may have";
  EXPECT_EQ(folder.countFiles(), 4u) << "what is not the cache's stays";
}

TEST(KernelCache, FoldersThatCannotBe) {
  TempFolder folder;
  KernelCache(std::string()).store("a", "x", 1);
  EXPECT_EQ(get(KernelCache(std::string()), "a"), "(none)");
  KernelCache under(folder.add("file", "") + "/under");
  put(under, "a", "x");
  EXPECT_EQ(get(under, "a"), "(none)");
}

TEST(KernelCache, ManyAtOnce) {
  TempFolder folder;
  std::vector<std::thread> threads;
  for (int t = 0; t < 4; ++t)
    threads.emplace_back([&, t] {
      KernelCache cache(folder.path(), 4000);
      for (int i = 0; i < 50; ++i) {
        std::string key = std::to_string((t + i) % 8);
        put(cache, key, key + std::string(300, 'x'));
        std::string found = get(cache, key);
        EXPECT_TRUE(found == "(none)" || found == key + std::string(300, 'x'));
      }
    });
  for (std::thread &thread : threads)
    thread.join();
}
