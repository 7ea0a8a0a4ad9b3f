// Steps of a small model on every device, against a reference in C++.
#include "test/unit/device/TestPack.h"

#include <cmath>
#include <cstring>
#include <gtest/gtest.h>
#include <thread>

using namespace mamba;

namespace {

/// An executable with weights and a context.
struct Loaded {
  explicit Loaded(const std::string &device, unsigned threads = 1,
                  uint64_t slots = 4, size_t misalignment = 0)
      : pack(device), weights(std::make_shared<TestWeights>(misalignment)) {
    setup(threads, slots);
  }
  void setup(unsigned threads, uint64_t slots) {
    auto loaded = pack.load(threads);
    ASSERT_TRUE(loaded.ok()) << loaded.status().message();
    executable = *std::move(loaded);
    progress.clear();
    Status status =
        executable->loadWeights(weights, [&](uint64_t done, uint64_t total) {
          EXPECT_GT(done, progress.empty() ? 0 : progress.back());
          EXPECT_LE(done, total);
          progress.push_back(done);
        });
    ASSERT_TRUE(status.ok()) << status.message();
    auto made = executable->createContext(slots);
    ASSERT_TRUE(made.ok()) << made.status().message();
    context = *std::move(made);
  }

  /// Runs and compares with the reference.
  void check(const TestBatch &batch, uint32_t seed) {
    std::vector<float> x = randomFloats(batch.tokens() * kTestWidth, seed);
    std::vector<float> y, last, wantY, wantLast;
    Status status = run(batch, x, y, last);
    ASSERT_TRUE(status.ok()) << status.message();
    reference.run(batch, x, wantY, wantLast);
    compare(y, wantY);
    compare(last, wantLast);
    for (auto &[slot, state] : reference.states) {
      std::vector<float> h(kTestWidth);
      ASSERT_TRUE(context->readState(0, slot, h.data()).ok());
      if (!state.empty())
        compare(h, state);
    }
  }
  Status run(const TestBatch &batch, const std::vector<float> &x,
             std::vector<float> &y, std::vector<float> &last) {
    // The kernels of TestKernels.ptx do not look at positions.
    for (size_t s = 0; s < batch.sequences(); ++s)
      if (batch.position[s] == 0 && batch.seqStart[s] < batch.seqStart[s + 1])
        MAMBA_RETURN_IF_ERROR(context->clearSlot(batch.slot[s]));
    y.assign(batch.tokens() * kTestWidth, NAN);
    last.assign(batch.sequences() * kTestWidth, NAN);
    const void *in[] = {x.data()};
    void *out[] = {y.data(), last.data()};
    return context->run(0, batch, false, in, out);
  }
  static void compare(const std::vector<float> &got,
                      const std::vector<float> &want) {
    ASSERT_EQ(got.size(), want.size());
    for (size_t i = 0; i < got.size(); ++i)
      ASSERT_NEAR(got[i], want[i], 1e-5) << i;
  }

  TestPack pack;
  std::shared_ptr<TestWeights> weights;
  TestReference reference{*weights};
  std::unique_ptr<Executable> executable;
  std::unique_ptr<Context> context;
  std::vector<uint64_t> progress; // bytes
};

class Contexts : public testing::TestWithParam<const char *> {};
INSTANTIATE_TEST_SUITE_P(Devices, Contexts, testing::Values("cpu", "sim", "cuda"),
                         [](const auto &info) { return info.param; });

} // namespace

// Ragged batches, empty sequences, states carried and slots exchanged.
TEST_P(Contexts, RaggedBatches) {
  for (unsigned threads : {1u, 2u, 5u}) {
    Loaded loaded(GetParam(), threads);
    EXPECT_EQ(loaded.progress, (std::vector<uint64_t>{32, 64}))
        << "each tensor once, and at last all";
    EXPECT_EQ(loaded.context->slots(), 4u);
    loaded.check({{3, 0, 5}, {2, 0, 1}, {0, 0, 0}}, 10);
    loaded.check({{1, 1}, {1, 2}, {5, 3}}, 11);
    loaded.check({{0, 7}, {2, 3}, {4, 0}}, 12);
    loaded.check({{1, 1, 1, 1}, {0, 1, 2, 3}, {0, 6, 4, 7}}, 13);
    loaded.check({{200, 1}, {2, 1}, {5, 7}}, 14);
    loaded.check({{2}, {2}, {0}}, 15);
  }
}

// Kernels get positions whole: one whose lower half is 0 is not the first.
TEST_P(Contexts, PositionsBeyond32Bits) {
  Loaded loaded(GetParam(), 2);
  loaded.check({{3, 2}, {2, 0}, {0, 0}}, 20);
  loaded.check({{1, 1}, {2, 0}, {(int64_t(1) << 31) + 10, int64_t(1) << 32}}, 21);
  loaded.check({{4}, {2}, {int64_t(1) << 40}}, 22);
}

TEST_P(Contexts, EmptySteps) {
  Loaded loaded(GetParam(), 2);
  loaded.check({{2}, {1}, {0}}, 1);
  loaded.check({{}, {}, {}}, 2);
  loaded.check({{0}, {1}, {2}}, 3);
  loaded.check({{0, 0, 0}, {1, 3, 0}, {2, 0, 0}}, 4);
  // Nothing to read or write, so nothing is needed.
  TestBatch nothing({}, {}, {});
  const void *in[] = {nullptr};
  void *out[] = {nullptr, nullptr};
  EXPECT_TRUE(loaded.context->run(0, nothing, false, in, out).ok());
}

TEST_P(Contexts, ThreadsDoNotChangeBits) {
  std::vector<std::vector<float>> results;
  for (unsigned threads : {1u, 2u, 5u}) {
    Loaded loaded(GetParam(), threads);
    std::vector<float> all;
    for (int step = 0; step < 50; ++step) {
      TestBatch batch({17, 0, 3 + step}, {0, 1, 2}, {step, step, step});
      std::vector<float> y, last;
      Status status = loaded.run(
          batch, randomFloats(batch.tokens() * kTestWidth, step), y, last);
      ASSERT_TRUE(status.ok()) << status.message();
      all.insert(all.end(), y.begin(), y.end());
      all.insert(all.end(), last.begin(), last.end());
    }
    results.push_back(all);
  }
  for (auto &result : results)
    EXPECT_EQ(std::memcmp(result.data(), results[0].data(),
                          result.size() * sizeof(float)),
              0);
}

// A misaligned weight is copied to where its elements are aligned.
TEST_P(Contexts, MisalignedWeights) {
  for (size_t misalignment : {1, 2, 3, 4}) {
    Loaded loaded(GetParam(), 2, 4, misalignment);
    loaded.check({{3, 2}, {0, 1}, {0, 0}}, 20);
    EXPECT_EQ(loaded.weights->finds, 2)
        << "what nothing reads is not asked for";
  }
}

// For one or two sequences another kernel runs, whose y is negated.
TEST_P(Contexts, VariantsBySequences) {
  Loaded plain(GetParam()), loaded(GetParam());
  loaded.context.reset();
  uint32_t few = loaded.pack.addKernel("scanFew");
  Dispatch &scan = loaded.pack.target().programs[0].dispatches[2];
  scan.variants = {{1, few, {{RowKind::S, 0}, 1, 2}},
                   {2, few, {{RowKind::Constant, 4}, 1, 1}}};
  loaded.setup(2, 4);
  for (const TestBatch &batch :
       {TestBatch({5}, {3}, {0}), TestBatch({2, 4}, {1, 0}, {0, 0}),
        TestBatch({1, 0, 3}, {0, 1, 2}, {4, 0, 0})}) {
    std::vector<float> x = randomFloats(batch.tokens() * kTestWidth, 80);
    std::vector<float> y, last, wantY, wantLast;
    Status status = loaded.run(batch, x, y, last);
    ASSERT_TRUE(status.ok()) << status.message();
    ASSERT_TRUE(plain.run(batch, x, wantY, wantLast).ok());
    float sign = batch.sequences() <= 2 ? -1 : 1;
    for (size_t i = 0; i < y.size(); ++i)
      EXPECT_EQ(y[i], sign * wantY[i]);
    EXPECT_EQ(last, wantLast);
  }
}

TEST_P(Contexts, OutputsMayBeThrownAway) {
  Loaded loaded(GetParam(), 2);
  TestBatch batch({3, 2}, {0, 1}, {0, 0});
  std::vector<float> x = randomFloats(batch.tokens() * kTestWidth, 30);
  std::vector<float> y, last, wantY, wantLast;
  ASSERT_TRUE(loaded.run(batch, x, wantY, wantLast).ok());
  const void *in[] = {x.data()};
  last.assign(wantLast.size(), NAN);
  for (uint32_t slot : {0, 1})
    ASSERT_TRUE(loaded.context->clearSlot(slot).ok());
  void *out[] = {nullptr, last.data()};
  ASSERT_TRUE(loaded.context->run(0, batch, false, in, out).ok());
  EXPECT_EQ(last, wantLast);
  void *none[] = {nullptr, nullptr};
  EXPECT_TRUE(loaded.context->run(0, batch, false, in, none).ok());
}

TEST(Context, ArenaShrinksOnlyWhenMuchTooLarge) {
  Loaded loaded("cpu", 2);
  int64_t large = 500000; // About 100 MB.
  loaded.check({{large}, {0}, {0}}, 40);
  for (int step = 0; step < 600; ++step)
    loaded.check({{1}, {1}, {step}}, 41);
  loaded.check({{large / 2}, {0}, {0}}, 42);
}

// NaN in arenas shows what a kernel reads without having written it.
TEST(Context, PoisonsArenas) {
  setenv("MAMBA_POISON", "1", 1);
  Loaded loaded("cpu", 1);
  loaded.check({{3, 2}, {0, 1}, {0, 0}}, 50);
  // Without the kernel that writes the bias, the result is NaN.
  Loaded broken("cpu", 1);
  broken.context.reset();
  broken.pack.target().programs[0].dispatches.erase(
      broken.pack.target().programs[0].dispatches.begin());
  broken.setup(1, 4);
  unsetenv("MAMBA_POISON");
  TestBatch batch({2}, {0}, {0});
  std::vector<float> y, last;
  ASSERT_TRUE(broken.run(batch, randomFloats(16, 51), y, last).ok());
  EXPECT_TRUE(std::isnan(y[0]));
}

TEST_P(Contexts, States) {
  Loaded loaded(GetParam(), 1, 3);
  ASSERT_EQ(loaded.executable->states().size(), 1u);
  EXPECT_EQ(loaded.executable->states()[0].id, "h");
  Context &context = *loaded.context;
  std::vector<float> zeros(kTestWidth, 0), value = randomFloats(kTestWidth, 60);
  std::vector<float> read(kTestWidth, NAN);
  ASSERT_TRUE(context.readState(0, 2, read.data()).ok());
  EXPECT_EQ(read, zeros) << "pools start zeroed";
  ASSERT_TRUE(context.writeState(0, 1, value.data()).ok());
  ASSERT_TRUE(context.copySlot(1, 2).ok());
  ASSERT_TRUE(context.clearSlot(1).ok());
  ASSERT_TRUE(context.readState(0, 1, read.data()).ok());
  EXPECT_EQ(read, zeros);
  ASSERT_TRUE(context.readState(0, 2, read.data()).ok());
  EXPECT_EQ(read, value);
  EXPECT_TRUE(context.copySlot(2, 2).ok());
  EXPECT_EQ(context.readState(1, 0, read.data()).message(),
            "state 1 is out of range, there are 1");
  EXPECT_EQ(context.writeState(0, 3, read.data()).message(),
            "slot 3 is out of range, there are 3");
  EXPECT_FALSE(context.clearSlot(3).ok());
  EXPECT_FALSE(context.copySlot(0, 3).ok());
  EXPECT_FALSE(context.copySlot(3, 0).ok());
}

TEST_P(Contexts, SeveralAtOnce) {
  for (unsigned threads : {1u, 3u}) {
    Loaded loaded(GetParam(), threads);
    auto work = [&](int seed) {
      auto context = loaded.executable->createContext(2);
      ASSERT_TRUE(context.ok());
      TestReference reference(*loaded.weights);
      for (int step = 0; step < 100; ++step) {
        TestBatch batch({5, 3}, {1, 0}, {step, step});
        std::vector<float> x =
            randomFloats(batch.tokens() * kTestWidth, seed * 1000 + step);
        std::vector<float> y(batch.tokens() * kTestWidth), wantY, wantLast;
        const void *in[] = {x.data()};
        void *out[] = {y.data(), nullptr};
        ASSERT_TRUE((*context)->run(0, batch, false, in, out).ok());
        reference.run(batch, x, wantY, wantLast);
        Loaded::compare(y, wantY);
      }
    };
    std::thread first(work, 1), second(work, 2);
    first.join();
    second.join();
  }
}

TEST_P(Contexts, RefusesBadCalls) {
  Loaded loaded(GetParam(), 1);
  Context &context = *loaded.context;
  std::vector<float> x(64), y(64), last(64);
  const void *in[] = {x.data()}, *null[] = {nullptr};
  void *out[] = {y.data(), last.data()};
  TestBatch batch({2, 1}, {0, 1}, {0, 0});
  EXPECT_EQ(context.run(7, batch, false, in, out).message(),
            "entry 7 is out of range, the pack has 1");
  EXPECT_EQ(context.run(0, batch, false, {}, out).message(),
            "entry 'run': needs 1 inputs and 2 outputs, got 0 and 2");
  EXPECT_EQ(context.run(0, batch, false, null, out).message(),
            "entry 'run': input 'x' is null");
  EXPECT_EQ(context.run(0, batch, true, in, out).message(),
            "target '" + loaded.pack.target().name +
                "' has no batch-invariant program for entry 'run', build the "
                "pack with --batch-invariant");
  batch.slot[1] = 0;
  EXPECT_EQ(context.run(0, batch, false, in, out).message(),
            "slot 0 of sequence 1 is another sequence's too");
  // And works after all that.
  loaded.check({{2, 1}, {0, 1}, {0, 0}}, 70);
}

TEST_P(Contexts, MemoryThatCannotBe) {
  Loaded loaded(GetParam(), 1);
  EXPECT_EQ(loaded.executable->createContext(0).status().message(),
            "a context needs 1 to 2147483647 slots, asked for 0");
  EXPECT_FALSE(loaded.executable->createContext(uint64_t(1) << 31).ok());
  loaded.context.reset();
  loaded.pack.manifest.entries[0].states[0].shape = {int64_t(1) << 45};
  auto executable = loaded.pack.load(1);
  ASSERT_TRUE(executable.ok()) << executable.status().message();
  ASSERT_TRUE((*executable)->loadWeights(loaded.weights, nullptr).ok());
  auto context = (*executable)->createContext(1);
  EXPECT_EQ(context.status().code(), StatusCode::OutOfMemory);
  EXPECT_EQ(
      context.status().message().rfind(
          "cannot get 140737488355328 bytes for the states of 1 slots", 0),
      0u)
      << context.status().message();
  context = (*executable)->createContext(1 << 30);
  EXPECT_EQ(context.status().message(),
            "the states of 1073741824 slots are larger than memory can be");

  Loaded greedy(GetParam(), 1);
  greedy.context.reset();
  greedy.pack.target().programs[0].arenaC = uint64_t(1) << 47;
  greedy.setup(1, 1);
  std::vector<float> y, last;
  Status status = greedy.run({{1}, {0}, {0}}, std::vector<float>(8), y, last);
  EXPECT_EQ(status.code(), StatusCode::OutOfMemory);
  EXPECT_NE(status.message().find("cannot get 14073748835"),
            std::string::npos)
      << status.message();
}
