// Drivers that are not there, too old, without a GPU: each a normal answer.
#include "test/unit/device/CudaModel.h"

#include "runtime/device/cuda/Driver.h"

#include <gtest/gtest.h>
#include <unistd.h>

using namespace mamba;

TEST(CudaDriver, None) {
  CudaModel model;
  Environment driver("MAMBA_CUDA_DRIVER", "/nonexistent/libcuda.so.1");
  Status status = model.load();
  EXPECT_EQ(status.code(), StatusCode::Unavailable);
  EXPECT_HAS(status.message(), "no device 'cuda', its driver does not load: ");
  EXPECT_HAS(status.message(), "/nonexistent/libcuda.so.1");
  EXPECT_HAS(status.message(),
             "correct or unset MAMBA_CUDA_DRIVER, or use 'cpu' or 'sim'");
}

TEST(CudaDriver, AnotherLibrary) {
  CudaModel model;
  Environment driver("MAMBA_CUDA_DRIVER", MAMBA_FAKE_NVRTC);
  EXPECT_EQ(model.load().message(),
            "the NVIDIA driver '" MAMBA_FAKE_NVRTC "': has no 'cuInit', it must "
            "be for CUDA 11.4 or later: install a newer one");
}

// What it lacks is named; what we can do without is not missed.
TEST(CudaDriver, Older) {
  TimeLimit limit(60);
  CudaModel model;
  {
    std::string path = FakeDriver::older("fakecuda10");
    Environment driver("MAMBA_CUDA_DRIVER", path);
    Status status = model.load();
    EXPECT_EQ(status.code(), StatusCode::Unavailable);
    EXPECT_EQ(status.message(),
              "the NVIDIA driver '" + path +
                  "': has no 'cuLinkComplete', it must be for CUDA 11.4 or "
                  "later: install a newer one");
  }
  Environment driver("MAMBA_CUDA_DRIVER", FakeDriver::older("fakecuda11"));
  Environment off("MAMBA_CACHE", "off");
  ASSERT_EQ(model.outcome(), "fine");
  // Graphs are made anew where they cannot be updated.
  TestBatch decode({1, 1}, {0, 1}, {3, 2});
  ASSERT_TRUE(model.run(decode, 1).ok());
  ASSERT_TRUE(model.context->copySlot(0, 2).ok());
  ASSERT_TRUE(model.context->copySlot(1, 3).ok());
  ASSERT_TRUE(model.run(decode, 2).ok());
  std::vector<float> wanted = model.y;
  for (auto [from, to] : {std::pair(2u, 0u), {3u, 1u}})
    ASSERT_TRUE(model.context->copySlot(from, to).ok());
  ASSERT_TRUE(model.run({{5000}, {3}, {0}}, 3).ok());
  ASSERT_TRUE(model.run(decode, 2).ok());
  EXPECT_EQ(model.y, wanted);
}

// Libraries are kept once they are loaded, so the old one comes by a link.
TEST(CudaDriver, TooOld) {
  FakeDriver fake("version=11020");
  std::string link = fake.linkDriver();
  Environment driver("MAMBA_CUDA_DRIVER", link);
  CudaModel model;
  Status status = model.load();
  EXPECT_EQ(status.code(), StatusCode::Unavailable);
  EXPECT_EQ(status.message(), "the NVIDIA driver '" + link +
                                  "': is for CUDA 11.2, CUDA 11.4 is needed: "
                                  "install a newer one");
  // It may be another one the next time.
  fake.configure("version=12040");
  auto loaded = cuda::Driver::load();
  ASSERT_TRUE(loaded.ok()) << loaded.status().message();
  EXPECT_EQ((*loaded)->versionText(), "12.4");
}

TEST(CudaDriver, NoGpu) {
  FakeDriver fake("chips=");
  std::string link = fake.linkDriver();
  Environment driver("MAMBA_CUDA_DRIVER", link);
  Status status = CudaModel().load();
  EXPECT_EQ(status.code(), StatusCode::Unavailable);
  EXPECT_EQ(status.message(),
            "the NVIDIA driver '" + link +
                "': cannot start: CUDA_ERROR_NO_DEVICE (no CUDA-capable device "
                "is detected); the driver finds no GPU, look at nvidia-smi and "
                "CUDA_VISIBLE_DEVICES");
}

TEST(CudaDriver, GpuThatIsNotThere) {
  FakeDriver fake("chips=80,90");
  CudaModel model;
  EXPECT_TRUE(model.load("cuda:1").ok());
  EXPECT_EQ(model.executable->description(),
            "target cuda:sm_80 on Fake GPU 90 (sm_90), kernels from PTX");
  EXPECT_EQ(model.load("cuda:2").message(),
            "GPU 2: the driver has 2, counted from 0");
}

TEST(CudaDriver, Errors) {
  FakeDriver fake;
  auto driver = cuda::Driver::load();
  ASSERT_TRUE(driver.ok()) << driver.status().message();
  EXPECT_TRUE((*driver)->check(cuda::CUDA_SUCCESS, "do it").ok());
  EXPECT_EQ((*driver)->check(cuda::CUDA_ERROR_INVALID_VALUE, "do it").message(),
            "cannot do it: CUDA_ERROR_INVALID_VALUE (invalid argument)");
  EXPECT_EQ((*driver)->check(cuda::CUresult(12345), "do it").message(),
            "cannot do it: CUDA error 12345");
}

// The toolkit's stub exports every name and can nothing.
TEST(CudaDriver, Stub) {
#ifdef MAMBA_CUDA_HEADERS
  std::string stub = MAMBA_CUDA_HEADERS "/../lib64/stubs/libcuda.so";
  if (access(stub.c_str(), R_OK) != 0)
    GTEST_SKIP() << "no " << stub;
  Environment driver("MAMBA_CUDA_DRIVER", stub);
  Status status = cuda::Driver::load().status();
  EXPECT_EQ(status.code(), StatusCode::Unavailable);
  EXPECT_HAS(status.message(), "this is the toolkit's stub, not a driver");
#else
  GTEST_SKIP() << "the CUDA toolkit is not here";
#endif
}
