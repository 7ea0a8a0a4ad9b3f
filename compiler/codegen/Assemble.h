// From PTX to a chip's machine code, where an assembler is at hand.
#pragma once

#include "mlir/Support/LLVM.h"
#include "llvm/ADT/StringRef.h"

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

namespace mamba {

struct Assembly {
  /// ELF64 for the chip; empty if no assembler was found.
  std::vector<uint8_t> cubin;
  /// Who made it: "nvJitLink 13.0", "ptxas"; or what was looked for in vain.
  std::string assembler;
};

/// "nvJitLink 13.0" where it is what assemblePtx takes; else empty: the version of
/// ptxas is not known.
std::string assemblerVersion();

/// Assembles PTX for a chip, "sm_80": by nvJitLink (libnvJitLink.so, opened at
/// run time), else by ptxas ($PATH, $CUDA_HOME/bin, /usr/local/cuda/bin). That
/// there is neither is no error; that one refuses the PTX is, with its words.
llvm::FailureOr<Assembly> assemblePtx(llvm::StringRef ptx, llvm::StringRef chip,
                                      std::string &error);

} // namespace mamba
