// Kernels of a step that begin while the one before them ends.
#include "test/unit/device/CudaModel.h"

#include "runtime/device/cuda/Driver.h"
#include "test/fake-cuda/FakeCuda.h"

#include <dlfcn.h>
#include <gtest/gtest.h>

using namespace mamba;
using namespace mamba::cuda;

namespace {

struct OverlappingModel : CudaModel {
  OverlappingModel() { pack.overlapLaunches(); }
};

/// A prompt and two decode steps; all that they gave.
std::vector<float> run(CudaModel &model) {
  std::vector<float> all;
  std::vector<TestBatch> steps = {{{3, 2}, {0, 1}, {0, 0}},
                                  {{1, 1}, {1, 0}, {2, 3}},
                                  {{1, 1}, {0, 1}, {4, 3}}};
  Status status = model.load();
  for (uint32_t i = 0; status.ok() && i < steps.size(); ++i) {
    status = model.run(steps[i], i);
    all.insert(all.end(), model.y.begin(), model.y.end());
    all.insert(all.end(), model.last.begin(), model.last.end());
  }
  EXPECT_EQ(status.message(), "");
  model.drop();
  return all;
}

} // namespace

// All but the first of a step's four kernels, which follows a copy; a decode
// step is captured once.
TEST(CudaOverlap, KernelsOfAStep) {
  FakeDriver fake("chips=90");
  OverlappingModel model;
  std::vector<float> overlapped = run(model);
  EXPECT_EQ(fake.calls("cuLaunchKernelEx"), 6u);
  EXPECT_EQ(fake.calls("cuLaunchKernel"), 1u + 2u) << "and the recipe";
  EXPECT_EQ(fake.calls("cuGraphLaunch"), 2u);
  for (auto [variable, launches] :
       {std::pair("MAMBA_CUDA_OVERLAP", 0u), {"MAMBA_CUDA_GRAPHS", 9u}}) {
    fake.configure("chips=90");
    Environment off(variable, "off");
    EXPECT_EQ(run(model), overlapped) << variable;
    EXPECT_EQ(fake.calls("cuLaunchKernelEx"), launches) << variable;
  }
}

// Where the one before ends before the next begins, as ever.
TEST(CudaOverlap, OnlyBehindOneThatLetsTheNextBegin) {
  FakeDriver fake("chips=90");
  OverlappingModel model;
  model.pack.kernel("scaleRows").launch->overlap = false;
  run(model);
  EXPECT_EQ(fake.calls("cuLaunchKernelEx"), 2u) << "copyLast";
  // What is not launched changes nothing.
  model.pack.kernel("scaleRows").launch->overlap = true;
  fake.configure("chips=90");
  ASSERT_TRUE(model.load().ok());
  uint64_t before = fake.calls("cuLaunchKernelEx");
  ASSERT_TRUE(model.run({{}, {}, {}}).ok());
  EXPECT_EQ(fake.calls("cuLaunchKernelEx"), before);
}

// Graphs keep what overlaps from CUDA 12.3 on; older drivers lack the function.
TEST(CudaOverlap, OlderDrivers) {
  OverlappingModel model;
  std::vector<std::vector<float>> results;
  for (auto [version, launches] :
       {std::pair("12020", 0u), {"12030", 6u}, {"13000", 6u}}) {
    FakeDriver fake(std::string("chips=90 version=") + version);
    Environment driver("MAMBA_CUDA_DRIVER", fake.linkDriver());
    results.push_back(run(model));
    EXPECT_EQ(fake.calls("cuLaunchKernelEx"), launches) << version;
    EXPECT_EQ(fake.calls("cuLaunchKernel"), 1u + 8u - launches) << version;
  }
  std::string older = FakeDriver::older("fakecuda11");
  void *library = dlopen(older.c_str(), RTLD_NOW | RTLD_LOCAL);
  ASSERT_TRUE(library) << dlerror();
  auto *configure = reinterpret_cast<decltype(&fakeCudaConfigure)>(
      dlsym(library, "fakeCudaConfigure"));
  ASSERT_TRUE(configure && configure("chips=90"));
  Environment driver("MAMBA_CUDA_DRIVER", older);
  results.push_back(run(model));
  configure("");
  for (const std::vector<float> &result : results)
    EXPECT_EQ(result, results[0]);
}

TEST(CudaOverlap, Switch) {
  FakeDriver fake("chips=90");
  Environment use("MAMBA_CUDA_OVERLAP", "1");
  EXPECT_EQ(CudaModel().outcome(),
            "MAMBA_CUDA_OVERLAP must be on or off, got '1'");
}

TEST(CudaOverlap, LaunchFails) {
  FakeDriver fake("chips=90 fail=cuLaunchKernelEx,2,701");
  OverlappingModel model;
  EXPECT_HAS(model.outcome(), "entry 'run': program 'prefill', dispatch 2: "
                              "cannot launch kernel 'scan': "
                              "CUDA_ERROR_LAUNCH_OUT_OF_RESOURCES");
  EXPECT_TRUE(model.run({{2}, {0}, {5}}).ok());
}

// A kernel that breaks the rule is found where it really overlaps, captured too.
TEST(CudaOverlap, BrokenKernels) {
  const std::string wait = "griddepcontrol.wait; // ";
  for (const char *kernel : {"scaleRows", "scan", "copyLast"})
    for (const char *graphs : {"on", "off"}) {
      FakeDriver fake("chips=90");
      Environment use("MAMBA_CUDA_GRAPHS", graphs);
      OverlappingModel model;
      model.pack.editPtx(wait + kernel, "// " + wait + kernel);
      TestBatch decode({1, 1}, {0, 1}, {0, 0});
      EXPECT_HAS(model.outcome(decode), "CUDA_ERROR_ILLEGAL_ADDRESS");
      EXPECT_HAS(fake.defect(), std::string("kernel '") + kernel + "': ");
      EXPECT_HAS(fake.defect(), "griddepcontrol.wait");
    }
  // The first of a step does not overlap: it may do without.
  FakeDriver fake("chips=90");
  OverlappingModel model;
  model.pack.editPtx(wait + "copyBias", "// " + wait + "copyBias");
  EXPECT_EQ(model.outcome(), "fine");
}

// What only weights precede: they may be read before the wait, states may not.
TEST(CudaOverlap, WeightsMayBeReadEarly) {
  FakeDriver fake("chips=90");
  for (auto [argument, isWeight] : {std::pair("packed", true), {"x", false}}) {
    OverlappingModel model;
    model.pack.editPtx("griddepcontrol.wait; // scaleRows",
                       std::string("ld.param.u64 %rd0, [") + argument +
                           "];\n\tld.global.f32 %f0, [%rd0];\n\t"
                           "griddepcontrol.wait;");
    EXPECT_EQ(model.outcome() == "fine", isWeight) << model.outcome();
    model.drop();
    if (!isWeight) {
      EXPECT_HAS(fake.defect(), "before griddepcontrol.wait");
    }
    fake.configure("chips=90");
  }
}

// What the fake driver refuses as a driver does.
TEST(CudaOverlap, RefusedLaunches) {
  FakeDriver fake("chips=90,80");
  CudaModel model; // Has a stream and makes the first GPU current.
  auto driver = Driver::load();
  ASSERT_TRUE(driver.ok());
  const Driver &d = **driver;
  CUlaunchAttribute attribute = {
      CU_LAUNCH_ATTRIBUTE_PROGRAMMATIC_STREAM_SERIALIZATION, {}};
  attribute.value.programmaticStreamSerializationAllowed = 1;
  for (int device : {0, 1}) {
    CUcontext context;
    ASSERT_EQ(d.cuDevicePrimaryCtxRetain(&context, device), CUDA_SUCCESS);
    ASSERT_EQ(d.cuCtxPushCurrent_v2(context), CUDA_SUCCESS);
    CUstream stream;
    ASSERT_EQ(d.cuStreamCreate(&stream, CU_STREAM_NON_BLOCKING), CUDA_SUCCESS);
    CUlaunchConfig config = {1, 1, 1, 32, 1, 1, 0, stream, &attribute, 1};
    if (device == 1) {
      EXPECT_EQ(d.cuLaunchKernelEx(&config, nullptr, nullptr, nullptr),
                CUDA_ERROR_NOT_SUPPORTED);
    }
    config.attrs = nullptr;
    EXPECT_EQ(d.cuLaunchKernelEx(&config, nullptr, nullptr, nullptr),
              CUDA_ERROR_INVALID_VALUE);
    CUlaunchAttribute other = {CUlaunchAttributeID(77), {}};
    config.attrs = &other;
    EXPECT_EQ(d.cuLaunchKernelEx(&config, nullptr, nullptr, nullptr),
              CUDA_ERROR_INVALID_VALUE);
    EXPECT_EQ(d.cuLaunchKernelEx(nullptr, nullptr, nullptr, nullptr),
              CUDA_ERROR_INVALID_VALUE);
    EXPECT_EQ(d.cuStreamDestroy_v2(stream), CUDA_SUCCESS);
    EXPECT_EQ(d.cuCtxPopCurrent_v2(&context), CUDA_SUCCESS);
    EXPECT_EQ(d.cuDevicePrimaryCtxRelease_v2(device), CUDA_SUCCESS);
  }
}
