// The simulated GPU where memory ends: before, in and after a step.
#include "test/unit/faults/Scenario.h"

#include "test/unit/device/TestPack.h"

#include <gtest/gtest.h>

using namespace mamba;
using namespace mamba::test;

TEST(SimFaultsOfLoading, Load) {
  TestPack pack("sim");
  auto opened = pack.open();
  ASSERT_TRUE(opened.ok()) << opened.status().message();
  auto weights = std::make_shared<TestWeights>();
  std::unique_ptr<Executable> executable;
  std::unique_ptr<Context> context;
  Scenario scenario;
  scenario.act = [&]() -> Status {
    DeviceOptions options;
    options.threads = 2;
    MAMBA_ASSIGN_OR_RETURN(executable, loadOnSim(*opened, options));
    MAMBA_RETURN_IF_ERROR(executable->loadWeights(weights, nullptr));
    MAMBA_ASSIGN_OR_RETURN(context, executable->createContext(2));
    return {};
  };
  scenario.after = [&](const Status &) {
    context.reset();
    executable.reset();
  };
  runWithFaults(scenario);
}

namespace {
class SimFaults : public testing::TestWithParam<unsigned> {};
} // namespace

// A step that failed leaves nothing to the next one.
TEST_P(SimFaults, Run) {
  TestPack pack("sim");
  auto executable = pack.load(GetParam());
  ASSERT_TRUE(executable.ok()) << executable.status().message();
  auto weights = std::make_shared<TestWeights>();
  ASSERT_TRUE((*executable)->loadWeights(weights, nullptr).ok());
  auto context = (*executable)->createContext(2);
  ASSERT_TRUE(context.ok());
  TestBatch batch({3, 2}, {1, 0}, {0, 0});
  std::vector<float> x = randomFloats(batch.tokens() * kTestWidth, 5);
  std::vector<float> y(x.size()), last(2 * kTestWidth), expectedY, expectedLast;
  const void *inputs[] = {x.data()};
  void *outputs[] = {y.data(), last.data()};
  auto run = [&] {
    return (*context)->run(0, batch, /*invariant=*/false, inputs, outputs);
  };
  auto clear = [&] {
    for (uint32_t slot : {0, 1})
      ASSERT_TRUE((*context)->clearSlot(slot).ok());
  };
  clear();
  ASSERT_TRUE(run().ok());
  expectedY = y;
  expectedLast = last;

  Scenario scenario;
  // A launch may have begun.
  scenario.memoryCodes = {StatusCode::Unavailable};
  scenario.countsBlocks = GetParam() == 1;
  scenario.before = clear;
  scenario.act = run;
  scenario.after = [&](const Status &status) {
    if (!status.ok()) {
      clear();
      Status again = run();
      ASSERT_TRUE(again.ok())
          << again.message() << " after " << status.message();
    }
    EXPECT_TRUE(y == expectedY && last == expectedLast) << status.message();
  };
  runWithFaults(scenario);
}

INSTANTIATE_TEST_SUITE_P(Threads, SimFaults, testing::Values(1u, 2u));
