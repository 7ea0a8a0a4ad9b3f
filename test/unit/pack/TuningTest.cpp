// Tuning packs: kernels with variants, each of which is a pack by itself.
#include "runtime/model/PackInfo.h"
#include "runtime/pack/Combine.h"
#include "test/unit/pack/SamplePack.h"
#include "test/unit/support/TempFolder.h"

#include <gtest/gtest.h>
#include <nlohmann/json.hpp>

using namespace mamba;

namespace {

/// Two variants of the first kernel of one of the sample's targets.
PackContent tuningContent(size_t which = 0) {
  PackContent content = sampleContent();
  Manifest &manifest = content.manifest;
  TargetSpec target = manifest.targets[which];
  target.recipe.clear();
  target.programs.clear();
  target.packedBytes = 0;
  target.kernels.resize(1);
  KernelSpec &kernel = target.kernels[0];
  if (kernel.golden.empty())
    kernel.golden = manifest.targets[1].kernels[0].golden;
  kernel.golden.resize(2, kernel.golden.front());
  TuningSpec tuning = {"scan selective_scan f32->f32 decode 3x4", "cpu:x86-64-v3",
                       {{"lanes=8", 2.5, target}, {"lanes=16", 0, target}}};
  manifest.entries.clear();
  manifest.targets.clear();
  manifest.checkpoint.clear();
  manifest.check.reset();
  manifest.tuning = {tuning};
  return content;
}

/// The same for a GPU, with what a prediction needs.
Manifest predictableManifest() {
  Manifest manifest = tuningContent(1).manifest;
  TuningSpec &tuning = manifest.tuning[0];
  LaunchShape launch = {{RowKind::T, 1}, true, {}};
  launch.args.resize(tuning.variants[0].target.kernels[0].golden.back().args.size(),
                     {RowKind::T, 64, true, 0});
  launch.args.front() = {RowKind::Constant, 4096, false, 12};
  tuning.launch = launch;
  for (VariantSpec &variant : tuning.variants)
    variant.prediction = PredictionSpec{{{RowKind::S, 1}, 1, 2}, {{2, 2048}, {16, 2048}}};
  return manifest;
}

nlohmann::json tuningJson() {
  return nlohmann::json::parse(writeManifest(tuningContent().manifest));
}

/// Each value of the tuning pack may not be of another kind, nor away, but for what may be.
void expectEveryKeyCounts(const nlohmann::json &json) {
  nlohmann::json flat = json["tuning"].flatten();
  for (auto &[path, value] : flat.items()) {
    nlohmann::json::json_pointer pointer("/tuning" + path);
    nlohmann::json changed = json;
    changed[pointer] = nlohmann::json::object();
    EXPECT_FALSE(readManifest(changed.dump(), "test").ok()) << path;
    if (!json[pointer.parent_pointer()].is_object() || pointer.back().starts_with("schedule_") ||
        pointer.back() == "code_form" || pointer.back() == "slices" ||
        pointer.back() == "overlap" || value.is_null())
      continue;
    changed = json;
    changed[pointer.parent_pointer()].erase(pointer.back());
    EXPECT_FALSE(readManifest(changed.dump(), "test").ok()) << path;
  }
}

TEST(Tuning, RoundTrips) {
  std::string text = writeManifest(tuningContent().manifest);
  Result<Manifest> again = readManifest(text, "test");
  ASSERT_TRUE(again.ok()) << again.status().message();
  ASSERT_EQ(again->tuning.size(), 1u);
  EXPECT_EQ(again->tuning[0].variants[0].predictedUs, 2.5);
  EXPECT_EQ(again->tuning[0].variants[1].schedule, "lanes=16");
  EXPECT_FALSE(again->tuning[0].launch);
  EXPECT_EQ(nlohmann::json::parse(writeManifest(*again)), nlohmann::json::parse(text));
}

TEST(Tuning, WhatPredictionsNeedRoundTrips) {
  Manifest manifest = predictableManifest();
  Result<Manifest> again = readManifest(writeManifest(manifest), "test");
  ASSERT_TRUE(again.ok()) << again.status().message();
  const TuningSpec &tuning = again->tuning[0];
  ASSERT_TRUE(tuning.launch && tuning.variants[1].prediction);
  EXPECT_TRUE(tuning.launch->readsSequences);
  EXPECT_EQ(tuning.launch->args, manifest.tuning[0].launch->args);
  EXPECT_EQ(tuning.variants[1].prediction->steps, (std::vector<StepSpec>{{2, 2048}, {16, 2048}}));
  EXPECT_EQ(nlohmann::json::parse(writeManifest(*again)),
            nlohmann::json::parse(writeManifest(manifest)));
}

TEST(Tuning, EveryKeyIsNeededAndHasAKind) {
  expectEveryKeyCounts(tuningJson());
  expectEveryKeyCounts(nlohmann::json::parse(writeManifest(predictableManifest())));
}

TEST(Tuning, APackOf42HasNoPredictions) {
  nlohmann::json json = nlohmann::json::parse(writeManifest(predictableManifest()));
  json["minor"] = 2;
  json["tuning"][0].erase("launch");
  for (nlohmann::json &variant : json["tuning"][0]["variants"])
    variant.erase("prediction");
  Result<Manifest> manifest = readManifest(json.dump(), "test");
  ASSERT_TRUE(manifest.ok()) << manifest.status().message();
  EXPECT_FALSE(manifest->tuning[0].launch || manifest->tuning[0].variants[0].prediction);
}

TEST(Tuning, WhatDoesNotHoldIsRefused) {
  auto refusal = [](const std::string &path, const nlohmann::json &value) {
    nlohmann::json json = tuningJson();
    json[nlohmann::json::json_pointer(path)] = value;
    Result<Manifest> manifest = readManifest(json.dump(), "test");
    return manifest.ok() ? "" : manifest.status().message();
  };
  auto expect = [&](const std::string &path, const nlohmann::json &value, const char *why) {
    std::string message = refusal(path, value);
    EXPECT_NE(message.find(why), std::string::npos) << path << ": " << message;
  };
  const std::string first = "/tuning/0/variants/0", second = "/tuning/0/variants/1";
  expect("/tuning/0/key", "", "has a key, a target and variants");
  expect("/tuning/0/key", "a | b", "has a key, a target and variants");
  expect("/tuning/0/target", "a\nb", "has a key, a target and variants");
  expect("/tuning/0/variants", nlohmann::json::array(), "has a key, a target and variants");
  expect(first + "/schedule", "lanes=16", "'lanes=16' names more than one variant");
  expect(first + "/schedule", "", "a variant has an empty name");
  expect(second + "/predicted_us", -1.0, "a time of at least 0");
  expect(second + "/target/name", "another", "is one kernel of 'cpu:");
  expect(second + "/target/code", "code.77", "code 'code.77' is not a blob");
  expect(second + "/target/kernels", nlohmann::json::array(), "is one kernel of");
  nlohmann::json other = tuningJson()["tuning"][0]["variants"][1]["target"];
  nlohmann::json golden = other["kernels"][0]["golden"];
  expect(second + "/target/kernels/0/golden", nlohmann::json::array({golden[0]}),
         "has two golden cases, got 1");
  golden[1]["args"][0]["count"] = golden[1]["args"][0]["count"].get<int>() + 64;
  expect(second + "/target/kernels/0/golden", golden, "not that of the other variants");
  expect("/targets", nlohmann::json::array({other}),
         "has no entries, targets or check");
}

TEST(Tuning, PredictionsThatDoNotHoldAreRefused) {
  auto expect = [](const char *why, auto &&change) {
    Manifest manifest = predictableManifest();
    change(manifest.tuning[0]);
    std::string message = verifyManifest(manifest).message();
    EXPECT_NE(message.find(why), std::string::npos) << why << ": " << message;
  };
  EXPECT_TRUE(verifyManifest(predictableManifest()).ok());
  expect("'launch' has 1 arguments, the kernel's golden cases ",
         [](TuningSpec &tuning) { tuning.launch->args.resize(1); });
  expect("argument 0: 4294967296 rows are more than an I32 counts",
         [](TuningSpec &tuning) { tuning.launch->args[0].below = uint64_t(1) << 32; });
  expect("which all have one", [](TuningSpec &tuning) { tuning.launch.reset(); });
  expect("which all have one", [](TuningSpec &tuning) { tuning.variants[1].prediction.reset(); });
  auto steps = [&](const char *why, std::vector<StepSpec> steps) {
    expect(why, [&](TuningSpec &tuning) { tuning.variants[1].prediction->steps = steps; });
  };
  steps("one step or two, got 0", {});
  steps("one step or two, got 3", {{1, 1}, {1, 1}, {1, 1}});
  steps("1 to 65536 sequences of 1 to 65536 tokens, got 0 of 1", {{0, 1}});
  steps("got 1 of 0", {{1, 0}});
  steps("got 65537 of 1", {{65537, 1}});
  steps("got 1 of 65537", {{1, 65537}});
  expect("has more than 2147483647 tiles", [](TuningSpec &tuning) {
    tuning.variants[0].prediction->grid.times = kMaxTiles;
  });
  expect("the grid's block and times must be at least 1",
         [](TuningSpec &tuning) { tuning.variants[0].prediction->grid.block = 0; });
  for (uint64_t bytes : {kMaxManifestSize / 16, kMaxManifestSize})
    expect("the arguments of a step have more than 281474976710656 bytes",
           [=](TuningSpec &tuning) { tuning.launch->args.back().bytes = bytes; });
  Manifest cpu = tuningContent().manifest;
  cpu.tuning[0].launch = predictableManifest().tuning[0].launch;
  for (VariantSpec &variant : cpu.tuning[0].variants)
    variant.prediction = predictableManifest().tuning[0].variants[0].prediction;
  EXPECT_NE(verifyManifest(cpu).message().find("'launch' is for kernels of cuda targets"),
            std::string::npos);
}

TEST(Tuning, AKeyIsOncePerTarget) {
  Manifest manifest = tuningContent().manifest;
  TuningSpec gpu = predictableManifest().tuning[0];
  manifest.tuning.push_back(gpu);
  EXPECT_TRUE(verifyManifest(manifest).ok()) << verifyManifest(manifest).message();
  manifest.tuning.push_back(gpu);
  EXPECT_NE(verifyManifest(manifest).message().find(
                "kernel 'scan selective_scan f32->f32 decode 3x4' for 'cpu:x86-64-v3': two kernels "
                "of a target have this key"),
            std::string::npos)
      << verifyManifest(manifest).message();
}

TEST(Tuning, AVariantToCheckHasNoStepOfTiming) {
  TempFolder folder;
  ASSERT_TRUE(writePack(tuningContent(), folder / "t.mpk").ok());
  auto pack = Pack::open(folder / "t.mpk");
  ASSERT_TRUE(pack.ok()) << pack.status().message();
  EXPECT_EQ((*(*pack)->variant(0, 1))->manifest().targets[0].kernels[0].golden.size(), 2u);
  EXPECT_EQ((*(*pack)->variantToCheck(0, 1))->manifest().targets[0].kernels[0].golden.size(), 1u);
  EXPECT_FALSE((*pack)->variantToCheck(1, 0).ok());
}

TEST(Tuning, AVariantIsAPackOfTheSameFile) {
  TempFolder folder;
  ASSERT_TRUE(writePack(tuningContent(), folder / "t.mpk").ok());
  auto pack = Pack::open(folder / "t.mpk");
  ASSERT_TRUE(pack.ok()) << pack.status().message();
  EXPECT_TRUE((*pack)->isTuning());
  auto variant = (*pack)->variant(0, 1);
  ASSERT_TRUE(variant.ok());
  EXPECT_FALSE((*variant)->isTuning());
  ASSERT_EQ((*variant)->manifest().targets.size(), 1u);
  const TargetSpec &target = (*variant)->manifest().targets[0];
  EXPECT_EQ(*(*variant)->code(target.code), *(*pack)->code(target.code));
  EXPECT_EQ((*pack)->tuningTargets()->manifest().targets.size(), 1u);
  for (auto [kernel, which] : {std::pair(0, 2), std::pair(1, 0)})
    EXPECT_NE((*pack)->variant(kernel, which).status().message().find("t.mpk' has no variant "),
              std::string::npos);
}

TEST(Tuning, ItIsNoPackOfAModel) {
  TempFolder folder;
  std::string path = folder / "t.mpk";
  ASSERT_TRUE(writePack(tuningContent(), path).ok());
  EXPECT_NE(PackInfo::open(path).status().message().find("t.mpk' is a tuning pack: mamba-tune "),
            std::string::npos);
  EXPECT_NE(stripPack(path, {.keep = {}, .dropGolden = true}, folder / "x.mpk")
                .message()
                .find("t.mpk' is a tuning pack, which stays as it is"),
            std::string::npos);
  EXPECT_NE(mergePacks(path, path, folder / "x.mpk").message().find("is a tuning pack"),
            std::string::npos);
}

} // namespace
