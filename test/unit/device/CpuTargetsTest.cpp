#include "test/unit/device/TestPack.h"

#include "runtime/device/cpu/CpuTargets.h"

#include <gtest/gtest.h>

using namespace mamba;

/// A feature that this machine has, and one that it has not but we know.
static std::string someFeature(bool present) {
  CpuFeatures features = CpuFeatures::detect();
  for (auto &[name, has] : features.all())
    if (has == present)
      return name;
  return "";
}

static TargetSpec makeTarget(TestPack &pack, std::string name,
                             std::vector<std::string> features) {
  TargetSpec target = pack.target();
  target.name = std::move(name);
  target.features = std::move(features);
  return target;
}

/// What is chosen, or why nothing is; a warning is put before.
static std::string choose(TestPack &pack, const CpuHost &host = CpuHost::detect(),
                          const std::string &wanted = {}) {
  auto opened = pack.open();
  EXPECT_TRUE(opened.ok()) << opened.status().message();
  std::string said;
  auto warn = [&](const std::string &message) { said += "(" + message + ") "; };
  auto target = chooseCpuTarget(**opened, host, wanted, warn);
  return said + (target.ok() ? (*target)->name : target.status().message());
}

/// This machine under an operating system that answers so to a wish for tiles.
static CpuHost hostThatSays(Status (*requestAmx)()) {
  CpuHost host = CpuHost::detect();
  host.requestAmx = requestAmx;
  return host;
}

TEST(CpuTargets, MostFeaturesWin) {
  TestPack pack;
  std::string has = someFeature(true);
  pack.manifest.targets = {makeTarget(pack, "plain", {}),
                           makeTarget(pack, "better", {has}),
                           makeTarget(pack, "equal", {has}),
                           makeTarget(pack, "foreign", {has, "unheard-of"})};
  EXPECT_EQ(choose(pack), "better");
}

TEST(CpuTargets, EachObstacleIsNamed) {
  TestPack pack;
  std::string lacks = someFeature(false);
  TargetSpec cuda = makeTarget(pack, "cuda:sm_90a", {});
  cuda.device = "cuda";
  cuda.arch = "sm_90a";
  for (KernelSpec &kernel : cuda.kernels) {
    kernel.entry = kernel.scratch = 0;
    kernel.launch = LaunchSpec{32, 0};
  }
  pack.manifest.targets = {cuda, makeTarget(pack, "cpu:new", {lacks})};
  EXPECT_EQ(choose(pack),
            "'test.mpk' has no target for this machine's processor: "
            "'cuda:sm_90a' is for device 'cuda'; 'cpu:new' needs '" +
                lacks +
                "', which this processor lacks; build one with 'mamba-pack "
                "build --target=cpu:native' or run its PTX on device 'sim'");
  CpuHost other = CpuHost::detect();
  other.arch = "riscv64";
  EXPECT_NE(choose(pack, other)
                .find("'cpu:new' is for '" + std::string(hostArch()) +
                      "', this is 'riscv64'"),
            std::string::npos);
  pack.manifest.targets.clear();
  EXPECT_NE(choose(pack).find("it has no target"), std::string::npos);
}

TEST(CpuTargets, AmxIsSeen) {
  TestPack pack;
  EXPECT_FALSE(needsAmx(makeTarget(pack, "a", {"avx512f"})));
  EXPECT_TRUE(needsAmx(makeTarget(pack, "b", {"avx512f", "amx-bf16"})));
}

TEST(CpuTargets, ByName) {
  TestPack pack;
  std::string has = someFeature(true), lacks = someFeature(false);
  CpuHost host = CpuHost::detect();
  pack.manifest.targets = {makeTarget(pack, "cpu:plain", {}),
                           makeTarget(pack, "cpu:better", {has}),
                           makeTarget(pack, "cpu:new", {lacks})};
  EXPECT_EQ(choose(pack, host), "cpu:better");
  EXPECT_EQ(choose(pack, host, "cpu:plain"), "cpu:plain");
  EXPECT_EQ(choose(pack, host, "cpu:new"),
            "target 'cpu:new' of 'test.mpk' does not run here: it needs '" +
                lacks + "', which this processor lacks");
  EXPECT_EQ(choose(pack, host, "cpu:better "),
            "no target 'cpu:better ' in pack 'test.mpk'; it has 'cpu:plain', "
            "'cpu:better', 'cpu:new'");

  // By the name of the device's too, and of any device.
  auto opened = pack.open();
  ASSERT_TRUE(opened.ok());
  DeviceOptions options;
  options.target = "cpu:plain";
  for (const char *device : {"cpu", "auto"}) {
    auto loaded = loadOnDevice(*opened, device, options);
    ASSERT_TRUE(loaded.ok()) << loaded.status().message();
    EXPECT_EQ((*loaded)->target().name, "cpu:plain");
  }
  EXPECT_EQ(loadOnDevice(*opened, "sim", options).status().message(),
            "target 'cpu:plain' of 'test.mpk' is for device 'cpu', device 'sim' "
            "runs cuda targets");
  options.target = "plain";
  for (const char *device : {"cpu", "auto", "sim"})
    EXPECT_EQ(loadOnDevice(*opened, device, options).status().code(),
              StatusCode::NotFound);
}

// Tiles need the operating system's leave, which is asked for when the processor
// has all else, and for a target that is not outdone.
TEST(CpuTargets, RefusedTiles) {
  CpuHost refusing = hostThatSays(
      []() -> Status { return unavailable("the kernel says no"); });
  if (!refusing.features.has("amx-tile"))
    GTEST_SKIP() << "this processor has no AMX";
  TestPack pack;
  pack.manifest.targets = {
      makeTarget(pack, "cpu:wide", {"avx2", "avx512f"}),
      makeTarget(pack, "cpu:tiles", {"avx2", "avx512f", "amx-tile"})};
  CpuHost granting = hostThatSays([] { return Status(); });
  EXPECT_EQ(choose(pack, granting), "cpu:tiles");
  EXPECT_EQ(choose(pack, refusing),
            "(runs target 'cpu:wide' of 'test.mpk': 'cpu:tiles' needs AMX: the "
            "kernel says no) cpu:wide");
  EXPECT_EQ(choose(pack, refusing, "cpu:wide"), "cpu:wide");
  EXPECT_EQ(choose(pack, refusing, "cpu:tiles"),
            "target 'cpu:tiles' of 'test.mpk' does not run here: it needs AMX: "
            "the kernel says no");
  pack.manifest.targets.erase(pack.manifest.targets.begin());
  EXPECT_EQ(choose(pack, granting), "cpu:tiles");
  EXPECT_NE(choose(pack, refusing).find("processor: 'cpu:tiles' needs AMX: the "
                                        "kernel says no; build one"),
            std::string::npos);
  // What does not win is not asked for.
  pack.manifest.targets = {
      makeTarget(pack, "cpu:other", {"amx-tile"}),
      makeTarget(pack, "cpu:wide", {"avx2", "avx512f"})};
  EXPECT_EQ(choose(pack, refusing), "cpu:wide");
}
