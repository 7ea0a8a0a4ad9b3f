// CUDA C++ for NVRTC: a second way from the same kernels to machine code.
#pragma once

#include "mlir/IR/BuiltinOps.h"
#include "llvm/ADT/StringRef.h"

#include <string>

namespace mamba {

/// Defined, it makes NVRTC take the PTX's body of each kernel in place of C++.
inline constexpr llvm::StringRef cudaPtxMacro = "MAMBA_PTX";
/// What NVRTC must be told beside the chip: only what is written as a fused
/// multiply-add is one, and subnormals are zero.
inline constexpr llvm::StringRef cudaOptions[] = {"--fmad=false", "--ftz=true", "--std=c++17"};

/// One translation unit of CUDA C++, of a module in phase kernels for its
/// `ssm.target`: each kernel under its own name and with the parameters of its
/// PTX, its body translated from the structured IR and, under MAMBA_PTX, as
/// `ptx` has it, the PTX of the same module. It includes no header. Errors are
/// diagnostics; an op that has no C++ is one.
mlir::FailureOr<std::string> emitCuda(mlir::ModuleOp module, llvm::StringRef ptx);

} // namespace mamba
