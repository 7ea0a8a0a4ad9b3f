// Tuning packs: kernels with variants, each of which is a pack by itself.
#include "runtime/model/PackInfo.h"
#include "runtime/pack/Combine.h"
#include "test/unit/pack/SamplePack.h"
#include "test/unit/support/TempFolder.h"

#include <gtest/gtest.h>
#include <nlohmann/json.hpp>

using namespace mamba;

namespace {

/// Two variants of the sample's first kernel.
PackContent tuningContent() {
  PackContent content = sampleContent();
  Manifest &manifest = content.manifest;
  TargetSpec target = manifest.targets[0];
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

nlohmann::json tuningJson() {
  return nlohmann::json::parse(writeManifest(tuningContent().manifest));
}

TEST(Tuning, RoundTrips) {
  std::string text = writeManifest(tuningContent().manifest);
  Result<Manifest> again = readManifest(text, "test");
  ASSERT_TRUE(again.ok()) << again.status().message();
  ASSERT_EQ(again->tuning.size(), 1u);
  EXPECT_EQ(again->tuning[0].variants[0].predictedUs, 2.5);
  EXPECT_EQ(again->tuning[0].variants[1].schedule, "lanes=16");
  EXPECT_EQ(nlohmann::json::parse(writeManifest(*again)), nlohmann::json::parse(text));
}

TEST(Tuning, EveryKeyIsNeededAndHasAKind) {
  nlohmann::json json = tuningJson(), flat = json["tuning"].flatten();
  for (auto &[path, value] : flat.items()) {
    nlohmann::json::json_pointer pointer("/tuning" + path);
    nlohmann::json changed = json;
    changed[pointer] = nlohmann::json::object();
    EXPECT_FALSE(readManifest(changed.dump(), "test").ok()) << path;
    if (!json[pointer.parent_pointer()].is_object() || pointer.back().starts_with("schedule_") ||
        pointer.back() == "code_form" || pointer.back() == "slices")
      continue;
    changed = json;
    changed[pointer.parent_pointer()].erase(pointer.back());
    EXPECT_FALSE(readManifest(changed.dump(), "test").ok()) << path;
  }
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
