// Queued steps: the same bits as steps one by one, on a device with a queue of
// its own and on those without.
#include "test/unit/device/CudaModel.h"

#include "runtime/device/HostStepQueue.h"

#include <cstring>
#include <gtest/gtest.h>
#include <optional>

using namespace mamba;

namespace {

/// A context of a device with its queue.
struct Queued {
  /// `arenaT`: bytes a token, more than the kernels use.
  explicit Queued(const std::string &device, uint64_t arenaT = 0)
      : pack(device), weights(std::make_shared<TestWeights>()) {
    for (Program &program : pack.target().programs)
      program.arenaT = std::max(program.arenaT, arenaT);
    opened = *pack.open();
    executable = *loadOnDevice(opened, device, {1});
    EXPECT_TRUE(executable->loadWeights(weights, nullptr).ok());
    context = *executable->createContext(4);
    queue = context->queue();
    EXPECT_EQ(queue != nullptr, device == "cuda");
    if (!queue)
      queue = &host.emplace(*context, opened->manifest());
  }

  TestPack pack;
  std::shared_ptr<TestWeights> weights;
  std::shared_ptr<const Pack> opened;
  std::unique_ptr<Executable> executable;
  std::unique_ptr<Context> context;
  std::optional<HostStepQueue> host;
  StepQueue *queue = nullptr;
};

/// A decode step of three sequences; y goes to x, and `last` is only fetched.
struct Chain {
  static constexpr size_t kSize = 3 * kTestWidth;
  std::vector<int64_t> seqStart = {0, 1, 2, 3}, position = {4, 0, 9};
  std::vector<int32_t> slot = {2, 0, 3};
  Batch batch() const { return {seqStart, slot, position}; }
  std::vector<float> first = randomFloats(kSize, 3);
};

/// y of `steps` steps, each of which has the y before as its x, and the last
/// `last`.
std::vector<float> oneByOne(Context &context, int steps) {
  Chain chain;
  std::vector<float> all, x = chain.first, y(Chain::kSize), last(Chain::kSize);
  for (int step = 0; step < steps; ++step) {
    const void *inputs[] = {x.data()};
    void *outputs[] = {y.data(), last.data()};
    EXPECT_TRUE(context.run(0, chain.batch(), false, inputs, outputs).ok());
    all.insert(all.end(), y.begin(), y.end());
    x = y;
  }
  all.insert(all.end(), last.begin(), last.end());
  return all;
}

Status submitNext(StepQueue &queue, const float *x, float *y) {
  Chain chain;
  Batch batch = chain.batch();
  const void *inputs[] = {x};
  void *outputs[] = {y, nullptr};
  std::optional<uint32_t> carried;
  if (!x)
    carried = 0;
  return queue.submit({0, batch, false, inputs, outputs, carried});
}

Result<std::vector<float>> ahead(StepQueue &queue, int steps) {
  Chain chain;
  std::vector<float> y[2], all;
  for (int step = 0; step < steps; ++step) {
    y[step % 2].assign(Chain::kSize, -1);
    MAMBA_RETURN_IF_ERROR(submitNext(queue, step ? nullptr : chain.first.data(),
                                     y[step % 2].data()));
    if (step == 0)
      continue;
    MAMBA_RETURN_IF_ERROR(queue.wait());
    const auto &before = y[(step - 1) % 2];
    all.insert(all.end(), before.begin(), before.end());
  }
  MAMBA_RETURN_IF_ERROR(queue.wait());
  const auto &newest = y[(steps - 1) % 2];
  all.insert(all.end(), newest.begin(), newest.end());
  std::vector<float> last(Chain::kSize, -1);
  MAMBA_RETURN_IF_ERROR(queue.fetch(1, last.data()));
  all.insert(all.end(), last.begin(), last.end());
  return all;
}

} // namespace

TEST(StepQueue, SameBitsAsOneByOne) {
  FakeDriver fake;
  for (const char *device : {"cpu", "sim", "cuda"})
    for (int steps : {1, 2, 7}) {
      Queued plain(device), queued(device);
      Result<std::vector<float>> all = ahead(*queued.queue, steps);
      ASSERT_TRUE(all.ok()) << all.status().message();
      EXPECT_EQ(*all, oneByOne(*plain.context, steps)) << device;
    }
}

TEST(StepQueue, WithoutGraphsToo) {
  FakeDriver fake;
  Environment off("MAMBA_CUDA_GRAPHS", "off");
  Queued plain("cuda"), queued("cuda");
  Result<std::vector<float>> all = ahead(*queued.queue, 5);
  ASSERT_TRUE(all.ok()) << all.status().message();
  EXPECT_EQ(*all, oneByOne(*plain.context, 5));
}

// A long step behind a short one moves the memory that the short one uses.
TEST(StepQueue, MemoryMovesWhileAStepIsQueued) {
  FakeDriver fake;
  for (const char *device : {"cpu", "sim", "cuda"}) {
    std::vector<std::vector<float>> results;
    for (bool isQueued : {false, true}) {
      Queued made(device);
      Chain chain;
      Batch few = chain.batch();
      std::vector<int64_t> seqStart = {0, 3000}, position = {5};
      std::vector<int32_t> slot = {2};
      Batch many{seqStart, slot, position};
      std::vector<float> x = randomFloats(3000 * kTestWidth, 8),
                         yFew(Chain::kSize), yMany(x.size());
      const void *first[] = {chain.first.data()}, *second[] = {x.data()};
      void *firstOut[] = {yFew.data(), nullptr},
           *secondOut[] = {yMany.data(), nullptr};
      ASSERT_TRUE(made.queue->submit({0, few, false, first, firstOut}).ok());
      if (!isQueued) {
        ASSERT_TRUE(made.queue->wait().ok());
      }
      ASSERT_TRUE(made.queue->submit({0, many, false, second, secondOut}).ok());
      for (int waits = isQueued ? 2 : 1; waits != 0; --waits)
        ASSERT_TRUE(made.queue->wait().ok());
      yFew.insert(yFew.end(), yMany.begin(), yMany.end());
      results.push_back(yFew);
    }
    EXPECT_EQ(results[0], results[1]) << device;
  }
}

// Memory that a long prompt needed goes when steps are short for long, but not
// with the output that is carried.
TEST(StepQueue, MemoryStaysWhileOutputsAreCarried) {
  FakeDriver fake("checks=off");
  Queued plain("cuda"), queued("cuda", 1 << 20);
  std::vector<int64_t> seqStart = {0, 100}, position = {0};
  std::vector<int32_t> slot = {1};
  std::vector<float> x(100 * kTestWidth);
  const void *inputs[] = {x.data()};
  void *outputs[] = {nullptr, nullptr};
  ASSERT_TRUE(queued.context
                  ->run(0, {seqStart, slot, position}, false, inputs, outputs)
                  .ok());
  Result<std::vector<float>> all = ahead(*queued.queue, 300);
  ASSERT_TRUE(all.ok()) << all.status().message();
  // They grow beyond all numbers, so their bits are compared.
  std::vector<float> wanted = oneByOne(*plain.context, 300);
  ASSERT_EQ(all->size(), wanted.size());
  EXPECT_EQ(std::memcmp(all->data(), wanted.data(),
                        wanted.size() * sizeof(float)),
            0);
}

// Once kernels were queued, want of memory is not the harmless failure.
TEST(StepQueue, AFailedWaitIsNeverOutOfMemory) {
  FakeDriver fake("checks=off");
  uint64_t loading;
  {
    Queued queued("cuda");
    loading = fake.calls("cuEventSynchronize");
  }
  fake.configure("checks=off fail=cuEventSynchronize," +
                 std::to_string(loading + 1) + ",2");
  Queued queued("cuda");
  Status status = ahead(*queued.queue, 2).status();
  EXPECT_HAS(status.message(), "CUDA_ERROR_OUT_OF_MEMORY");
  EXPECT_NE(status.code(), StatusCode::OutOfMemory);
}

// The host is not asked to wait for a step that follows.
TEST(StepQueue, NothingWaitsForTheStream) {
  FakeDriver fake;
  Queued queued("cuda");
  ASSERT_TRUE(ahead(*queued.queue, 2).ok());
  uint64_t waits = fake.calls("cuStreamSynchronize");
  ASSERT_TRUE(ahead(*queued.queue, 9).ok());
  EXPECT_EQ(fake.calls("cuStreamSynchronize"), waits + 1) << "the fetch";
}

TEST(StepQueue, RefusesWhatItCannotKeep) {
  FakeDriver fake;
  for (const char *device : {"cpu", "sim", "cuda"}) {
    Queued queued(device);
    StepQueue &queue = *queued.queue;
    Chain chain;
    std::vector<float> y(Chain::kSize);
    EXPECT_HAS(submitNext(queue, nullptr, y.data()).message(),
               "no such step to carry");
    EXPECT_HAS(queue.wait().message(), "no step is queued");
    EXPECT_HAS(queue.fetch(1, y.data()).message(), "no step has just ended");
    const float *x = chain.first.data();
    ASSERT_TRUE(submitNext(queue, x, y.data()).ok());
    EXPECT_HAS(queue.fetch(1, y.data()).message(), "no step has just ended");
    ASSERT_TRUE(submitNext(queue, x, y.data()).ok());
    EXPECT_HAS(submitNext(queue, x, y.data()).message(), "more steps");
    // Other sizes than those of the step before cannot be carried.
    Queued other(device);
    ASSERT_TRUE(submitNext(*other.queue, x, y.data()).ok());
    std::vector<int64_t> seqStart = {0, 1}, position = {0};
    std::vector<int32_t> slot = {1};
    Batch one{seqStart, slot, position};
    const void *inputs[] = {nullptr};
    void *outputs[] = {y.data(), nullptr};
    Status status = other.queue->submit({0, one, false, inputs, outputs, 0});
    EXPECT_HAS(status.message(), "no such step to carry");
    EXPECT_HAS(
        other.queue->submit({0, one, false, inputs, outputs, 7}).message(),
        "output 7 cannot be carried");
  }
}

// Whatever call fails: nothing hangs, nothing is left, and a context whose
// slots are cleared goes on with the right bits.
TEST(StepQueue, EveryCallMayFail) {
  TimeLimit limit(300);
  FakeDriver fake;
  auto configure = [&](uint64_t call) {
    fake.configure("checks=off fail=*," + std::to_string(call) + ",999");
  };
  std::vector<float> expected;
  {
    Queued plain("cuda");
    expected = oneByOne(*plain.context, 4);
  }
  fake.configure("checks=off");
  uint64_t loading, all;
  {
    Queued queued("cuda");
    loading = fake.calls("*");
    ASSERT_TRUE(ahead(*queued.queue, 4).ok());
    all = fake.calls("*");
  }
  ASSERT_GT(all, loading + 20);
  for (uint64_t call = loading + 1; call <= all; ++call) {
    configure(call);
    {
      Queued queued("cuda");
      Result<std::vector<float>> first = ahead(*queued.queue, 4);
      if (!first.ok())
        EXPECT_HAS(first.status().message(), "CUDA_ERROR_");
      for (uint32_t slot : {0, 2, 3})
        ASSERT_TRUE(queued.context->clearSlot(slot).ok());
      Result<std::vector<float>> again = ahead(*queued.queue, 4);
      ASSERT_TRUE(again.ok()) << again.status().message();
      EXPECT_EQ(*again, expected) << "call " << call;
    }
    ASSERT_EQ(fake.alive(), "") << "call " << call;
  }
}
