#include "test/unit/device/FakeDriver.h"

#include "test/fake-cuda/FakeCuda.h"

#include <cstdlib>
#include <dlfcn.h>
#include <gtest/gtest.h>
#include <unistd.h>

using namespace mamba;

template <typename Function> static Function *hook(const char *name) {
  static void *library = dlopen(MAMBA_FAKE_DRIVER, RTLD_NOW | RTLD_LOCAL);
  void *symbol = library ? dlsym(library, name) : nullptr;
  if (!symbol) {
    ADD_FAILURE() << dlerror();
    std::abort();
  }
  return reinterpret_cast<Function *>(symbol);
}
#define HOOK(name) hook<decltype(name)>(#name)

void FakeDriver::use() {
  setenv("MAMBA_CUDA_DRIVER", MAMBA_FAKE_DRIVER, 1);
  setenv("MAMBA_CUDA_NVRTC", MAMBA_FAKE_NVRTC, 1);
  setenv("MAMBA_CACHE", "off", 0);
}

FakeDriver::FakeDriver(const std::string &settings) {
  use();
  setenv("MAMBA_CACHE", cache_.path().c_str(), 1);
  configure(settings);
}

FakeDriver::~FakeDriver() {
  EXPECT_EQ(alive(), "");
  configure("");
  setenv("MAMBA_CACHE", "off", 1);
}

void FakeDriver::configure(const std::string &settings) {
  EXPECT_EQ(alive(), "");
  EXPECT_TRUE(HOOK(fakeCudaConfigure)(settings.c_str())) << settings;
}

std::string FakeDriver::linkDriver() {
  std::string link = cache_ / "driver.so";
  EXPECT_EQ(symlink(MAMBA_FAKE_DRIVER, link.c_str()), 0);
  return link;
}

std::string FakeDriver::older(const std::string &name) {
  std::string path = MAMBA_FAKE_DRIVER, own = "fakecuda";
  return path.replace(path.rfind(own), own.size(), name);
}

uint64_t FakeDriver::calls(const std::string &function) const {
  return HOOK(fakeCudaCalls)(function.c_str());
}
std::string FakeDriver::alive() const { return HOOK(fakeCudaAlive)(); }
std::string FakeDriver::defect() const { return HOOK(fakeCudaDefect)(); }

void FakeDriver::acceptCubin(const std::string &bytes, unsigned chip,
                             const std::string &ptx) {
  HOOK(fakeCudaAcceptCubin)(bytes.data(), bytes.size(), chip, ptx.c_str());
}

TimeLimit::TimeLimit(unsigned seconds) { alarm(seconds); }
TimeLimit::~TimeLimit() { alarm(0); }

Environment::Environment(const char *name, const std::string &value)
    : name_(name) {
  const char *before = std::getenv(name);
  wasSet_ = before;
  before_ = before ? before : "";
  setenv(name, value.c_str(), 1);
}

Environment::~Environment() {
  if (wasSet_)
    setenv(name_, before_.c_str(), 1);
  else
    unsetenv(name_);
}
