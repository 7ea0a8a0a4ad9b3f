#include "runtime/pack/DecodeBytes.h"
#include "test/unit/pack/SampleManifest.h"

#include "runtime/support/Json.h"

#include <gtest/gtest.h>

using namespace mamba;

// What is written reads back as the same text.
TEST(Manifest, RoundTrip) {
  std::string text = writeManifest(sampleManifest());
  Result<Manifest> manifest = readManifest(text, "test");
  ASSERT_TRUE(manifest.ok()) << manifest.status().message();
  EXPECT_EQ(writeManifest(*manifest), text);

  EXPECT_EQ(manifest->compiler, sampleManifest().compiler);
  EXPECT_EQ(manifest->weights, "int4");
  EXPECT_EQ(manifest->activations, "bf16");
  EXPECT_EQ(manifest->model->validVocabSize, 7u);
  const TargetSpec &target = manifest->targets[0];
  EXPECT_EQ(target.programs[0].bounds.maxLength, 1u);
  EXPECT_FALSE(target.programs[0].bounds.maxTokens);
  EXPECT_EQ(target.programs[1].bounds.maxTokens, 4096u);
  EXPECT_EQ(target.programs[1].bounds.minTokens, 17u);
  EXPECT_EQ(target.programs[1].bounds.maxSequences, 8u);
  EXPECT_EQ(target.programs[1].slices, 4u);
  EXPECT_FALSE(target.programs[0].slices);
  const GoldenCase &golden = target.kernels[0].golden[0];
  EXPECT_EQ(golden.args[0].hi, 1.0 / 3) << "doubles are exact";
  EXPECT_EQ(golden.args[1].bound, 17u);
  EXPECT_EQ(golden.tolerance, 1e-5);
  EXPECT_FALSE(target.cubin || target.cuda || target.kernels[0].launch);
}

TEST(Manifest, CudaTargetsRoundTrip) {
  Result<Manifest> manifest =
      readManifest(writeManifest(sampleManifest()), "test");
  ASSERT_TRUE(manifest.ok()) << manifest.status().message();
  const TargetSpec &target = manifest->targets[1];
  EXPECT_EQ(target.cubin, "cubin.0");
  EXPECT_EQ(target.cuda, "cuda.0");
  ASSERT_TRUE(target.kernels[0].launch && target.kernels[1].launch);
  EXPECT_EQ(target.kernels[0].launch->threads, 128u);
  EXPECT_EQ(target.kernels[0].launch->shared, 4096u);
  EXPECT_EQ(target.kernels[0].launch->registers, 40u);
  EXPECT_FALSE(target.kernels[1].launch->registers);
  EXPECT_FALSE(target.kernels[0].launch->overlap);
  const Dispatch &dispatch = target.programs[0].dispatches[0];
  ASSERT_EQ(dispatch.variants.size(), 2u);
  EXPECT_EQ(dispatch.variants[1].maxSequences, 8u);
  EXPECT_TRUE(target.programs[0].dispatches[1].variants.empty());
}

TEST(Manifest, OverlapRoundTrips) {
  Manifest sample = sampleManifest();
  sample.targets[1].arch = "sm_90a";
  sample.targets[1].kernels[1].launch->overlap = true;
  Result<Manifest> manifest = readManifest(writeManifest(sample), "test");
  ASSERT_TRUE(manifest.ok()) << manifest.status().message();
  EXPECT_FALSE(manifest->targets[1].kernels[0].launch->overlap);
  EXPECT_TRUE(manifest->targets[1].kernels[1].launch->overlap);
}

// The first variant whose limit holds, else the dispatch's own kernel.
TEST(Manifest, VariantsAreChosenBySequences) {
  Manifest manifest = sampleManifest();
  const Dispatch &dispatch = manifest.targets[1].programs[0].dispatches[0];
  for (auto [sequences, kernel, tiles] : {std::tuple(0, 2, 4),
                                          {1, 2, 4},
                                          {2, 2, 8},
                                          {8, 2, 32},
                                          {9, 0, 3},
                                          {5000, 0, 939}}) {
    Dispatch::Choice choice = dispatch.choose(sequences);
    EXPECT_EQ(choice.kernel, uint32_t(kernel)) << sequences;
    EXPECT_EQ(choice.grid.tiles(sequences, sequences), uint64_t(tiles));
  }
}

TEST(Manifest, ChecksRoundTrip) {
  Manifest manifest = sampleManifest();
  Result<Manifest> read = readManifest(writeManifest(manifest), "test");
  ASSERT_TRUE(read.ok() && read->check) << read.status().message();
  EXPECT_EQ(read->check->weights, std::string(64, 'f'));
  EXPECT_EQ(read->check->below, 7u);
  EXPECT_EQ(read->check->steps, manifest.check->steps);
  EXPECT_EQ(read->check->stride, 3u);
  EXPECT_EQ(read->check->blob, "golden.2");
  EXPECT_EQ(read->check->tolerance, 0.25);
  manifest.check.reset();
  std::string text = writeManifest(manifest);
  EXPECT_NE(text.find("\"check\":null"), text.npos);
  read = readManifest(text, "test");
  ASSERT_TRUE(read.ok()) << read.status().message();
  EXPECT_FALSE(read->check);
}

TEST(Manifest, KeysAreInTheOrderOfTheFormat) {
  std::string text = writeManifest(sampleManifest());
  size_t at = 0;
  for (const char *key :
       {"\"format\"", "\"minor\"", "\"compiler\"", "\"weights\"", "\"activations\"",
        "\"model\"", "\"checkpoint\"", "\"entries\"", "\"targets\"",
        "\"programs\"", "\"check\"", "\"blobs\""}) {
    size_t next = text.find(key, at);
    ASSERT_NE(next, std::string::npos) << key;
    at = next;
  }
}

TEST(Manifest, LargeNumbersAreExact) {
  Manifest manifest = sampleManifest();
  manifest.targets[0].packedBytes = kMaxManifestSize;
  manifest.targets[0].recipe[0].args[1].number = kMaxManifestSize - 1;
  Result<Manifest> read = readManifest(writeManifest(manifest), "test");
  ASSERT_TRUE(read.ok()) << read.status().message();
  EXPECT_EQ(read->targets[0].packedBytes, kMaxManifestSize);
  EXPECT_EQ(read->targets[0].recipe[0].args[1].number, kMaxManifestSize - 1);
}

TEST(Manifest, NoModelIsNull) {
  Manifest manifest = sampleManifest();
  manifest.model.reset();
  std::string text = writeManifest(manifest);
  EXPECT_NE(text.find("\"model\":null"), std::string::npos);
  Result<Manifest> read = readManifest(text, "test");
  ASSERT_TRUE(read.ok()) << read.status().message();
  EXPECT_FALSE(read->model);
}

// What a newer compiler adds does not disturb.
TEST(Manifest, UnknownKeysAreIgnored) {
  auto json = nlohmann::json::parse(writeManifest(sampleManifest()));
  json["future"] = 1;
  json["targets"][0]["kernels"][0]["future"] = {1, 2};
  EXPECT_TRUE(readManifest(json.dump(), "test").ok());
}

// Text that is not UTF-8 makes a manifest still, not a crash.
TEST(Manifest, WritesInvalidUtf8) {
  Manifest manifest = sampleManifest();
  manifest.compiler = "\xff\xfe";
  EXPECT_TRUE(readManifest(writeManifest(manifest), "test").ok());
}

TEST(Manifest, UnknownFormatIsRefusedWithBothNumbers) {
  Result<Manifest> manifest = readManifest(R"({"format": 1})", "x.mpk");
  ASSERT_FALSE(manifest.ok());
  EXPECT_EQ(manifest.status().message(),
            "x.mpk: the pack has format 1, this program reads format 4, build "
            "the pack anew or take the mamba that made it");
}

TEST(Manifest, TruncatedTextIsRefusedEverywhere) {
  std::string text = writeManifest(sampleManifest());
  for (size_t size = 0; size < text.size(); size += 5)
    EXPECT_FALSE(readManifest(text.substr(0, size), "test").ok()) << size;
}

// Each key but those that came with a minor version is needed: without it, a
// failure and no crash.
TEST(Manifest, EveryKeyIsNeeded) {
  auto json = nlohmann::json::parse(writeManifest(sampleManifest()));
  auto flat = json.flatten();
  size_t count = 0;
  for (auto &[path, value] : flat.items()) {
    nlohmann::json::json_pointer pointer(path);
    if (!json[pointer.parent_pointer()].is_object())
      continue;
    auto changed = json;
    changed[pointer.parent_pointer()].erase(pointer.back());
    bool isLater = pointer.back() == "minor" || pointer.back() == "tuning" ||
                   pointer.back() == "slices" || pointer.back() == "code_form" ||
                   pointer.back().starts_with("schedule_");
    EXPECT_EQ(readManifest(changed.dump(), "test").ok(), isLater) << path;
    ++count;
  }
  EXPECT_GT(count, 100u);
}

// A value of another kind in any place is a failure, never a crash.
TEST(Manifest, EveryValueHasAKind) {
  auto json = nlohmann::json::parse(writeManifest(sampleManifest()));
  auto flat = json.flatten();
  for (auto &[path, value] : flat.items()) {
    auto changed = json;
    changed[nlohmann::json::json_pointer(path)] = nlohmann::json::object();
    EXPECT_FALSE(readManifest(changed.dump(), "test").ok()) << path;
  }
}

TEST(DecodeBytes, countsWeightsThatAreReadWhole) {
  Manifest manifest = sampleManifest();
  TargetSpec &target = manifest.targets[0];
  EXPECT_EQ(decodeWeightBytes(manifest, target), 0u);
  // Where tokens are read, rows of a table are looked up.
  std::vector<Dispatch> &dispatches = target.programs[0].dispatches;
  dispatches[0].args.push_back({ArgSpace::Packed, 0});
  EXPECT_EQ(decodeWeightBytes(manifest, target), 0u);
  // [64, 127) is one weight, read twice; w is 6 numbers of the checkpoint.
  for (int i = 0; i < 2; ++i)
    dispatches[1].args.push_back({ArgSpace::Packed, 64});
  dispatches[1].args.push_back({ArgSpace::Weight, 0});
  EXPECT_EQ(decodeWeightBytes(manifest, target), 63u + 24u);
  // No step of one token each: all there is.
  target.programs[0].bounds.maxLength = 16;
  EXPECT_EQ(decodeWeightBytes(manifest, target), 128u);
}
