// NVIDIA's compiler of CUDA C++ as a library, found when it is wanted.
#pragma once

#include "runtime/support/Status.h"

#include <cstdint>
#include <string>
#include <vector>

namespace mamba::cuda {

/// The functions of libnvrtc, or of the library that MAMBA_CUDA_NVRTC names.
class Nvrtc {
public:
  /// Unavailable, with what to do, where there is none. The same library is
  /// loaded once and stays.
  static Result<const Nvrtc *> load();

  /// "13.0"
  const std::string &version() const { return version_; }
  /// A translation unit as machine code of `arch`, "sm_90a", with at most so
  /// many registers a thread, if that is not 0. The failure has the compiler's
  /// first error.
  Result<std::vector<uint8_t>> compile(const std::string &source,
                                       const std::string &arch,
                                       unsigned mostRegisters = 0) const;
  /// What a kernel of a pack is compiled with, but for the chip.
  static constexpr const char *kOptions[] = {"--fmad=false", "--ftz=true"};

private:
  using Program = struct NvrtcProgram *;
  Status bind(void *library);
  Status failure(int result, const char *doing) const;
  std::string firstError(Program program) const;
  Result<std::vector<uint8_t>> build(Program program,
                                     const std::string &arch,
                                     unsigned mostRegisters) const;

  std::string version_;
  const char *(*getErrorString)(int) = nullptr;
  int (*getVersion)(int *, int *) = nullptr;
  int (*createProgram)(Program *, const char *source, const char *name,
                       int headers, const char *const *headerTexts,
                       const char *const *headerNames) = nullptr;
  int (*destroyProgram)(Program *) = nullptr;
  int (*compileProgram)(Program, int options, const char *const *) = nullptr;
  int (*getLogSize)(Program, size_t *) = nullptr;
  int (*getLog)(Program, char *) = nullptr;
  int (*getCubinSize)(Program, size_t *) = nullptr;
  int (*getCubin)(Program, char *) = nullptr;
};

} // namespace mamba::cuda
