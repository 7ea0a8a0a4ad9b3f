// NVIDIA's driver, found when it is wanted: a machine without one is normal.
#pragma once

#include "runtime/device/cuda/DriverTypes.h"
#include "runtime/support/Status.h"

#include <string>

namespace mamba::cuda {

/// CUDA 11.4 is the first with all that we call.
inline constexpr int kOldestDriver = 11040;

/// The functions of libcuda.so.1, or of the library that MAMBA_CUDA_DRIVER
/// names. Whoever calls one checks what it returns.
class Driver {
public:
  /// Initialised, and not older than kOldestDriver. Unavailable, with what to
  /// do, where there is none. The same library is loaded once and stays.
  static Result<const Driver *> load();

  /// 12040 for CUDA 12.4.
  int version() const { return version_; }
  /// "12.4"
  std::string versionText() const;

  /// Of what a call answered: fine, or "cannot <doing>: CUDA_ERROR_... (...)",
  /// with what to do where the error alone tells.
  Status check(CUresult result, const char *doing) const;
  /// The same for an error that is one.
  Status failure(CUresult result, const std::string &doing) const;
  /// "CUDA_ERROR_INVALID_VALUE (invalid argument)".
  std::string nameOf(CUresult result) const;

#define X(name, ...) CUresult (*name)(__VA_ARGS__) = nullptr;
#include "runtime/device/cuda/DriverSymbols.def"

private:
  Status bind(void *library);
  Status start();

  int version_ = 0;
};

/// Whether no call succeeds any more in this process after this error.
bool isLost(CUresult result);

} // namespace mamba::cuda
