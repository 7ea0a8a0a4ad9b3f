// How types and constants are spelled in CUDA C++ that includes no header.
//
// Floats of 32 bits are float, float2, float4; everything narrower lies in words
// as in registers: a vector of 8 halves is a uint4. An index is a long long. An
// integer is unsigned, as arith's are without a sign: only what comes from
// memory, and what is converted, is signed.
#pragma once

#include "mlir/IR/BuiltinAttributes.h"
#include "mlir/IR/BuiltinTypes.h"
#include "llvm/ADT/APFloat.h"

#include <string>

namespace mamba {

/// Of a value in a register; empty if there is no such type.
std::string cudaType(mlir::Type type);
/// Of an element in memory; empty if there is none.
std::string cudaMemoryType(mlir::Type element);

/// 32-bit words of a vector that has a C++ type: 1, 2 or 4.
int64_t vectorWords(mlir::VectorType type);

/// The word of a vector in a variable: "v.x"; the variable itself if it has one.
std::string wordOf(const std::string &variable, mlir::VectorType type, int64_t word);

std::string cudaFloat(const llvm::APFloat &value);
std::string cudaInteger(const llvm::APInt &value, mlir::Type type);

} // namespace mamba
