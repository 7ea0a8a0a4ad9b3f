// NVIDIA's run-time compiler for CUDA C++, where it is installed.
#pragma once

#include "mlir/Support/LLVM.h"
#include "llvm/ADT/ArrayRef.h"
#include "llvm/ADT/StringRef.h"

#include <cstdint>
#include <string>
#include <vector>

namespace mamba {

/// "NVRTC 13.0", or what was looked for in vain.
const std::string &nvrtcName();
/// Whether libnvrtc.so could be opened; that it is absent is a normal answer.
bool hasNvrtc();

struct NvrtcCode {
  std::string ptx;
  std::vector<uint8_t> cubin; // ELF64 for the chip
};

/// Compiles a translation unit of emitCuda for a chip, "sm_80": the C++ bodies, or
/// the PTX bodies. It must be there. On failure `error` is NVRTC's first
/// complaint, one line.
llvm::FailureOr<NvrtcCode> compileCuda(llvm::StringRef source, llvm::StringRef chip,
                                       bool fromPtx, std::string &error);

} // namespace mamba
