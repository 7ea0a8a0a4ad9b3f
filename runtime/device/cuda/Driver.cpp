#include "runtime/device/cuda/Driver.h"

#include "runtime/support/Quote.h"

#include <cstdlib>
#include <dlfcn.h>
#include <map>
#include <memory>
#include <mutex>

using namespace mamba;
using namespace mamba::cuda;

static std::string textOfVersion(int version) {
  return std::to_string(version / 1000) + "." +
         std::to_string(version % 1000 / 10);
}

std::string Driver::versionText() const { return textOfVersion(version_); }

//===----------------------------------------------------------------------===//
// Loading
//===----------------------------------------------------------------------===//

Result<const Driver *> Driver::load() {
  const char *wanted = std::getenv("MAMBA_CUDA_DRIVER");
  std::string path = wanted && *wanted ? wanted : "libcuda.so.1";
  // A driver has threads and exit handlers of its own: never unloaded.
  static std::mutex mutex;
  static auto &loaded = *new std::map<std::string, std::unique_ptr<Driver>>();
  std::lock_guard held(mutex);
  std::unique_ptr<Driver> &driver = loaded[path];
  if (driver)
    return driver.get();
  void *library = dlopen(path.c_str(), RTLD_NOW | RTLD_LOCAL);
  if (!library) {
    const char *why = dlerror();
    return unavailable(std::string("no device 'cuda', its driver does not "
                                   "load: ") +
                       (why ? why : path.c_str()) +
                       (wanted && *wanted
                            ? "; correct or unset MAMBA_CUDA_DRIVER"
                            : "; install NVIDIA's driver") +
                       ", or use 'cpu' or 'sim'");
  }
  auto made = std::make_unique<Driver>();
  Status status = made->bind(library);
  if (status.ok())
    status = made->start();
  if (!status.ok())
    return status.withContext("the NVIDIA driver " + inQuotes(path));
  driver = std::move(made);
  return driver.get();
}

Status Driver::bind(void *library) {
  const char *missing = nullptr;
#define OPTIONAL(name, ...)                                                    \
  name = reinterpret_cast<decltype(name)>(dlsym(library, #name));
#define X(name, ...)                                                           \
  OPTIONAL(name)                                                               \
  if (!name && !missing)                                                       \
    missing = #name;
#include "runtime/device/cuda/DriverSymbols.def"
  if (!missing)
    return {};
  return unavailable("has no " + inQuotes(missing) +
                     ", it must be for CUDA " + textOfVersion(kOldestDriver) +
                     " or later: install a newer one");
}

Status Driver::start() {
  MAMBA_RETURN_IF_ERROR(check(cuInit(0), "start"));
  MAMBA_RETURN_IF_ERROR(check(cuDriverGetVersion(&version_), "tell its version"));
  if (version_ < kOldestDriver)
    return unavailable("is for CUDA " + versionText() + ", CUDA " +
                       textOfVersion(kOldestDriver) +
                       " is needed: install a newer one");
  return {};
}

//===----------------------------------------------------------------------===//
// Errors
//===----------------------------------------------------------------------===//

bool mamba::cuda::isLost(CUresult result) {
  switch (result) {
  case CUDA_ERROR_ECC_UNCORRECTABLE:
  case CUDA_ERROR_NVLINK_UNCORRECTABLE:
  case CUDA_ERROR_ILLEGAL_ADDRESS:
  case CUDA_ERROR_LAUNCH_TIMEOUT:
  case CUDA_ERROR_CONTEXT_IS_DESTROYED:
  case CUDA_ERROR_HARDWARE_STACK_ERROR:
  case CUDA_ERROR_ILLEGAL_INSTRUCTION:
  case CUDA_ERROR_MISALIGNED_ADDRESS:
  case CUDA_ERROR_INVALID_ADDRESS_SPACE:
  case CUDA_ERROR_INVALID_PC:
  case CUDA_ERROR_LAUNCH_FAILED:
    return true;
  default:
    return false;
  }
}

namespace {
/// What kind of failure an error is, and what its reader can do.
struct Meaning {
  StatusCode code;
  const char *advice;
};
} // namespace

static Meaning meaningOf(CUresult result) {
  if (isLost(result))
    return {StatusCode::Unavailable,
            "; the GPU takes no more work from this process, start it again"};
  switch (result) {
  case CUDA_ERROR_OUT_OF_MEMORY:
    return {StatusCode::OutOfMemory, ""};
  case CUDA_ERROR_NO_DEVICE:
    return {StatusCode::Unavailable,
            "; the driver finds no GPU, look at nvidia-smi and "
            "CUDA_VISIBLE_DEVICES"};
  case CUDA_ERROR_STUB_LIBRARY:
    return {StatusCode::Unavailable,
            "; this is the toolkit's stub, not a driver: install a driver"};
  case CUDA_ERROR_DEVICE_UNAVAILABLE:
    return {StatusCode::Unavailable, "; another process holds the GPU alone"};
  case CUDA_ERROR_SYSTEM_NOT_READY:
  case CUDA_ERROR_SYSTEM_DRIVER_MISMATCH:
  case CUDA_ERROR_COMPAT_NOT_SUPPORTED_ON_DEVICE:
    return {StatusCode::Unavailable,
            "; the driver's parts do not fit together, reboot or install it "
            "anew"};
  case CUDA_ERROR_UNSUPPORTED_PTX_VERSION:
    return {StatusCode::Unavailable,
            "; the PTX is newer than the driver, install a newer driver"};
  case CUDA_ERROR_JIT_COMPILER_NOT_FOUND:
    return {StatusCode::Unavailable,
            "; libnvidia-ptxjitcompiler.so.1 is missing, install the driver "
            "whole"};
  case CUDA_ERROR_JIT_COMPILATION_DISABLED:
    return {StatusCode::Unavailable, "; unset CUDA_DISABLE_PTX_JIT"};
  case CUDA_ERROR_INVALID_IMAGE:
  case CUDA_ERROR_NO_BINARY_FOR_GPU:
  case CUDA_ERROR_INVALID_PTX:
  case CUDA_ERROR_NOT_FOUND:
    return {StatusCode::InvalidData, ""};
  case CUDA_ERROR_LAUNCH_OUT_OF_RESOURCES:
    return {StatusCode::Unavailable, "; the kernel needs more than the GPU has"};
  default:
    return {StatusCode::Internal, ""};
  }
}

std::string Driver::nameOf(CUresult result) const {
  const char *name = nullptr, *text = nullptr;
  if (cuGetErrorName(result, &name) != CUDA_SUCCESS || !name)
    return "CUDA error " + std::to_string(result);
  if (cuGetErrorString(result, &text) != CUDA_SUCCESS || !text)
    return name;
  return std::string(name) + " (" + text + ")";
}

Status Driver::failure(CUresult result, const std::string &doing) const {
  Meaning meaning = meaningOf(result);
  return {meaning.code,
          "cannot " + doing + ": " + nameOf(result) + meaning.advice};
}

Status Driver::check(CUresult result, const char *doing) const {
  return result == CUDA_SUCCESS ? Status() : failure(result, doing);
}
