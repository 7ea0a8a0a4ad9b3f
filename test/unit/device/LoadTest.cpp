// What loadOnCpu and loadWeights refuse, and how they say it.
#include "test/unit/device/TestPack.h"

#include <gtest/gtest.h>

using namespace mamba;

static std::string failure(TestPack &pack) {
  auto executable = pack.load();
  return executable.ok() ? "no failure" : executable.status().message();
}

TEST(Load, ChangedByteInCode) {
  TestPack pack;
  pack.flipCode = true;
  EXPECT_EQ(
      failure(pack).rfind("'test.mpk': the bytes of 'code.0' have SHA-256 ", 0),
      0u)
      << failure(pack);
}

TEST(Load, RemovedCode) {
  TestPack pack;
  pack.dropCode = true;
  EXPECT_EQ(failure(pack), "'test.mpk': blob 'code.0' of the manifest is not "
                           "in the file, build the pack anew");
}

TEST(Load, OtherMachine) {
  TestPack pack;
  pack.target().arch = "sparc";
  EXPECT_NE(failure(pack).find("'cpu:test' is for 'sparc', this is"),
            std::string::npos)
      << failure(pack);
  pack = TestPack();
  pack.target().features = {"avx9000"};
  auto executable = pack.load();
  EXPECT_EQ(executable.status().code(), StatusCode::Unavailable);
  EXPECT_EQ(executable.status().message(),
            "'test.mpk' has no target for this machine's processor: 'cpu:test' "
            "needs 'avx9000', which this program does not know; build one with "
            "'mamba-pack build --target=cpu:native'");
}

TEST(Load, CodeThatIsNone) {
  TestPack pack;
  pack.object = {1, 2, 3};
  EXPECT_EQ(failure(pack), "'test.mpk': target 'cpu:test': the code has 3 "
                           "bytes, less than an ELF header");
}

TEST(Load, KernelOutsideOfTheCode) {
  for (uint64_t entry : {uint64_t(0), uint64_t(1) << 40}) {
    TestPack pack;
    pack.kernel("scan").entry = entry;
    EXPECT_EQ(failure(pack), "'test.mpk': target 'cpu:test': kernel 'scan': "
                             "offset " +
                                 std::to_string(entry) + " is not in the code");
  }
}

TEST(Load, TooManyThreads) {
  TestPack pack;
  EXPECT_EQ(pack.load(5000).status().message(),
            "there can be at most 1024 threads, asked for 5000");
  EXPECT_TRUE(pack.load(0).ok()) << "0 is one for each processor";
}

TEST(Load, Weights) {
  TestPack pack;
  auto executable = pack.load();
  ASSERT_TRUE(executable.ok()) << executable.status().message();
  EXPECT_EQ((*executable)->createContext(1).status().message(),
            "the weights are not loaded yet, call loadWeights before "
            "createContext");
  EXPECT_EQ((*executable)->loadWeights(nullptr, nullptr).message(),
            "the pack's weights are not given, load its checkpoint");
  auto weights = std::make_shared<TestWeights>();
  weights->isShort = true;
  EXPECT_EQ((*executable)->loadWeights(weights, nullptr).message(),
            "weight 'w' must have 32 bytes, got 31");
  weights->isShort = false;
  EXPECT_TRUE((*executable)->loadWeights(weights, nullptr).ok())
      << "after a failure it may be tried again";
  EXPECT_EQ(weights->rested, 8 * sizeof(float)) << "what the recipe has read";
  EXPECT_EQ((*executable)->loadWeights(weights, nullptr).message(),
            "the weights are loaded already");
}

TEST(Load, PackWithoutWeights) {
  TestPack pack;
  pack.manifest.checkpoint.clear();
  pack.target().recipe.clear();
  pack.target().programs.clear();
  auto executable = pack.load();
  ASSERT_TRUE(executable.ok()) << executable.status().message();
  auto context = (*executable)->createContext(1);
  ASSERT_TRUE(context.ok()) << context.status().message();
  TestBatch batch({}, {}, {});
  EXPECT_EQ((*context)->run(0, batch, false, {}, {}).message(),
            "target 'cpu:test' has no ordinary program for entry 'run', run it "
            "batch-invariant or build the pack anew");
}

// The host's tasks on the kernels' threads: each once, with subnormals.
TEST(LoadTest, RunsTasksOfTheHost) {
  for (unsigned threads : {1u, 3u}) {
    TestPack pack;
    auto executable = pack.load(threads);
    ASSERT_TRUE(executable.ok()) << executable.status().message();
    std::vector<int> calls(100);
    std::vector<double> halves(100);
    volatile double least = std::numeric_limits<double>::min();
    (*executable)->runOnThreads(100, [&](uint32_t i) {
      ++calls[i];
      halves[i] = least / 2;
    });
    EXPECT_EQ(calls, std::vector<int>(100, 1));
    EXPECT_EQ(halves, std::vector<double>(100, least / 2));
    EXPECT_GT(halves[0], 0);
    (*executable)->runOnThreads(0, [&](uint32_t) { FAIL(); });
  }
}
