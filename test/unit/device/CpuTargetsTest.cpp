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

static std::string choose(TestPack &pack, std::string_view arch = hostArch()) {
  auto opened = pack.open();
  EXPECT_TRUE(opened.ok()) << opened.status().message();
  auto target = chooseCpuTarget(**opened, CpuFeatures::detect(), arch);
  return target.ok() ? (*target)->name : target.status().message();
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
  EXPECT_NE(choose(pack, "riscv64")
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
  CpuFeatures features = CpuFeatures::detect();
  features.dropAmx();
  for (auto &[name, has] : features.all()) {
    EXPECT_FALSE(has && CpuFeatures::isAmx(name)) << name;
  }
  EXPECT_EQ(features.has("avx512f"), CpuFeatures::detect().has("avx512f"));
}
