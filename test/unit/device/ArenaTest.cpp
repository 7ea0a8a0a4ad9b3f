// Where the activations of a step lie, beyond what 32 bits count.
#include "runtime/device/Arena.h"

#include <gtest/gtest.h>

using namespace mamba;

namespace {

/// A batch of one sequence with so many tokens.
struct LongBatch {
  explicit LongBatch(int64_t tokens) : seqStart{0, tokens} {}
  operator Batch() const { return {seqStart, slot, position}; }
  std::vector<int64_t> seqStart;
  std::vector<int32_t> slot = {0};
  std::vector<int64_t> position = {0};
};

} // namespace

// Tokens times width past 2^31 elements, and past 4 GiB.
TEST(ArenaPlan, OffsetsDoNotWrap) {
  Program program;
  program.arenaT = 3 * 6144 * sizeof(float);
  program.arenaS = 1000;
  program.arenaC = 10;
  constexpr uint64_t kTokens = 1 << 20;
  auto plan = ArenaPlan::of(program, LongBatch(kTokens));
  ASSERT_TRUE(plan.ok()) << plan.status().message();
  ArgRef third = {ArgSpace::T, 2 * 6144 * sizeof(float)};
  EXPECT_EQ(plan->offset(third), uint64_t(51539607552)); // 48 GiB
  EXPECT_GT(plan->offset(third) / sizeof(float), uint64_t(1) << 31);
  EXPECT_EQ(plan->s, program.arenaT * kTokens);
  EXPECT_EQ(plan->offset({ArgSpace::S, 64}), plan->s + 64);
  EXPECT_EQ(plan->c, plan->s + 1024);
  EXPECT_EQ(plan->bytes, plan->c + 10);
}

TEST(ArenaPlan, WhatNoMemoryHoldsIsRefused) {
  Program program;
  program.arenaT = uint64_t(1) << 40;
  auto plan = ArenaPlan::of(program, LongBatch(int64_t(1) << 24));
  ASSERT_FALSE(plan.ok());
  EXPECT_EQ(plan.status().code(), StatusCode::OutOfMemory);
  EXPECT_EQ(plan.status().message(),
            "a step of 16777216 tokens needs more memory than there can "
            "be, feed it in pieces");
}
