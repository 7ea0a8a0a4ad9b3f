#include "runtime/support/Checkpoint.h"

#include "runtime/support/SafetensorsWriter.h"

#include "PickleBytes.h"
#include "TempFolder.h"

using namespace mamba;
namespace pickle = mamba::test::pickle;

namespace {

/// A file whose tensors each hold one byte, the last of their name.
void addFile(const TempFolder &folder, const std::string &file,
             const std::vector<std::string> &names) {
  SafetensorsWriter writer;
  for (const std::string &name : names)
    ASSERT_TRUE(writer.addTensor(name, DType::U8, {1}, &name.back(), 1).ok());
  ASSERT_TRUE(writer.write(folder / file).ok());
}

/// The same as a file of torch.save.
void addTorchFile(const TempFolder &folder, const std::string &file,
                  const std::vector<std::string> &names) {
  std::vector<std::pair<std::string, std::string>> items;
  std::vector<std::string> storages;
  for (const std::string &name : names) {
    std::string key = std::to_string(storages.size());
    items.emplace_back(
        name,
        pickle::tensor(pickle::storage(key, 1, "ByteStorage"), 0, {1}, {1}));
    storages.push_back(name.substr(name.size() - 1));
  }
  folder.add(file, pickle::torchBytes(pickle::state(items), storages));
}

/// The message for a folder with this index and the shard "s" of tensor "a".
std::string messageForIndex(const std::string &index, bool isTorch = false) {
  TempFolder folder;
  (isTorch ? addTorchFile : addFile)(folder, "s", {"a"});
  std::string path = folder.add(isTorch ? "pytorch_model.bin.index.json"
                                        : "model.safetensors.index.json",
                                index);
  std::string message = openCheckpoint(folder.path()).status().message();
  if (size_t at = message.find(path); at != std::string::npos)
    message.replace(at, path.size(), "INDEX");
  if (size_t at = message.find(folder.path()); at != std::string::npos)
    message.replace(at, folder.path().size(), "DIR");
  return message;
}

} // namespace

// A file of holes: nobody writes it.
TEST(Checkpoint, AnIndexHasALimit) {
  TempFolder folder;
  std::string path = folder.add("model.safetensors.index.json", "");
  std::filesystem::resize_file(path, (uint64_t(64) << 20) + 1);
  EXPECT_EQ(openCheckpoint(folder.path()).status().message(),
            "cannot read '" + path + "': it holds more than 67108864 bytes");
}

TEST(Checkpoint, OneFile) {
  TempFolder folder;
  addFile(folder, "model.safetensors", {"a", "b"});
  auto checkpoint = openCheckpoint(folder.path());
  ASSERT_TRUE(checkpoint.ok()) << checkpoint.status().message();
  EXPECT_EQ(checkpoint->tensors().size(), 2u);
  EXPECT_EQ(checkpoint->find("b")->data[0], 'b');
  EXPECT_EQ(checkpoint->find("c"), nullptr);
  EXPECT_EQ(checkpoint->get("c").status().message(),
            "checkpoint '" + folder.path() + "' has no tensor 'c'");
  EXPECT_EQ(checkpoint->path(), folder.path());
}

TEST(Checkpoint, Shards) {
  TempFolder folder;
  addFile(folder, "model-1.safetensors", {"a", "unlisted"});
  addFile(folder, "model-2.safetensors", {"b", "c"});
  folder.add("model.safetensors.index.json",
             R"({"metadata": {"total_size": 4}, "weight_map": {
                   "a": "model-1.safetensors", "b": "model-2.safetensors",
                   "c": "model-2.safetensors"}})");
  auto opened = openCheckpoint(folder.path());
  ASSERT_TRUE(opened.ok()) << opened.status().message();
  Checkpoint checkpoint = *std::move(opened);
  EXPECT_EQ(checkpoint.tensors().size(), 3u);
  for (const char *name : {"a", "b", "c"})
    EXPECT_EQ(checkpoint.find(name)->data[0], name[0]);
  EXPECT_EQ(checkpoint.find("unlisted"), nullptr);
}

TEST(Checkpoint, OneTorchFile) {
  TempFolder folder;
  addTorchFile(folder, "pytorch_model.bin", {"a", "b"});
  auto opened = openCheckpoint(folder.path());
  ASSERT_TRUE(opened.ok()) << opened.status().message();
  Checkpoint checkpoint = *std::move(opened);
  EXPECT_EQ(checkpoint.tensors().size(), 2u);
  const TensorView *b = checkpoint.find("b");
  ASSERT_TRUE(b);
  EXPECT_EQ(b->data[0], 'b');
  checkpoint.rest({b->data, 1});
  EXPECT_EQ(b->data[0], 'b');
}

TEST(Checkpoint, TorchShards) {
  TempFolder folder;
  addTorchFile(folder, "pytorch_model-1.bin", {"a", "unlisted"});
  addTorchFile(folder, "pytorch_model-2.bin", {"b"});
  folder.add("pytorch_model.bin.index.json",
             R"({"weight_map": {"a": "pytorch_model-1.bin",
                                "b": "pytorch_model-2.bin"}})");
  auto checkpoint = openCheckpoint(folder.path());
  ASSERT_TRUE(checkpoint.ok()) << checkpoint.status().message();
  EXPECT_EQ(checkpoint->tensors().size(), 2u);
  EXPECT_EQ(checkpoint->find("a")->data[0], 'a');
  EXPECT_EQ(checkpoint->find("b")->data[0], 'b');
}

TEST(Checkpoint, SafetensorsAndSingleFilesComeFirst) {
  TempFolder folder;
  auto holds = [&](const char *name) {
    auto checkpoint = openCheckpoint(folder.path());
    return checkpoint.ok() && checkpoint->find(name);
  };
  addTorchFile(folder, "d", {"d"});
  folder.add("pytorch_model.bin.index.json", R"({"weight_map": {"d": "d"}})");
  EXPECT_TRUE(holds("d"));
  addTorchFile(folder, "pytorch_model.bin", {"c"});
  EXPECT_TRUE(holds("c"));
  addFile(folder, "b", {"b"});
  folder.add("model.safetensors.index.json", R"({"weight_map": {"b": "b"}})");
  EXPECT_TRUE(holds("b"));
  addFile(folder, "model.safetensors", {"a"});
  EXPECT_TRUE(holds("a"));
}

TEST(Checkpoint, NeitherIsNotFound) {
  TempFolder folder;
  auto checkpoint = openCheckpoint(folder.path());
  EXPECT_EQ(checkpoint.status().code(), StatusCode::NotFound);
  EXPECT_EQ(checkpoint.status().message(),
            "no checkpoint in '" + folder.path() +
                "': expected 'model.safetensors' or 'pytorch_model.bin', or "
                "the '.index.json' of one of them, in this folder");
}

TEST(Checkpoint, MustBeAFolder) {
  TempFolder folder;
  std::string path = folder.add("a", "x");
  EXPECT_EQ(openCheckpoint(path).status().message(),
            "'" + path + "' is a file, expected the folder of a checkpoint");
  EXPECT_EQ(openCheckpoint("/nonexistent").status().message(),
            "cannot open checkpoint folder '/nonexistent': No such file or "
            "directory");
}

TEST(Checkpoint, DamagedFilesAreNamed) {
  TempFolder folder;
  std::string path = folder.add("model.safetensors", "x");
  EXPECT_EQ(openCheckpoint(folder.path()).status().message(),
            "'" + path +
                "': not a safetensors file: expected at least 8 bytes, got 1");
}

TEST(Checkpoint, TheIndexMustMapTensorsToFiles) {
  EXPECT_EQ(messageForIndex("{"),
            "'INDEX': line 1, column 2: expected a key in double quotes, got "
            "the end of the text");
  EXPECT_EQ(messageForIndex("[]"), "'INDEX': expected an object with the key "
                                   "'weight_map', got an array");
  EXPECT_EQ(messageForIndex("{}"),
            "'INDEX': 'weight_map' is missing, it must be an object");
  EXPECT_EQ(messageForIndex(R"({"weight_map": []})"),
            "'INDEX': 'weight_map' must be an object, got an array");
  EXPECT_EQ(messageForIndex(R"({"weight_map": {}})"),
            "'INDEX': 'weight_map' is empty, expected tensor names and their "
            "files");
  EXPECT_EQ(messageForIndex(R"({"weight_map": {"a": 1}})"),
            "'INDEX': the shard of tensor 'a' must be a string, got a number");
}

TEST(Checkpoint, ShardsStayInTheFolder) {
  for (bool isTorch : {false, true})
    for (std::string name :
         {"../s", "/etc/passwd", "x/s", "", ".", "..", "s\\u0000"})
      EXPECT_TRUE(messageForIndex("{\"weight_map\": {\"a\": \"" + name + "\"}}",
                                  isTorch)
                      .starts_with("'INDEX': the shard of tensor 'a' must be a "
                                   "plain file name in the same folder, got '"))
          << name;
}

TEST(Checkpoint, ShardsMustBeThereAndHoldTheirTensors) {
  EXPECT_EQ(messageForIndex(R"({"weight_map": {"a": "absent"}})"),
            "a shard of 'INDEX': cannot open 'DIR/absent': No such file or "
            "directory");
  EXPECT_EQ(messageForIndex(R"({"weight_map": {"a": "s", "b": "s"}})"),
            "'INDEX': maps tensor 'b' to 's', which does not hold it");
  EXPECT_EQ(messageForIndex(R"({"weight_map": {"a": "absent"}})", true),
            "a shard of 'INDEX': cannot open 'DIR/absent': No such file or "
            "directory");
  EXPECT_EQ(messageForIndex(R"({"weight_map": {"a": "s", "b": "s"}})", true),
            "'INDEX': maps tensor 'b' to 's', which does not hold it");
  // Each kind of index leads to files of its kind.
  EXPECT_EQ(
      messageForIndex(
          R"({"weight_map": {"a": "pytorch_model.bin.index.json"}})", true),
      "a shard of 'INDEX': 'DIR/pytorch_model.bin.index.json': not a zip "
      "archive, or cut short: it has no end of a directory");
}
