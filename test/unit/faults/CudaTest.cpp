// The GPU's device over the fake driver, on a host that refuses something:
// whatever was made on the GPU is given back. test/unit/device has the driver's
// own failures.
#include "test/unit/faults/Scenario.h"

#include "test/unit/device/CudaModel.h"

#include <gtest/gtest.h>

using namespace mamba;
using namespace mamba::test;

namespace {

/// As the fake NVRTC reads it.
std::string testCxx() {
  std::vector<uint8_t> ptx = readTestPtx();
  return "/* PTX\n" + std::string(ptx.begin(), ptx.end()) + "*/\n";
}

/// All that comes after the pack is open.
Status load(CudaModel &model) {
  MAMBA_ASSIGN_OR_RETURN(model.executable,
                         loadOnDevice(model.opened, "cuda", {1}));
  MAMBA_RETURN_IF_ERROR(model.executable->loadWeights(model.weights, nullptr));
  MAMBA_ASSIGN_OR_RETURN(model.context, model.executable->createContext(4));
  return {};
}

class CudaFaultsOfLoading : public testing::TestWithParam<const char *> {};

} // namespace

// Compiling, the self-test, weights, states.
TEST_P(CudaFaultsOfLoading, Load) {
  FakeDriver fake;
  Environment off("MAMBA_CACHE", "off"), form("MAMBA_CUDA_PREFER", GetParam());
  CudaModel model;
  model.pack.blobs["cuda.0"] = testCxx();
  model.pack.target().cuda = "cuda.0";
  Scenario scenario;
  // A pack without a file; what compiles is a library that may be missing.
  scenario.names = {"test.mpk", "fakecuda", "fakenvrtc"};
  scenario.before = [&] {
    fake.configure("checks=off");
    model.opened = *model.pack.open();
  };
  scenario.act = [&] { return load(model); };
  scenario.after = [&](const Status &) {
    model.drop();
    EXPECT_EQ(fake.alive(), "");
    EXPECT_EQ(fake.defect(), "");
  };
  runWithFaults(scenario);
}

INSTANTIATE_TEST_SUITE_P(Forms, CudaFaultsOfLoading,
                         testing::Values("ptx", "nvrtc"));

// The first use of a driver.
TEST(CudaFaults, LoadTheDriver) {
  FakeDriver fake;
  Environment off("MAMBA_CACHE", "off");
  CudaModel model;
  TempFolder folder;
  std::string link = folder / "driver-";
  int number = 0;
  Scenario scenario;
  scenario.names = {link};
  scenario.countsBlocks = false; // A driver that was loaded stays.
  // The dynamic linker tells no want of memory from a library that is missing.
  scenario.memoryCodes = {StatusCode::Unavailable};
  scenario.mostAllocations = 60;
  scenario.before = [&] {
    fake.configure("checks=off");
    // A name that was not asked for yet.
    std::string path = link + std::to_string(++number);
    std::filesystem::create_symlink(MAMBA_FAKE_DRIVER, path);
    setenv("MAMBA_CUDA_DRIVER", path.c_str(), 1);
    model.opened = *model.pack.open();
  };
  scenario.act = [&] { return load(model); };
  scenario.after = [&](const Status &status) {
    if (!status.ok())
      EXPECT_TRUE(load(model).ok()) << "after " << status.message();
    model.drop();
    EXPECT_EQ(fake.alive(), "");
  };
  runWithFaults(scenario);
}

// A step that failed leaves nothing to the next one, be it launched or in a graph.
TEST(CudaFaults, Run) {
  FakeDriver fake("checks=off");
  Environment off("MAMBA_CACHE", "off");
  CudaModel model;
  ASSERT_TRUE(model.load().ok());
  std::vector<float> all, expected, state(kTestWidth);
  const std::vector<TestBatch> batches = {{{3, 2}, {0, 1}, {0, 0}},
                                          {{1, 1}, {0, 1}, {3, 2}},
                                          {{1, 1}, {0, 1}, {4, 3}},
                                          {{40}, {2}, {0}},
                                          {{1, 1}, {0, 1}, {5, 4}}};
  auto run = [&]() -> Status {
    all.clear();
    for (const TestBatch &batch : batches) {
      MAMBA_RETURN_IF_ERROR(model.run(batch));
      all.insert(all.end(), model.y.begin(), model.y.end());
    }
    MAMBA_RETURN_IF_ERROR(model.context->copySlot(0, 2));
    MAMBA_RETURN_IF_ERROR(model.context->readState(0, 2, state.data()));
    MAMBA_RETURN_IF_ERROR(model.context->writeState(0, 3, state.data()));
    all.insert(all.end(), state.begin(), state.end());
    return {};
  };
  auto renew = [&] {
    for (uint32_t slot = 0; slot < 4; ++slot)
      ASSERT_TRUE(model.context->clearSlot(slot).ok());
  };
  ASSERT_TRUE(run().ok());
  expected = all;

  Scenario scenario;
  // A launch may have begun.
  scenario.memoryCodes = {StatusCode::Unavailable};
  scenario.before = [&] {
    model.context = *model.executable->createContext(4);
    renew();
  };
  scenario.act = run;
  scenario.after = [&](const Status &status) {
    if (!status.ok()) {
      renew();
      Status again = run();
      ASSERT_TRUE(again.ok())
          << again.message() << " after " << status.message();
    }
    ASSERT_EQ(all.size(), expected.size()) << status.message();
    for (size_t i = 0; i < all.size(); ++i)
      ASSERT_EQ(all[i], expected[i]) << i << " of " << all.size() << ", "
                                     << status.message();
    EXPECT_EQ(fake.defect(), "");
    std::vector<float>().swap(all);
    model.context.reset();
  };
  runWithFaults(scenario);
  model.drop();
}
