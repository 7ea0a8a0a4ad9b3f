// Whatever call fails, the message says what was being done, nothing is left
// behind, and what can go on does.
#include "test/unit/device/CudaModel.h"

#include <gtest/gtest.h>

using namespace mamba;

namespace {

/// Loads, decodes, goes through states; the first failure.
Status liveOnce(CudaModel &model) {
  MAMBA_RETURN_IF_ERROR(model.load());
  MAMBA_RETURN_IF_ERROR(model.run({{3, 2}, {0, 1}, {0, 0}}));
  for (int step = 0; step < 2; ++step)
    MAMBA_RETURN_IF_ERROR(model.run({{1, 1}, {0, 1}, {3, 2}}, step));
  MAMBA_RETURN_IF_ERROR(model.context->copySlot(0, 2));
  MAMBA_RETURN_IF_ERROR(model.context->clearSlot(0));
  std::vector<float> state(kTestWidth);
  MAMBA_RETURN_IF_ERROR(model.context->readState(0, 2, state.data()));
  return model.context->writeState(0, 1, state.data());
}

/// Every call in turn, with an error of each kind: none left, of memory, one
/// that stays.
void failEveryCall(FakeDriver &fake, bool overlaps = false) {
  TimeLimit limit(600);
  CudaModel model;
  std::string settings = "checks=off";
  if (overlaps) {
    settings += " chips=90";
    model.pack.overlapLaunches();
  }
  fake.configure(settings);
  ASSERT_TRUE(liveOnce(model).ok());
  model.drop();
  uint64_t calls = fake.calls("*");
  ASSERT_GT(calls, 100u);
  uint64_t failures = 0;
  for (const char *code : {"999", "2", "700"})
    for (uint64_t call = 1; call <= calls; ++call) {
      fake.configure(settings + " fail=*," + std::to_string(call) + "," + code);
      Status status = liveOnce(model);
      failures += !status.ok();
      if (!status.ok()) {
        EXPECT_HAS(status.message(), "CUDA_ERROR_");
        EXPECT_EQ(status.message().find('\n'), std::string::npos);
      }
      model.drop();
      ASSERT_EQ(fake.alive(), "") << "call " << call << ", code " << code
                                  << ": " << status.message();
      if (testing::Test::HasFailure())
        return;
    }
  // What gives back may fail unheard.
  EXPECT_GT(failures, calls * 3 / 2);
}

} // namespace

// All is done each time, or the kernels come from the cache.
TEST(CudaFaults, EveryCall) {
  FakeDriver fake;
  Environment off("MAMBA_CACHE", "off");
  failEveryCall(fake);
}
TEST(CudaFaults, EveryCallWhereLaunchesOverlap) {
  FakeDriver fake;
  Environment off("MAMBA_CACHE", "off");
  failEveryCall(fake, /*overlaps=*/true);
}
TEST(CudaFaults, EveryCallWithACache) {
  FakeDriver fake;
  CudaModel model;
  ASSERT_EQ(model.outcome(), "fine");
  model.drop();
  failEveryCall(fake);
}

TEST(CudaFaults, MemoryOfTheGpu) {
  FakeDriver fake("memory=20000");
  CudaModel model;
  ASSERT_EQ(model.outcome(), "fine");
  Status status = model.run({{1000}, {0}, {0}});
  EXPECT_EQ(status.code(), StatusCode::OutOfMemory);
  EXPECT_HAS(status.message(), "entry 'run': cannot get ");
  EXPECT_HAS(status.message(), " bytes for the activations of a step, feed less "
                               "at once; of the GPU's 20000 bytes ");
  EXPECT_HAS(status.message(), " are free: CUDA_ERROR_OUT_OF_MEMORY");
  EXPECT_TRUE(model.run({{2}, {0}, {0}}).ok()) << "the session goes on";
  auto context = model.executable->createContext(10000);
  EXPECT_EQ(context.status().code(), StatusCode::OutOfMemory);
  EXPECT_HAS(context.status().message(),
             "cannot get 320000 bytes for the states of 10000 slots, take fewer "
             "slots; of the GPU's 20000 bytes ");
  EXPECT_TRUE(model.run({{2}, {0}, {0}}).ok());
}

TEST(CudaFaults, LaunchInTheMiddle) {
  FakeDriver fake("fail=cuLaunchKernel,8,701");
  CudaModel model;
  ASSERT_EQ(model.outcome(), "fine");
  Status status = model.run({{2}, {0}, {5}});
  EXPECT_EQ(status.code(), StatusCode::Unavailable);
  EXPECT_EQ(status.message(),
            "entry 'run': program 'prefill', dispatch 2: cannot launch kernel "
            "'scan': CUDA_ERROR_LAUNCH_OUT_OF_RESOURCES (too many resources "
            "requested for launch); the kernel needs more than the GPU has");
  EXPECT_TRUE(model.run({{2}, {0}, {5}}).ok());
}

TEST(CudaFaults, LostGpu) {
  TimeLimit limit(60);
  FakeDriver fake("chips=80,90");
  CudaModel model, other;
  ASSERT_EQ(model.outcome(), "fine");
  uint64_t waits = fake.calls("cuEventSynchronize");
  model.drop();
  fake.configure("chips=80,90 fail=cuEventSynchronize," +
                 std::to_string(waits + 1) + ",214");
  ASSERT_EQ(model.outcome(), "fine");
  Status status = model.run({{2}, {0}, {5}});
  EXPECT_EQ(status.code(), StatusCode::Unavailable);
  EXPECT_EQ(status.message(),
            "entry 'run': program 'prefill': cannot finish a step: "
            "CUDA_ERROR_ECC_UNCORRECTABLE (uncorrectable ECC error "
            "encountered); the GPU takes no more work from this process, start "
            "it again");
  // Whatever is asked from now on has an answer, and all can be given back.
  std::vector<float> state(kTestWidth);
  Context &context = *model.context;
  for (int again = 0; again < 3; ++again)
    for (const Status &answer :
         {model.run({{1}, {0}, {5}}), model.run({{3, 1}, {0, 2}, {5, 0}}),
          context.readState(0, 0, state.data()),
          context.writeState(0, 0, state.data()), context.clearSlot(0),
          context.copySlot(0, 1), model.executable->selfTest(nullptr),
          model.executable->createContext(1).status(), other.load(),
          other.load("cuda:1")}) {
      EXPECT_EQ(answer.code(), StatusCode::Unavailable) << answer.message();
      EXPECT_HAS(answer.message(), "start it again");
    }
}

// What a kernel breaks is found where its step ends.
TEST(CudaFaults, KernelThatGoesAstray) {
  FakeDriver fake;
  CudaModel model;
  model.pack.editPtx("add.s64 %rd3, %rd0, %rd2;\n\tadd.s64 %rd4, %rd1, %rd2;\n"
                     "\tld.global.f32 %f0, [%rd3];",
                     "add.s64 %rd3, %rd0, %rd2;\n\tadd.s64 %rd4, %rd1, %rd2;\n"
                     "\tld.global.f32 %f0, [%rd3+100000000];");
  Status status;
  ASSERT_TRUE(model.load().ok());
  status = model.run({{2}, {0}, {0}});
  EXPECT_HAS(status.message(), "cannot finish a step: "
                               "CUDA_ERROR_ILLEGAL_ADDRESS");
  EXPECT_HAS(fake.defect(), "kernel 'copyBias': out-of-bounds read");
}
