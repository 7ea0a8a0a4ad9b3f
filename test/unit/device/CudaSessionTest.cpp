// A user's time with a GPU: steps of all sizes, memory that runs out and comes
// back, states that go from one device to the next.
#include "test/unit/device/CudaModel.h"

#include <cmath>
#include <gtest/gtest.h>
#include <numeric>

using namespace mamba;

namespace {

/// A step and the seed of its input.
struct SeededStep {
  TestBatch batch;
  uint32_t seed;
};

/// Prompts and decode steps, larger and smaller ones.
std::vector<SeededStep> mixedSteps() {
  return {{{{3, 2}, {0, 1}, {0, 0}}, 1},       {{{1, 1}, {0, 1}, {3, 2}}, 2},
          {{{200, 0, 1}, {2, 0, 1}, {0, 4, 3}}, 3}, {{{1, 1}, {1, 0}, {4, 4}}, 4},
          {{{1}, {2}, {200}}, 5},              {{{700}, {3}, {0}}, 6},
          {{{1, 1, 1, 1}, {0, 1, 2, 3}, {5, 5, 201, 700}}, 7}};
}

/// What a model said in its last step.
std::vector<float> outputsOf(const CudaModel &model) {
  std::vector<float> all = model.y;
  all.insert(all.end(), model.last.begin(), model.last.end());
  return all;
}

/// What a fresh model says to each step.
std::vector<std::vector<float>> wantedOf(const std::vector<SeededStep> &steps) {
  std::vector<std::vector<float>> wanted;
  CudaModel model;
  Status status = model.load("sim");
  for (const SeededStep &step : steps) {
    if (status.ok())
      status = model.run(step.batch, step.seed);
    wanted.push_back(outputsOf(model));
  }
  EXPECT_TRUE(status.ok()) << status.message();
  return wanted;
}

} // namespace

// Wherever memory ends, of the GPU or pinned, the step says so, has done
// nothing, and can be made again.
TEST(CudaSession, MemoryForEveryStep) {
  TimeLimit limit(300);
  FakeDriver fake;
  std::vector<SeededStep> steps = mixedSteps();
  std::vector<std::vector<float>> wanted = wantedOf(steps);
  for (std::string function : {"cuMemAlloc_v2", "cuMemHostAlloc"}) {
    CudaModel clean;
    ASSERT_TRUE(clean.load().ok());
    uint64_t call = fake.calls(function);
    for (const SeededStep &step : steps)
      ASSERT_TRUE(clean.run(step.batch, step.seed).ok());
    uint64_t calls = fake.calls(function);
    EXPECT_GT(calls, call + 1) << "steps need more and more";
    clean.drop();
    while (++call <= calls) {
      fake.configure("fail=" + function + "," + std::to_string(call) + ",2");
      CudaModel model;
      ASSERT_TRUE(model.load().ok());
      int failures = 0;
      for (size_t i = 0; i < steps.size(); ++i) {
        Status status = model.run(steps[i].batch, steps[i].seed);
        if (!status.ok()) {
          ++failures;
          EXPECT_EQ(status.code(), StatusCode::OutOfMemory);
          EXPECT_HAS(status.message(), function == "cuMemHostAlloc"
                                           ? "entry 'run': cannot pin "
                                           : "entry 'run': cannot get ");
          EXPECT_HAS(status.message(), "feed less at once");
          status = model.run(steps[i].batch, steps[i].seed);
        }
        ASSERT_TRUE(status.ok()) << status.message();
        EXPECT_EQ(outputsOf(model), wanted[i]) << i << " after " << call;
      }
      EXPECT_EQ(failures, 1) << function << " " << call;
    }
    fake.configure("");
  }
}

// A batch that is too large for the GPU changes nothing for those that follow.
TEST(CudaSession, SmallerAfterTooLarge) {
  FakeDriver fake("memory=30000");
  std::vector<SeededStep> steps = {{{{3, 2}, {0, 1}, {0, 0}}, 1},
                                   {{{1, 1}, {0, 1}, {3, 2}}, 2},
                                   {{{2}, {2}, {0}}, 3},
                                   {{{1, 1, 1}, {2, 0, 1}, {2, 4, 3}}, 4}};
  std::vector<std::vector<float>> wanted = wantedOf(steps);
  CudaModel model;
  ASSERT_TRUE(model.load().ok());
  for (size_t i = 0; i < steps.size(); ++i) {
    Status status = model.run({{1000, 500}, {0, 3}, {0, 0}});
    EXPECT_EQ(status.code(), StatusCode::OutOfMemory);
    EXPECT_HAS(status.message(), "; of the GPU's 30000 bytes ");
    ASSERT_TRUE(model.run(steps[i].batch, steps[i].seed).ok());
    EXPECT_EQ(outputsOf(model), wanted[i]) << i;
  }
}

// A kernel that cannot be launched leaves its sequences half done; the others
// are as they were, and a slot that is cleared is as good as new.
TEST(CudaSession, AfterAFailedLaunch) {
  FakeDriver fake;
  for (bool isDecode : {false, true}) {
    std::vector<SeededStep> steps = {{{{4}, {1}, {0}}, 1},
                                     {{{1}, {1}, {4}}, 2},
                                     {{{3}, {0}, {0}}, 3}};
    std::vector<std::vector<float>> wanted = wantedOf(steps);
    CudaModel model;
    ASSERT_TRUE(model.load().ok());
    ASSERT_TRUE(model.run(steps[0].batch, 1).ok());
    uint64_t launches = fake.calls("cuLaunchKernel");
    model.drop();
    fake.configure("fail=cuLaunchKernel," + std::to_string(launches + 4) + ",701");
    ASSERT_TRUE(model.load().ok());
    ASSERT_TRUE(model.run(steps[0].batch, 1).ok());
    TestBatch failing = isDecode ? TestBatch({1}, {0}, {0})
                                 : TestBatch({2, 2}, {0, 2}, {0, 0});
    EXPECT_HAS(model.run(failing).message(),
               "dispatch 3: cannot launch kernel 'copyLast'");
    ASSERT_TRUE(model.run(steps[1].batch, 2).ok());
    EXPECT_EQ(outputsOf(model), wanted[1]);
    ASSERT_TRUE(model.context->clearSlot(0).ok());
    ASSERT_TRUE(model.run(steps[2].batch, 3).ok());
    EXPECT_EQ(outputsOf(model), wanted[2]);
    model.drop();
    fake.configure("");
  }
}

// Steps grow far and shrink again: their memory follows, late, and the graphs
// follow it.
TEST(CudaSession, StepsGrowAndShrink) {
  TimeLimit limit(300);
  FakeDriver fake("checks=off");
  CudaModel model;
  model.pack.target().programs[0].arenaT = 1 << 16;
  ASSERT_TRUE(model.load().ok());
  TestReference reference(*model.weights);
  auto check = [&](const TestBatch &batch, uint32_t seed) {
    std::vector<float> y, last;
    ASSERT_TRUE(model.run(batch, seed).ok());
    reference.run(batch, randomFloats(batch.tokens() * kTestWidth, seed), y, last);
    ASSERT_EQ(model.y.size(), y.size());
    for (size_t i = 0; i < y.size(); ++i)
      ASSERT_NEAR(model.y[i], y[i], 1e-5) << i;
  };
  int64_t position = 0;
  for (int64_t length : {1, 2, 40, 1, 1500, 7, 1500, 1600, 1}) {
    check({{length, 1}, {0, 1}, {position, position}}, length);
    check({{1, 1}, {1, 0}, {1 + position, 1 + position}}, 5);
    position += 2000; // No kernel of these looks at it, but for 0.
  }
  uint64_t frees = fake.calls("cuMemFree_v2");
  for (int step = 0; step < 300; ++step)
    check({{1, 1}, {0, 1}, {position, position}}, step);
  EXPECT_EQ(fake.calls("cuMemFree_v2"), frees + 1) << "much too large for long";
  check({{1700}, {2}, {0}}, 9);
  check({{1, 1}, {0, 2}, {position, 1700}}, 10);
}

// Saved on one GPU, a sequence goes on with the same bits on a newer one, and on
// the processor with the same numbers.
TEST(CudaSession, FromGpuToGpuToProcessor) {
  FakeDriver fake("chips=80,90");
  CudaModel first, second, processor;
  processor.pack = TestPack("cpu");
  ASSERT_TRUE(first.load("cuda:0").ok());
  ASSERT_TRUE(second.load("cuda:1").ok());
  Status status = processor.load("cpu");
  ASSERT_TRUE(status.ok()) << status.message();
  std::vector<float> state(kTestWidth), back(kTestWidth);
  ASSERT_TRUE(first.run({{7, 2}, {1, 0}, {0, 0}}, 1).ok());
  ASSERT_TRUE(first.context->readState(0, 1, state.data()).ok());
  ASSERT_TRUE(second.context->writeState(0, 3, state.data()).ok());
  ASSERT_TRUE(processor.context->writeState(0, 2, state.data()).ok());
  for (uint32_t step = 0; step < 3; ++step) {
    ASSERT_TRUE(first.run({{1}, {1}, {7 + step}}, step).ok());
    ASSERT_TRUE(second.run({{1}, {3}, {7 + step}}, step).ok());
    ASSERT_TRUE(processor.run({{1}, {2}, {7 + step}}, step).ok());
    EXPECT_EQ(second.y, first.y);
    for (size_t i = 0; i < first.y.size(); ++i)
      EXPECT_NEAR(processor.y[i], first.y[i], 1e-5);
  }
  // Slots that nobody wrote are still empty.
  ASSERT_TRUE(second.context->readState(0, 1, back.data()).ok());
  EXPECT_EQ(back, std::vector<float>(kTestWidth, 0));
}
