// Golden cases: right kernels pass, wrong ones are named.
#include "test/unit/device/TestPack.h"

#include "runtime/device/Golden.h"

#include <gtest/gtest.h>

using namespace mamba;

namespace {
class SelfTests : public testing::TestWithParam<const char *> {};
INSTANTIATE_TEST_SUITE_P(Devices, SelfTests, testing::Values("cpu", "sim", "cuda"),
                         [](const auto &info) { return info.param; });
} // namespace

/// A case of `scaleRows`: x, packed, bias -> to, every third sample.
static void addGolden(TestPack &pack) {
  constexpr uint64_t kRows = 5, kCount = kRows * kTestWidth;
  GoldenCase golden;
  golden.rows = kRows;
  golden.lengths = {3, 0, 2};
  golden.slots = {1, 0, 2};
  golden.positions = {0, 0, 5};
  golden.grid = pack.target().programs[0].dispatches[1].grid;
  GoldenArg uniform = {DType::F32, kCount, GoldenArg::Fill::Uniform, -1, 2, 1};
  GoldenArg row = uniform, poison = uniform;
  row.count = kTestWidth;
  poison.fill = GoldenArg::Fill::Poison;
  golden.args = {uniform, row, row, poison};
  golden.outputs = {{3, 13, 3, "golden.0", 2}};
  golden.tolerance = 1e-6;

  std::vector<float> x(kCount), packed(kTestWidth), bias(kTestWidth);
  fillGoldenArg(golden.args[0], 0, x.data());
  fillGoldenArg(golden.args[1], 1, packed.data());
  fillGoldenArg(golden.args[2], 2, bias.data());
  pack.golden = {99, 99};
  for (uint64_t i = 0; i < 13; ++i)
    pack.golden.push_back(double(x[3 * i]) * packed[3 * i % kTestWidth] +
                          bias[3 * i % kTestWidth]);
  pack.kernel("scaleRows").golden = {golden, golden};
}

TEST_P(SelfTests, PassesWithoutWeights) {
  for (unsigned threads : {1u, 2u}) {
    TestPack pack(GetParam());
    addGolden(pack);
    auto executable = pack.load(threads);
    ASSERT_TRUE(executable.ok()) << executable.status().message();
    uint64_t calls = 0;
    Status status = (*executable)->selfTest([&](uint64_t done, uint64_t total) {
      EXPECT_EQ(done, ++calls);
      EXPECT_EQ(total, 2u);
    });
    EXPECT_TRUE(status.ok()) << status.message();
    EXPECT_EQ(calls, 2u);
  }
}

TEST_P(SelfTests, FailureNamesKernelCaseAndError) {
  TestPack pack(GetParam());
  addGolden(pack);
  pack.kernel("scaleRows").golden[1].outputs[0].offset = 1;
  auto executable = pack.load();
  // A GPU is tested when it is loaded.
  Status status =
      executable.ok() ? (*executable)->selfTest(nullptr) : executable.status();
  EXPECT_EQ(status.message().rfind("self-test of kernel 'scaleRows' of target "
                                   "'" +
                                       pack.target().name +
                                       "', case 1: argument 3 has relative "
                                       "error ",
                                   0),
            0u)
      << status.message();
  EXPECT_NE(status.message().find(", allowed is 1e-06"), std::string::npos)
      << status.message();
}

// Poison that stays shows what a kernel has not written.
TEST(SelfTest, MissingTilesFail) {
  TestPack pack;
  addGolden(pack);
  pack.kernel("scaleRows").golden[0].grid.block = 3;
  auto executable = pack.load();
  ASSERT_TRUE(executable.ok()) << executable.status().message();
  Status status = (*executable)->selfTest(nullptr);
  EXPECT_NE(status.message().find("relative error nan"), std::string::npos)
      << status.message();
}

TEST(SelfTest, WritesOutsideOfArguments) {
  TestPack pack;
  uint32_t index = pack.addKernel("overrun");
  GoldenCase golden;
  golden.rows = 4;
  golden.args = {{DType::F32, 4, GoldenArg::Fill::Poison, 0, 0, 1}};
  golden.outputs = {{0, 4, 1, "golden.0", 0}};
  golden.tolerance = 1e-6;
  pack.golden = {1, 1, 1, 1};
  pack.target().kernels[index].golden = {golden};
  auto executable = pack.load();
  ASSERT_TRUE(executable.ok()) << executable.status().message();
  EXPECT_EQ((*executable)->selfTest(nullptr).message(),
            "self-test of kernel 'overrun' of target 'cpu:test', case 0: the "
            "kernel writes outside of argument 0");
}

// Kernels flush subnormals on every thread, whatever the caller's mode.
TEST(SelfTest, SubnormalsAreFlushed) {
  TestPack pack;
  uint32_t index = pack.addKernel("makeSubnormal");
  GoldenCase golden;
  golden.grid = {{RowKind::Constant, 64}, 1, 1};
  golden.args = {{DType::F32, 2, GoldenArg::Fill::Uniform, 1e-20, 1e-20, 1},
                 {DType::F32, 64, GoldenArg::Fill::Poison, 0, 0, 1}};
  golden.outputs = {{1, 64, 1, "golden.0", 0}};
  golden.tolerance = 0;
  pack.golden.assign(64, 0);
  pack.target().kernels[index].golden = {golden};
  for (unsigned threads : {1u, 3u}) {
    auto executable = pack.load(threads);
    ASSERT_TRUE(executable.ok()) << executable.status().message();
    Status status = (*executable)->selfTest(nullptr);
    EXPECT_TRUE(status.ok()) << status.message();
    volatile float small = 1e-20f;
    EXPECT_NE(small * small, 0) << "the caller's mode is its own again";
  }
}
