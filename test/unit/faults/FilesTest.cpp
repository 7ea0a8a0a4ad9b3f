// Files that are read, replaced and kept, on a system that refuses something.
#include "test/unit/faults/Scenario.h"

#include "runtime/support/Checkpoint.h"
#include "runtime/support/File.h"
#include "runtime/support/KernelCache.h"
#include "runtime/support/SafetensorsWriter.h"
#include "runtime/tune/Journal.h"
#include "test/unit/support/TempFolder.h"

#include <gtest/gtest.h>

#include <filesystem>

using namespace mamba;
using namespace mamba::test;
namespace fs = std::filesystem;

// The old file or the new one, and nothing beside it; a link still leads to it.
TEST(FileFaults, Replace) {
  TempFolder folder;
  std::string file = folder.add("file", "old"), link = folder / "link";
  fs::create_symlink("file", link);
  std::string large(300'000, 'n'); // more than is gathered
  for (const std::string &path : {file, link}) {
    Scenario scenario;
    scenario.names = {path};
    scenario.before = [&] { folder.add("file", "old"); };
    scenario.act = [&] { return writeFileAtomically(path, large); };
    scenario.after = [&](const Status &status) {
      EXPECT_TRUE(slurp(file) == (status.ok() ? large : "old"))
          << status.message();
      EXPECT_EQ(folder.countFiles(), 2u);
      EXPECT_TRUE(fs::is_symlink(link));
    };
    runWithFaults(scenario);
  }
}

TEST(FileFaults, Create) {
  TempFolder folder;
  std::string path = folder / "file";
  Scenario scenario;
  scenario.names = {path};
  scenario.before = [&] { fs::remove(path); };
  scenario.act = [&] { return writeFileAtomically(path, "new"); };
  scenario.after = [&](const Status &status) {
    EXPECT_EQ(folder.countFiles(), status.ok() ? 1u : 0u);
    EXPECT_EQ(slurp(path), status.ok() ? "new" : "");
  };
  runWithFaults(scenario);
}

TEST(FileFaults, ReadWholeAndMap) {
  TempFolder folder;
  std::string text(200'000, 't'), path = folder.add("file", text), read, mapped;
  Scenario scenario;
  scenario.names = {path};
  scenario.act = [&]() -> Status {
    MAMBA_ASSIGN_OR_RETURN(MappedFile file, MappedFile::open(path));
    file.rest({file.data(), file.size()});
    mapped = file.view();
    MAMBA_ASSIGN_OR_RETURN(read, readFile(path));
    return {};
  };
  scenario.after = [&](const Status &status) {
    if (status.ok())
      EXPECT_TRUE(read == text && mapped == text);
    std::string().swap(read);
    std::string().swap(mapped);
  };
  runWithFaults(scenario);
}

// It is a help, and so never a failure.
TEST(FileFaults, KernelCache) {
  TempFolder folder;
  std::string code(1000, 'c');
  std::optional<std::vector<uint8_t>> found;
  Scenario scenario;
  scenario.before = [&] { fs::remove_all(folder / "cache"); };
  scenario.act = [&]() -> Status {
    KernelCache cache(folder / "cache");
    cache.store("key", code.data(), code.size());
    found = cache.find("key");
    return {};
  };
  scenario.after = [&](const Status &status) {
    EXPECT_TRUE(status.ok() || status.code() == StatusCode::OutOfMemory);
    if (found)
      EXPECT_EQ(std::string(found->begin(), found->end()), code);
    found.reset();
    KernelCache cache(folder / "cache");
    cache.store("key", code.data(), code.size());
    EXPECT_TRUE(cache.find("key"));
    EXPECT_EQ(std::distance(fs::directory_iterator(folder / "cache"), {}), 1);
  };
  runWithFaults(scenario);
}

static std::string tensorFile(const std::string &name) {
  SafetensorsWriter writer;
  float value = 1;
  EXPECT_TRUE(
      writer.addTensor(name, DType::F32, {1}, &value, sizeof(value)).ok());
  return *writer.serialize();
}

// A file that cannot be asked about is not one that is missing.
TEST(FileFaults, Checkpoint) {
  TempFolder single, shards;
  single.add("model.safetensors", tensorFile("a"));
  shards.add("one", tensorFile("a"));
  shards.add("two", tensorFile("b"));
  shards.add("model.safetensors.index.json",
             R"({"weight_map": {"a": "one", "b": "two"}})");
  for (const TempFolder *folder : {&single, &shards}) {
    size_t tensors = 0;
    Scenario scenario;
    scenario.names = {folder->path()};
    scenario.act = [&]() -> Status {
      MAMBA_ASSIGN_OR_RETURN(Checkpoint checkpoint,
                             openCheckpoint(folder->path()));
      tensors = checkpoint.tensors().size();
      return {};
    };
    scenario.after = [&](const Status &status) {
      if (status.ok())
        EXPECT_EQ(tensors, folder == &single ? 1u : 2u);
    };
    runWithFaults(scenario);
  }
}

/// How many there were.
static int removeTemporaries(const TempFolder &folder) {
  int removed = 0;
  for (const auto &entry : fs::directory_iterator(folder.path()))
    if (entry.path().extension() == ".tmp")
      removed += fs::remove(entry.path());
  return removed;
}

// The database and its journal, each whole.
TEST(FileFaults, Journal) {
  TempFolder folder;
  const std::string line =
      "cpu:x86-64-v3 | scan/E=8 | tile=8 | measured 8us spread 2% default 9us "
      "rows 1 threads 2 | a chip | mamba 0.1.0 2026-11-22\n";
  std::string path = folder / "x.tune";
  tune::KernelReport report;
  report.key = "scan/E=8";
  report.record = line.substr(0, line.size() - 1);
  Scenario scenario;
  scenario.names = {path, ".mamba-"};
  scenario.mostAllocations = 60;
  scenario.before = [&] {
    folder.add("x.tune", "");
    fs::remove(path + ".journal");
  };
  scenario.act = [&]() -> Status {
    MAMBA_ASSIGN_OR_RETURN(auto journal,
                           tune::Journal::open(path, "{}", /*resume=*/false));
    MAMBA_RETURN_IF_ERROR(journal.begin());
    return journal.add(report);
  };
  scenario.after = [&](const Status &status) {
    std::string database = slurp(path);
    EXPECT_TRUE(database == line || (database.empty() && !status.ok()))
        << database;
    // A temporary that cannot be removed is named.
    bool isNamed = status.message().starts_with("cannot remove ");
    EXPECT_EQ(removeTemporaries(folder), isNamed ? 1 : 0) << status.message();
    auto resumed = tune::Journal::open(path, "{}", /*resume=*/true);
    EXPECT_TRUE(resumed.ok()) << resumed.status().message();
  };
  runWithFaults(scenario);
}
