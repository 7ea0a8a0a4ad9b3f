// The profile's table and JSON.
#include "runtime/device/sim/Profile.h"

#include <nlohmann/json.hpp>

#include <gtest/gtest.h>

using namespace mamba;
using namespace mamba::sim;

namespace {

Counts launch(uint64_t instructions, uint64_t sectors) {
  Counts c;
  c.launches = 1;
  c.instructions = instructions;
  c.special = instructions / 10;
  c.fma = instructions / 2;
  c.globalLoadSectors = sectors;
  c.globalNeededSectors = sectors / 2;
  c.sharedWavefronts = 150;
  c.sharedNeeded = 100;
  c.barriers = 1234;
  c.criticalPath = 800;
  return c;
}

Profile sample() {
  Profile::Kernel scan{"scan_f32_n16", 128, 40, 2048, {}, {}}, norm{"norm", 256, 0, 0, {}, {}},
      unused{"unused", 32, 8, 0, {}, {}};
  scan.ptx = InstructionMix{};
  scan.machine = InstructionMix{};
  (*scan.ptx)[MixClass::Fma] = (*scan.machine)[MixClass::Fma] = 7;
  (*scan.ptx)[MixClass::Integer] = 3;
  (*scan.machine)[MixClass::Integer] = 5;
  (*scan.machine)[MixClass::LoadLocal] = 2;
  Profile profile({norm, scan, unused});
  profile.add(0, 10, launch(1000, 10));
  profile.add(1, 108, launch(432000000, 1000));
  profile.add(1, 108, launch(432000000, 1000));
  profile.add(1, 216, launch(864000000, 2000));
  return profile;
}

TEST(Profile, EachShapeIsPredictedByItself) {
  Profile profile = sample();
  nlohmann::json json = nlohmann::json::parse(profile.json(*findChip("A100")));
  EXPECT_EQ(json["chip"], "A100");
  ASSERT_EQ(json["kernels"].size(), 2u); // the unused one is not there
  const nlohmann::json &scan = json["kernels"][0];
  EXPECT_EQ(scan["name"], "scan_f32_n16");
  EXPECT_EQ(scan["limit"], "issue");
  // 10^6 clocks twice, 2 * 10^6 once; three launches.
  EXPECT_NEAR(scan["seconds"].get<double>(), 4e6 / 1.41e9 + 3 * kLaunchSeconds, 1e-9);
  EXPECT_EQ(scan["counts"]["launches"], 3);
  EXPECT_EQ(scan["counts"]["instructions"], 1728000000);
  EXPECT_EQ(scan["counts"]["critical_path"], 800);
  EXPECT_EQ(scan["machine"]["load local"], 2);
  EXPECT_EQ(scan["registers"], 40);
  EXPECT_EQ(json["kernels"][1]["limit"], "launch");
  EXPECT_FALSE(json["kernels"][1].contains("ptx"));
  EXPECT_NEAR(json["seconds"].get<double>(),
              scan["seconds"].get<double>() + json["kernels"][1]["seconds"].get<double>(), 1e-12);
}

TEST(Profile, TheTableIsForPeople) {
  std::string table = sample().table(*findChip("A100"));
  EXPECT_EQ(
      table,
      "predicted for A100 (sm_80); a model, not a measurement\n"
      "kernel       launches    time us  share limit      special     fma sectors traffic  banks "
      "barrier    path  regs  shared warps\n"
      "scan_f32_n16        3     2842.9  99.9% issue         173M    864M    4.0k    2.00   1.50 "
      "   3.7k     800    40    2048    6%\n"
      "norm                1        2.6   0.1% launch         100     500      10    2.00   1.50 "
      "   1.2k     800     ?       0   12%\n"
      "all                       2845.4\n"
      "instructions in the PTX -> in the machine code:\n"
      "  scan_f32_n16: integer 3 -> 5, load local 0 -> 2\n");
}

TEST(Profile, ABlockThatDoesNotFitIsSaid) {
  Profile profile({{"large", 1024, 128, 0, {}, {}}});
  profile.add(0, 1, launch(10, 1));
  EXPECT_NE(profile.table(*findChip("A100")).find("too large"), std::string::npos);
  EXPECT_EQ(nlohmann::json::parse(profile.json(*findChip("A100")))["kernels"][0]["fits"], false);
}

TEST(Profile, OfNothing) {
  Profile profile;
  EXPECT_EQ(nlohmann::json::parse(profile.json(*findChip("T4")))["kernels"].size(), 0u);
  EXPECT_NE(profile.table(*findChip("T4")).find("all"), std::string::npos);
}

TEST(Profile, NamesNeedNotBeText) {
  Profile profile({{"\xff\xfe", 32, 8, 0, {}, {}}});
  profile.add(0, 1, launch(10, 1));
  EXPECT_FALSE(profile.json(*findChip("T4")).empty());
}

} // namespace
