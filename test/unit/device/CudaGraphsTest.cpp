// Decode steps as graphs: captured once a size, the same bits, new addresses.
#include "test/unit/device/CudaModel.h"

#include "runtime/device/cuda/StepGraphs.h"

#include <gtest/gtest.h>
#include <numeric>

using namespace mamba;

namespace {

/// `sequences` of one token each.
TestBatch decodeBatch(int32_t sequences) {
  std::vector<int32_t> slots(sequences);
  std::iota(slots.begin(), slots.end(), 0);
  return {std::vector<int64_t>(sequences, 1), slots,
          std::vector<int64_t>(sequences, 5)};
}

} // namespace

TEST(CudaGraphs, CapturedOncePerSize) {
  FakeDriver fake;
  CudaModel model;
  ASSERT_EQ(model.outcome(), "fine");
  EXPECT_EQ(fake.calls("cuGraphLaunch"), 0u) << "a prompt is no decode step";
  uint64_t launches = fake.calls("cuLaunchKernel");
  for (int step = 0; step < 5; ++step)
    for (int32_t sequences : {1, 3, 2})
      ASSERT_TRUE(model.run(decodeBatch(sequences), step).ok());
  EXPECT_EQ(fake.calls("cuGraphInstantiateWithFlags"), 3u);
  EXPECT_EQ(fake.calls("cuGraphLaunch"), 15u);
  EXPECT_EQ(fake.calls("cuLaunchKernel"), launches + 3 * 4);
  EXPECT_EQ(fake.calls("cuGraphExecUpdate_v2"), 0u);
}

TEST(CudaGraphs, SameBitsAsWithout) {
  FakeDriver fake;
  std::vector<std::vector<float>> results;
  for (const char *graphs : {"on", "off"}) {
    Environment use("MAMBA_CUDA_GRAPHS", graphs);
    CudaModel model;
    ASSERT_EQ(model.outcome(), "fine");
    std::vector<float> all;
    for (int step = 0; step < 12; ++step) {
      // Now and then a prompt between, and slots in another order.
      TestBatch batch = decodeBatch(1 + step % 4);
      std::reverse(batch.slot.begin(), batch.slot.end());
      if (step % 5 == 4) {
        ASSERT_TRUE(model.run({{3, 1}, {1, 2}, {9, 9}}, 100 + step).ok());
      }
      ASSERT_TRUE(model.run(batch, step).ok());
      all.insert(all.end(), model.y.begin(), model.y.end());
      all.insert(all.end(), model.last.begin(), model.last.end());
    }
    results.push_back(all);
    model.drop();
    EXPECT_EQ(fake.calls("cuGraphLaunch") != 0, graphs == std::string("on"));
    fake.configure("");
  }
  EXPECT_EQ(results[0], results[1]);
}

// A long prompt moves the memory of a step; the graphs follow.
TEST(CudaGraphs, UpdatedWhenMemoryMoves) {
  FakeDriver fake;
  CudaModel model;
  ASSERT_EQ(model.outcome(), "fine");
  ASSERT_TRUE(model.run(decodeBatch(2), 1).ok());
  EXPECT_EQ(fake.calls("cuGraphInstantiateWithFlags"), 1u);
  ASSERT_TRUE(model.run({{5000}, {3}, {0}}, 2).ok());
  TestReference reference(*model.weights);
  ASSERT_TRUE(model.context->clearSlot(0).ok());
  ASSERT_TRUE(model.context->clearSlot(1).ok());
  ASSERT_TRUE(model.run({{1, 1}, {0, 1}, {0, 0}}, 3).ok());
  EXPECT_EQ(fake.calls("cuGraphInstantiateWithFlags"), 1u);
  EXPECT_EQ(fake.calls("cuGraphExecUpdate_v2"), 1u);
  std::vector<float> y, last;
  reference.run(TestBatch({1, 1}, {0, 1}, {0, 0}),
                randomFloats(2 * kTestWidth, 3), y, last);
  for (size_t i = 0; i < y.size(); ++i)
    EXPECT_NEAR(model.y[i], y[i], 1e-5) << i;
}

// Made anew where the driver cannot update.
TEST(CudaGraphs, UpdateRefused) {
  FakeDriver fake("fail=cuGraphExecUpdate_v2,1,910");
  CudaModel model;
  ASSERT_EQ(model.outcome(), "fine");
  ASSERT_TRUE(model.run(decodeBatch(2), 1).ok());
  ASSERT_TRUE(model.run({{5000}, {3}, {0}}, 2).ok());
  ASSERT_TRUE(model.run(decodeBatch(2), 1).ok());
  EXPECT_EQ(fake.calls("cuGraphInstantiateWithFlags"), 2u);
}

TEST(CudaGraphs, FewAreKept) {
  FakeDriver fake;
  CudaModel model;
  int32_t most = cuda::StepGraphs::kMaxGraphs;
  ASSERT_TRUE(model.load("cuda", most + 1).ok());
  // The largest first, so that the memory stays.
  for (int32_t sequences = most + 1; sequences > 0; --sequences)
    ASSERT_TRUE(model.run(decodeBatch(sequences)).ok());
  EXPECT_EQ(fake.calls("cuGraphInstantiateWithFlags"), uint64_t(most + 1));
  ASSERT_TRUE(model.run(decodeBatch(most)).ok());
  EXPECT_EQ(fake.calls("cuGraphInstantiateWithFlags"), uint64_t(most + 1));
  ASSERT_TRUE(model.run(decodeBatch(most + 1)).ok());
  EXPECT_EQ(fake.calls("cuGraphInstantiateWithFlags"), uint64_t(most + 2))
      << "the one unused for longest had to go";
}

TEST(CudaGraphs, Switch) {
  FakeDriver fake;
  Environment use("MAMBA_CUDA_GRAPHS", "no");
  EXPECT_EQ(CudaModel().outcome(),
            "MAMBA_CUDA_GRAPHS must be on or off, got 'no'");
}

// A capture that fails leaves the stream as it was.
TEST(CudaGraphs, CaptureFails) {
  for (const char *function :
       {"cuStreamBeginCapture_v2", "cuStreamEndCapture", "cuGraphLaunch",
        "cuGraphInstantiateWithFlags"}) {
    FakeDriver fake(std::string("fail=") + function + ",1,900");
    CudaModel model;
    ASSERT_EQ(model.outcome(), "fine");
    Status status = model.run(decodeBatch(2));
    EXPECT_EQ(status.code(), StatusCode::Internal);
    EXPECT_HAS(status.message(), "CUDA_ERROR_STREAM_CAPTURE_UNSUPPORTED");
    EXPECT_TRUE(model.run(decodeBatch(2)).ok()) << function;
  }
}
