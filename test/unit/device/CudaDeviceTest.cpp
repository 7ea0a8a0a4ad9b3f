// What is the GPU's own among the devices: auto, the self-test at load, states
// that move, several at once.
#include "test/unit/device/CudaModel.h"

#include "runtime/device/cuda/Upload.h"

#include <gtest/gtest.h>
#include <thread>

using namespace mamba;

namespace {

/// A pack for the processor and for GPUs.
struct BothPack {
  BothPack() {
    TestPack cpu;
    TargetSpec target = cpu.target();
    target.code = "code.1";
    pack.blobs["code.1"] = {cpu.object.begin(), cpu.object.end()};
    pack.manifest.targets.push_back(target);
  }
  /// Where it runs, or why not; then what it warned of.
  std::string load() {
    std::string warned;
    auto opened = pack.open();
    if (!opened.ok())
      return opened.status().message();
    DeviceOptions options;
    options.warn = [&](const std::string &text) { warned = " (" + text + ")"; };
    auto loaded = loadOnDevice(*opened, "auto", options);
    return (loaded.ok() ? std::string((*loaded)->device())
                        : loaded.status().message()) +
           warned;
  }
  TestPack pack{"cuda"};
};

/// A case of copyBias whose expected output is wrong or right.
void addGolden(TestPack &pack, bool isRight) {
  GoldenCase golden;
  golden.rows = 1;
  golden.grid = {{RowKind::Constant, 1}, 1, 1};
  golden.args = {{DType::F32, kTestWidth, GoldenArg::Fill::Uniform, 2, 2, 1},
                 {DType::F32, kTestWidth, GoldenArg::Fill::Poison, 0, 0, 1}};
  golden.outputs = {{1, kTestWidth, 1, "golden.0", 0}};
  golden.tolerance = 1e-6;
  pack.golden.assign(kTestWidth, isRight ? 2 : 3);
  pack.kernel("copyBias").golden = {golden};
}

} // namespace

TEST(CudaDevice, Auto) {
  BothPack both;
  {
    Environment none("MAMBA_CUDA_DRIVER", "/nonexistent/libcuda.so.1");
    EXPECT_EQ(both.load(), "cpu") << "no driver is no reason to warn";
  }
  FakeDriver fake;
  EXPECT_EQ(both.load(), "cuda");
  fake.configure("chips=75");
  EXPECT_EQ(both.load(),
            "cpu (runs on the processor, as no GPU does: 'test.mpk' has no code "
            "for a GPU of chip 'sm_75', it has 'cuda:sm_80', 'cpu:test'; build "
            "one with 'mamba-pack build --target=cuda:sm_75')");
  both.pack.manifest.targets.erase(both.pack.manifest.targets.begin());
  EXPECT_EQ(both.load(), "cpu") << "the pack is not for GPUs";
  TestPack gpu("cuda");
  auto opened = gpu.open();
  ASSERT_TRUE(opened.ok());
  Status status = loadOnDevice(*opened, "auto", {}).status();
  EXPECT_HAS(status.message(), "no GPU: 'test.mpk' has no code for a GPU");
  EXPECT_HAS(status.message(), "; no processor: ");
}

TEST(CudaDevice, SelfTestAtFirstLoad) {
  FakeDriver fake;
  CudaModel model;
  addGolden(model.pack, true);
  ASSERT_EQ(model.outcome(), "fine");
  uint64_t launches = fake.calls("cuLaunchKernel");
  ASSERT_EQ(model.outcome(), "fine");
  EXPECT_EQ(fake.calls("cuLaunchKernel"), 2 * launches - 1)
      << "it was passed before";
  model.drop();

  BothPack wrong;
  addGolden(wrong.pack, false);
  for (int again = 0; again < 2; ++again) {
    std::string text = wrong.load();
    EXPECT_EQ(text.substr(0, 4), "cpu ");
    EXPECT_HAS(text, "self-test of kernel 'copyBias' of target 'cuda:sm_80', "
                     "case 0: argument 1 has relative error ");
  }
}

// Kernels that write beside their arguments are found on a GPU too.
TEST(CudaDevice, SelfTestGuards) {
  FakeDriver fake("checks=off");
  CudaModel model;
  uint32_t index = model.pack.addKernel("overrun");
  GoldenCase golden;
  golden.rows = 4;
  golden.args = {{DType::F32, 4, GoldenArg::Fill::Poison, 0, 0, 1}};
  golden.outputs = {{0, 4, 1, "golden.0", 0}};
  golden.tolerance = 1e-6;
  model.pack.golden = {1, 1, 1, 1};
  model.pack.target().kernels[index].golden = {golden};
  EXPECT_HAS(model.outcome(), "case 0: the kernel writes outside of argument 0");
}

// A sequence goes on with the same bits on the simulator.
TEST(CudaDevice, StatesMoveBetweenDevices) {
  FakeDriver fake;
  CudaModel here, there;
  ASSERT_TRUE(here.load().ok());
  ASSERT_TRUE(there.load("sim").ok());
  ASSERT_TRUE(here.run({{7}, {1}, {0}}, 1).ok());
  std::vector<float> state(kTestWidth);
  ASSERT_TRUE(here.context->readState(0, 1, state.data()).ok());
  ASSERT_TRUE(there.context->writeState(0, 3, state.data()).ok());
  ASSERT_TRUE(here.run({{2}, {1}, {7}}, 2).ok());
  ASSERT_TRUE(there.run({{2}, {3}, {7}}, 2).ok());
  EXPECT_EQ(here.y, there.y);
}

TEST(CudaDevice, GpusAndThreadsAtOnce) {
  FakeDriver fake("chips=80,90 checks=off");
  CudaModel first, second;
  ASSERT_TRUE(first.load("cuda:0").ok());
  ASSERT_TRUE(second.load("cuda:1").ok());
  ASSERT_TRUE(first.run({{3}, {0}, {0}}, 5).ok());
  std::vector<float> want = first.y;
  std::vector<std::thread> threads;
  for (CudaModel *model : {&first, &second})
    for (int t = 0; t < 2; ++t)
      threads.emplace_back([&, model] {
        auto context = model->executable->createContext(2);
        ASSERT_TRUE(context.ok()) << context.status().message();
        std::vector<float> x = randomFloats(3 * kTestWidth, 5), y(x), last(x);
        TestBatch batch({3}, {1}, {0});
        const void *in[] = {x.data()};
        void *out[] = {y.data(), last.data()};
        for (int step = 0; step < 20; ++step) {
          ASSERT_TRUE((*context)->clearSlot(1).ok());
          Status status = (*context)->run(0, batch, false, in, out);
          ASSERT_TRUE(status.ok()) << status.message();
          EXPECT_EQ(y, want);
        }
      });
  for (std::thread &thread : threads)
    thread.join();
}

// Weights that programs read stay; what only the recipe reads has gone.
TEST(CudaDevice, WeightsOfTheRecipeGo) {
  FakeDriver fake;
  CudaModel model;
  ASSERT_TRUE(model.load().ok());
  EXPECT_EQ(fake.calls("cuMemAlloc_v2"), 3u)
      << "weights, the recipe's window, states";
  EXPECT_EQ(fake.calls("cuMemFree_v2"), 1u);
  EXPECT_EQ(fake.calls("cuMemHostAlloc"), 3u);
  EXPECT_EQ(fake.calls("cuMemFreeHost"), 2u);
}

// The fake driver copies as late as it may: a piece that is filled again too
// early, or freed, would show.
TEST(CudaDevice, UploadInManyPieces) {
  FakeDriver fake;
  auto opened = cuda::Gpu::open(0);
  ASSERT_TRUE(opened.ok()) << opened.status().message();
  std::shared_ptr<const cuda::Gpu> gpu = *opened;
  cuda::Current current(*gpu);
  constexpr uint64_t kBytes = 5 * cuda::Upload::kPieceBytes / 2 + 13;
  std::vector<uint8_t> from(2 * kBytes), back(2 * kBytes);
  for (size_t i = 0; i < from.size(); ++i)
    from[i] = static_cast<uint8_t>(i * 2654435761u >> 24);
  auto memory = cuda::DeviceMemory::allocate(gpu, from.size(), "a test");
  ASSERT_TRUE(memory.ok()) << memory.status().message();
  auto upload = cuda::Upload::create(gpu, kBytes);
  ASSERT_TRUE(upload.ok()) << upload.status().message();
  auto stream = cuda::Stream::create(gpu);
  ASSERT_TRUE(stream.ok()) << stream.status().message();
  cuda::CUdeviceptr to = memory->address();
  ASSERT_TRUE(upload->copy(*stream, to, from.data(), kBytes).ok());
  ASSERT_TRUE(
      upload->copy(*stream, to + kBytes, from.data() + kBytes, kBytes).ok());
  ASSERT_TRUE(stream->copyToHost(back.data(), to, back.size()).ok());
  ASSERT_TRUE(stream->wait().ok());
  EXPECT_EQ(back, from);
}
