// The few device functions that the C++ of kernels calls: what CUDA has no word
// for without a header.
#pragma once

#include "llvm/ADT/StringRef.h"

#include <set>
#include <string>

namespace mamba {

struct CudaFunction {
  llvm::StringRef name;
  /// Its whole text; empty of what NVRTC knows by itself.
  llvm::StringRef text;
};

/// What an LLVM intrinsic without effects is written as; null if it is unknown.
const CudaFunction *cudaFunctionOf(llvm::StringRef intrinsic);

/// A function by its name in the C++: fromHalf, toHalf, ...
const CudaFunction &cudaFunction(llvm::StringRef name);

/// Those that a translation unit calls.
using CudaFunctions = std::set<const CudaFunction *>;
std::string textOf(const CudaFunctions &functions);

} // namespace mamba
