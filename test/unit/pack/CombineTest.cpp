// Packs out of packs, and blobs that are stored once.
#include "runtime/pack/Combine.h"
#include "test/unit/pack/SamplePack.h"
#include "test/unit/support/TempFolder.h"

#include <gtest/gtest.h>

#include <algorithm>

using namespace mamba;

namespace {

class CombineTest : public testing::Test {
protected:
  std::string write(const std::string &name, const PackContent &content) {
    Status status = writePack(content, folder / name);
    EXPECT_TRUE(status.ok()) << status.message();
    return folder / name;
  }
  /// The sample with one of its two targets, under another name.
  PackContent withTarget(size_t index, const std::string &name, unsigned seed = 0) {
    PackContent content = sampleContent(seed);
    content.manifest.targets = {content.manifest.targets[index]};
    content.manifest.targets[0].name = name;
    return content;
  }
  std::shared_ptr<const Pack> open(const std::string &path) {
    auto pack = Pack::open(path);
    EXPECT_TRUE(pack.ok()) << pack.status().message();
    EXPECT_TRUE(pack.ok() && (*pack)->verifyBlobs().ok());
    return pack.ok() ? *pack : nullptr;
  }
  std::string mergeFailure(const PackContent &a, const PackContent &b) {
    std::string output = folder / "out.mpk";
    std::string message = mergePacks(write("a.mpk", a), write("b.mpk", b), output).message();
    EXPECT_FALSE(Pack::open(output).ok()) << "a failure leaves no file";
    return message.substr(message.find("merged") == message.npos ? 0 : message.find("merged"));
  }
  std::vector<std::string> namesOf(const Pack &pack) {
    std::vector<std::string> names;
    for (const BlobSpec &blob : pack.manifest().blobs)
      names.push_back(blob.name);
    std::sort(names.begin(), names.end());
    return names;
  }

  TempFolder folder;
};

using Names = std::vector<std::string>;

} // namespace

TEST_F(CombineTest, EqualBlobsOfAKindAreOne) {
  PackContent content;
  EXPECT_EQ(content.addBlob("code", sampleBlob(1)), "code.0");
  EXPECT_EQ(content.addBlob("code", sampleBlob(2)), "code.1");
  EXPECT_EQ(content.addBlob("code", sampleBlob(1)), "code.0");
  EXPECT_EQ(content.addBlob("cubin", sampleBlob(1)), "cubin.0");
  EXPECT_EQ(content.addGolden({1}), "golden.0");
  EXPECT_EQ(content.addGolden({2}), "golden.1");
  EXPECT_EQ(content.addGolden({1}), "golden.0");
  EXPECT_EQ(content.manifest.blobs.size(), 5u);
}

TEST_F(CombineTest, MergeTakesTheTargetsOfBoth) {
  std::string cpu = write("cpu.mpk", withTarget(0, "cpu:a", 1)),
              gpu = write("gpu.mpk", withTarget(1, "cuda:sm_80", 2)), out = folder / "out.mpk";
  ASSERT_TRUE(mergePacks(cpu, gpu, out).ok());
  auto pack = open(out);
  ASSERT_TRUE(pack);
  const Manifest &manifest = pack->manifest();
  ASSERT_EQ(manifest.targets.size(), 2u);
  EXPECT_EQ(manifest.targets[0].name, "cpu:a");
  EXPECT_EQ(manifest.targets[1].name, "cuda:sm_80");
  EXPECT_EQ(*pack->code(manifest.targets[0].code), *open(cpu)->code("code.0"));
  EXPECT_EQ(*pack->code(manifest.targets[1].code), *open(gpu)->code("code.0"));
  EXPECT_EQ(namesOf(*pack),
            (Names{"code.0", "code.1", "cubin.0", "cuda.0", "golden.0", "golden.1"}))
      << "self-tests of both are the same";
  ASSERT_TRUE(manifest.check);
  EXPECT_FALSE(pack->generationJson());
  EXPECT_EQ(pack->configJson(), "{}");
}

// Weights, entries and states have other numbers in the other pack.
TEST_F(CombineTest, MergeAdaptsNumbers) {
  PackContent a = withTarget(0, "cpu:a"), b = withTarget(0, "cpu:b");
  std::swap(b.manifest.checkpoint[0], b.manifest.checkpoint[1]);
  std::swap(b.manifest.entries[0], b.manifest.entries[1]);
  TargetSpec &target = b.manifest.targets[0];
  target.recipe[0].args[0].number = 0; // "b"
  std::swap(target.programs[0].entry, target.programs[1].entry);
  b.manifest.check.reset();
  ASSERT_TRUE(mergePacks(write("a.mpk", a), write("b.mpk", b), folder / "out.mpk").ok());
  auto pack = open(folder / "out.mpk");
  ASSERT_TRUE(pack);
  const Manifest &manifest = pack->manifest();
  EXPECT_EQ(manifest.checkpoint.size(), 2u);
  EXPECT_EQ(manifest.entries.size(), 2u);
  const TargetSpec &other = manifest.targets[1];
  EXPECT_EQ(manifest.checkpoint[other.recipe[0].args[0].number].name, "b");
  EXPECT_EQ(manifest.entries[other.programs[0].entry].name, "next");
  EXPECT_EQ(manifest.entries[other.programs[1].entry].name, "logits");
  // The check comes with its own order, whichever pack is first.
  ASSERT_TRUE(mergePacks(folder / "b.mpk", folder / "a.mpk", folder / "out.mpk").ok());
  pack = open(folder / "out.mpk");
  EXPECT_EQ(pack->manifest().checkpoint[0].name, "w");
  EXPECT_EQ(pack->manifest().entries[pack->manifest().check->entry].name, "next");
}

TEST_F(CombineTest, MergeSaysWhatDiffers) {
  PackContent a = withTarget(0, "cpu:a"), b = withTarget(0, "cpu:b");
  auto fails = [&](auto change) {
    PackContent changed = b;
    change(changed.manifest);
    return mergeFailure(a, changed);
  };
  EXPECT_EQ(fails([](Manifest &m) { m.weights = "int8"; }),
            "merged: the precisions differ, weights int4 and activations bf16 against weights "
            "int8 and activations bf16");
  EXPECT_EQ(fails([](Manifest &m) { m.activations = "f32"; }),
            "merged: the precisions differ, weights int4 and activations bf16 against weights "
            "int4 and activations f32");
  EXPECT_EQ(fails([](Manifest &m) { m.model->signature = "cd"; }), "merged: the models differ");
  EXPECT_EQ(fails([](Manifest &m) { m.check->weights[0] = '0'; }),
            "merged: they check the weights of different checkpoints");
  EXPECT_EQ(fails([](Manifest &m) { m.targets[0].name = "cpu:a"; }),
            "merged: both have target 'cpu:a'");
  EXPECT_EQ(fails([](Manifest &m) { m.checkpoint[0].shape = {3, 2}; }),
            "merged: checkpoint weight 'w' is not the same in both");
  EXPECT_EQ(fails([](Manifest &m) { m.entries[1].outputs[0].shape = {9}; }),
            "merged: entry 'logits' is not the same in both");
  PackContent other = b;
  other.configJson = "{ }";
  EXPECT_EQ(mergeFailure(a, other), "merged: their config.json differ");
  other = b;
  other.tokenizerJson = "{}";
  EXPECT_EQ(mergeFailure(a, other), "merged: their tokenizer.json differ");
  other = b;
  other.generationJson = "{}";
  EXPECT_EQ(mergeFailure(a, other), "merged: their generation_config.json differ");
}

TEST_F(CombineTest, StripKeepsWhatIsAskedFor) {
  std::string both = write("both.mpk", sampleContent(3)), out = folder / "out.mpk";
  StripOptions options;
  options.keep = {"cpu:test"};
  ASSERT_TRUE(stripPack(both, options, out).ok());
  auto pack = open(out);
  ASSERT_TRUE(pack);
  EXPECT_EQ(pack->manifest().targets.size(), 1u);
  EXPECT_EQ(namesOf(*pack), (Names{"code.0", "golden.0", "golden.1"}));
  EXPECT_EQ(pack->manifest().checkpoint.size(), 2u);

  options = {{}, /*dropCubin=*/true, /*dropCudaSource=*/true, /*dropGolden=*/true};
  ASSERT_TRUE(stripPack(both, options, out).ok());
  pack = open(out);
  EXPECT_EQ(namesOf(*pack), Names{"code.0"});
  EXPECT_EQ(pack->manifest().targets.size(), 2u);
  EXPECT_FALSE(pack->manifest().check || pack->manifest().targets[1].cubin ||
               pack->manifest().targets[1].cuda);
  EXPECT_TRUE(pack->manifest().targets[0].kernels[0].golden.empty());

  // Nothing dropped, nothing changed.
  ASSERT_TRUE(stripPack(both, {}, out).ok());
  EXPECT_EQ(slurp(out), slurp(both));
}

TEST_F(CombineTest, StripNamesWhatIsNotThere) {
  std::string both = write("both.mpk", sampleContent());
  StripOptions options;
  options.keep = {"cpu:test", "cpu:x"};
  EXPECT_EQ(stripPack(both, options, folder / "out.mpk").message(),
            "no target 'cpu:x' in pack '" + both + "'; it has 'cpu:test', 'cuda:sm_80'");
  EXPECT_EQ(folder.countFiles(), 1u);
}

// What is damaged is not carried on.
TEST_F(CombineTest, DamageIsFound) {
  std::string both = write("both.mpk", sampleContent());
  StoredBlob blob = sampleBlob(0);
  std::string bytes = slurp(both), stored(blob.bytes.begin(), blob.bytes.end());
  size_t at = bytes.find(stored.substr(0, 40));
  ASSERT_NE(at, bytes.npos);
  bytes[at + 20] ^= 1;
  folder.add("both.mpk", bytes);
  EXPECT_NE(stripPack(both, {}, folder / "out.mpk").message().find("SHA-256"), std::string::npos);
  EXPECT_FALSE(Pack::open(folder / "out.mpk").ok());
}
