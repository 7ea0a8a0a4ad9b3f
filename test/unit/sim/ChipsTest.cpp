// The prediction on cases that can be done by hand; clocks are A100's unless
// said: 108 multiprocessors, 64 FMA lanes, 5120 bytes of L2 a clock.
#include "runtime/device/sim/Chips.h"

#include <gtest/gtest.h>

using namespace mamba;
using namespace mamba::sim;

namespace {

const Chip &a100() { return *findChip("A100"); }

double clocks(double seconds, const Chip &chip = a100()) { return seconds * chip.clock; }

double part(const Prediction &prediction, Limit limit) {
  return clocks(prediction.parts[unsigned(limit)]);
}

Counts oneLaunch() {
  Counts counts;
  counts.launches = 1;
  return counts;
}

TEST(Chips, FoundByNameAndArchitecture) {
  EXPECT_EQ(findChip("a100")->arch, "sm_80");
  EXPECT_EQ(findChip("sm_80")->name, "A100");
  EXPECT_EQ(findChip("sm_86")->name, "A10");
  EXPECT_EQ(findChip("sm_90a")->name, "H100");
  EXPECT_EQ(findChip("sm_90")->name, "H100");
  EXPECT_EQ(findChip("rtx5090")->arch, "sm_120");
  EXPECT_EQ(findChip("sm_70"), nullptr);
  EXPECT_EQ(findChip(""), nullptr);
  Result<const Chip *> chip = chipNamed("K80");
  ASSERT_FALSE(chip.ok());
  EXPECT_EQ(chip.status().message().substr(0, 50),
            "unknown chip 'K80': give one of T4 (sm_75), A100 (");
}

TEST(Chips, FiguresAreConsistentWithDataSheets) {
  // TFLOPS: matrix rate, multiprocessors and clock multiply to the published ones.
  for (auto [name, published] :
       {std::pair("T4", 65.0), std::pair("A100", 312.0), std::pair("A10", 125.0),
        std::pair("RTX3090", 71.0), std::pair("L40S", 366.0), std::pair("RTX4090", 165.2),
        std::pair("H100", 989.4), std::pair("B200", 2250.0), std::pair("RTX5090", 209.5)}) {
    const Chip &chip = *findChip(name);
    double tera = 1e-12 * chip.matrixFlops * chip.multiprocessors * chip.clock;
    EXPECT_NEAR(tera, published, 0.01 * published) << name;
  }
  for (const Chip &chip : chips()) {
    EXPECT_LE(chip.warpMatrixFlops, chip.matrixFlops) << chip.name;
    EXPECT_GT(chip.sharedBytes, 0u);
    EXPECT_LE(chip.sharedBytesOfBlock, chip.sharedBytes) << chip.name;
    EXPECT_GT(chip.maxWarps, 31u);
  }
}

TEST(Chips, ThroughputOfOneBlockAMultiprocessor) {
  Counts counts = oneLaunch();
  counts.instructions = 108 * 4000;
  counts.fma = 108 * 2000;
  counts.special = 108 * 400;
  counts.integer = 108 * 300;
  counts.logic = 108 * 100;
  counts.conversion = 108 * 10;
  counts.sharedWavefronts = 108 * 700;
  counts.matrixFlops = uint64_t(108) * 2048 * 50;
  counts.globalLoadSectors = 108 * 20;
  counts.globalStoreSectors = 108 * 12;
  Prediction p = predict(counts, {108, 128, 64, 0}, a100());
  EXPECT_NEAR(part(p, Limit::Issue), 1000, 1e-6);
  EXPECT_NEAR(part(p, Limit::Fma), 1000, 1e-6);
  EXPECT_NEAR(part(p, Limit::Special), 800, 1e-6);
  EXPECT_NEAR(part(p, Limit::Integer), 200, 1e-6);
  EXPECT_NEAR(part(p, Limit::Conversion), 20, 1e-6);
  EXPECT_NEAR(part(p, Limit::Shared), 700, 1e-6);
  EXPECT_NEAR(part(p, Limit::Matrix), 50, 1e-6);
  // 1 KB a multiprocessor at 64 bytes a clock; all of it at 5120 needs more.
  EXPECT_NEAR(part(p, Limit::L2), 108 * 1024 / 5120.0, 1e-6);
  EXPECT_NEAR(p.parts[unsigned(Limit::Dram)], 108 * 1024 / 1555e9, 1e-15);
  // 64 registers: 8 warps a scheduler, 8 blocks of 4 warps; only one comes.
  EXPECT_EQ(p.residentBlocks, 8u);
  EXPECT_DOUBLE_EQ(p.waves, 0.125);
  EXPECT_DOUBLE_EQ(p.occupancy, 4 / 64.0);
}

TEST(Chips, HopperReachesItsMatrixRateByWgmmaOnly) {
  Counts counts = oneLaunch();
  counts.matrixFlops = uint64_t(132) * 2540 * 50;
  const Chip &chip = *findChip("H200");
  Prediction p = predict(counts, {132, 128, 64, 0}, chip);
  EXPECT_NEAR(clocks(p.parts[unsigned(Limit::Matrix)], chip), 50, 1e-6);
  EXPECT_EQ(p.limit, Limit::Launch);
  EXPECT_NEAR(p.kernelSeconds, 50 / chip.clock, 1e-15);
}

TEST(Chips, TheTailIsTheBusiestMultiprocessor) {
  Counts counts = oneLaunch();
  counts.instructions = 109 * 4000;
  Prediction full = predict(counts, {109, 128, 0, 0}, a100());
  // One of them has two blocks of 4000 instructions.
  EXPECT_NEAR(part(full, Limit::Issue), 2000, 1e-6);
  // One block leaves all others idle; it draws 64 bytes a clock from the L2.
  counts = oneLaunch();
  counts.globalLoadSectors = 200;
  Prediction one = predict(counts, {1, 128, 0, 0}, a100());
  EXPECT_NEAR(part(one, Limit::L2), 100, 1e-6);
}

TEST(Chips, LatencyCountsOnceAWave) {
  Counts counts = oneLaunch();
  counts.criticalPath = 5000;
  // 1024 threads: two blocks at once, 216 on the chip.
  Prediction two = predict(counts, {217, 1024, 32, 0}, a100());
  EXPECT_EQ(two.residentBlocks, 2u);
  EXPECT_NEAR(part(two, Limit::Latency), 10000, 1e-6);
  EXPECT_EQ(two.limit, Limit::Latency);
  EXPECT_NEAR(two.seconds, 10000 / 1.41e9 + kLaunchSeconds, 1e-12);
  EXPECT_DOUBLE_EQ(two.occupancy, 1.0);
  Prediction one = predict(counts, {216, 1024, 32, 0}, a100());
  EXPECT_NEAR(part(one, Limit::Latency), 5000, 1e-6);
}

TEST(Chips, WhatABlockNeedsLimitsHowManyAreResident) {
  Counts counts = oneLaunch();
  // 96 registers: 5 warps a scheduler.
  EXPECT_EQ(predict(counts, {1000, 32, 96, 0}, a100()).residentBlocks, 20u);
  EXPECT_EQ(predict(counts, {1000, 256, 255, 0}, a100()).residentBlocks, 1u);
  // 41 KB and the reserved one: 3 in 164 KB.
  EXPECT_EQ(predict(counts, {1000, 32, 32, 41 << 10}, a100()).residentBlocks, 3u);
  EXPECT_EQ(predict(counts, {1000, 32, 32, 0}, a100()).residentBlocks, 32u);
  EXPECT_EQ(predict(counts, {1000, 32, 0, 0}, *findChip("T4")).residentBlocks, 16u);
  EXPECT_EQ(predict(counts, {1000, 1024, 32, 0}, *findChip("RTX4090")).residentBlocks, 1u);
}

TEST(Chips, TooLargeABlockIsSaid) {
  Counts counts = oneLaunch();
  counts.instructions = 1000;
  for (LaunchSize shape : {LaunchSize{1, 1024, 128, 0}, LaunchSize{1, 32, 32, 200 << 10}}) {
    Prediction p = predict(counts, shape, a100());
    EXPECT_EQ(p.residentBlocks, 0u);
    EXPECT_EQ(p.seconds, 0);
  }
  EXPECT_GT(predict(counts, {1, 32, 32, 200 << 10}, *findChip("H100")).seconds, 0);
}

TEST(Chips, UniqueBytesGoToMemoryOthersToTheL2) {
  Counts counts = oneLaunch();
  counts.globalLoadSectors = uint64_t(100) << 20; // 3.4 GB
  counts.uniqueBytesRead = uint64_t(1) << 20;
  Prediction p = predict(counts, {10000, 128, 32, 0}, a100());
  EXPECT_EQ(p.limit, Limit::L2);
  EXPECT_NEAR(p.parts[unsigned(Limit::Dram)], (1 << 20) / 1555e9, 1e-12);
  counts.uniqueBytesRead = 0; // not known: every sector
  p = predict(counts, {10000, 128, 32, 0}, a100());
  EXPECT_NEAR(p.parts[unsigned(Limit::Dram)], 3355443200 / 1555e9, 1e-9);
}

TEST(Chips, LaunchesAreAveraged) {
  Counts counts = oneLaunch();
  counts.launches = 10;
  counts.instructions = 10 * 108 * 4000;
  EXPECT_NEAR(part(predict(counts, {108, 128, 0, 0}, a100()), Limit::Issue), 1000, 1e-6);
  // Less than the launch itself takes.
  Prediction p = predict(counts, {108, 128, 0, 0}, a100());
  EXPECT_EQ(p.limit, Limit::Launch);
  EXPECT_NEAR(p.seconds, 1000 / 1.41e9 + kLaunchSeconds, 1e-12);
}

} // namespace
