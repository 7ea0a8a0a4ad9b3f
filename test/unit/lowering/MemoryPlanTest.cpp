#include "passes/lowering/MemoryPlan.h"

#include <gtest/gtest.h>

#include <random>
#include <vector>

using namespace mamba;

namespace {

bool aliveTogether(const Lifetime &a, const Lifetime &b) {
  return a.first <= b.last && b.first <= a.last;
}

/// Checks every promise of planMemory.
void expectSound(const std::vector<Lifetime> &buffers, const MemoryPlan &plan) {
  ASSERT_EQ(plan.offsets.size(), buffers.size());
  EXPECT_EQ(plan.bytes % 64, 0);
  for (size_t i = 0; i < buffers.size(); ++i) {
    EXPECT_EQ(plan.offsets[i] % 64, 0);
    EXPECT_GE(plan.offsets[i], 0);
    EXPECT_LE(plan.offsets[i] + buffers[i].bytes, plan.bytes);
    for (size_t j = 0; j < i; ++j)
      if (aliveTogether(buffers[i], buffers[j]))
        EXPECT_TRUE(plan.offsets[i] + buffers[i].bytes <= plan.offsets[j] ||
                    plan.offsets[j] + buffers[j].bytes <= plan.offsets[i])
            << "buffers " << j << " and " << i << " overlap";
  }
}

TEST(MemoryPlanTest, NothingNeedsNoMemory) { EXPECT_EQ(planMemory({}).bytes, 0); }

TEST(MemoryPlanTest, ChainNeedsTwoBuffers) {
  // a is read by the dispatch that writes b, and so on.
  std::vector<Lifetime> chain = {{256, 0, 1}, {256, 1, 2}, {256, 2, 3}, {256, 3, 4}};
  MemoryPlan plan = planMemory(chain);
  expectSound(chain, plan);
  EXPECT_EQ(plan.bytes, 512);
}

TEST(MemoryPlanTest, SmallBuffersFillTheGapThatFitsBest) {
  // Long-lived walls leave gaps of 256 and 64 bytes.
  std::vector<Lifetime> buffers = {{1024, 0, 9}, {256, 0, 1}, {512, 0, 9}, {64, 0, 1}, {128, 0, 9},
                                   {64, 2, 3},   {256, 2, 3}};
  MemoryPlan plan = planMemory(buffers);
  expectSound(buffers, plan);
  EXPECT_EQ(plan.bytes, 1024 + 512 + 256 + 128 + 64);
}

TEST(MemoryPlanTest, SizesAreRoundedToTheAlignment) {
  std::vector<Lifetime> buffers = {{4, 0, 1}, {4, 0, 1}};
  MemoryPlan plan = planMemory(buffers);
  expectSound(buffers, plan);
  EXPECT_EQ(plan.bytes, 128);
}

TEST(MemoryPlanTest, RandomLifetimesNeverOverlap) {
  std::mt19937 random(1);
  auto upTo = [&](int64_t n) { return int64_t(random() % (n + 1)); };
  for (int run = 0; run < 100; ++run) {
    std::vector<Lifetime> buffers;
    int64_t alive = 0, peak = 0, steps = 40;
    for (int i = 0; i < 30; ++i) {
      int64_t first = upTo(steps);
      buffers.push_back({1 + upTo(1000), first, std::min(steps, first + upTo(10))});
    }
    for (int64_t step = 0; step <= steps; ++step, alive = 0) {
      for (const Lifetime &buffer : buffers)
        if (buffer.first <= step && step <= buffer.last)
          alive += (buffer.bytes + 63) / 64 * 64;
      peak = std::max(peak, alive);
    }
    MemoryPlan plan = planMemory(buffers);
    expectSound(buffers, plan);
    EXPECT_GE(plan.bytes, peak);
    EXPECT_LE(plan.bytes, peak * 2) << "the packing is poor";
  }
}

} // namespace
