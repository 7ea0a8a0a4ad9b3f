// The kernels of a target one by one: what is compiled, and kept, apart.
#pragma once

#include "runtime/support/Status.h"

#include "mlir/IR/BuiltinOps.h"
#include "mlir/IR/DialectRegistry.h"

#include <cstdint>
#include <string>
#include <vector>

namespace mamba {

/// A module with one kernel as its generator wrote it, and its target, as text.
struct KernelUnit {
  std::string symbol, text;
};

/// Of a module in phase kernels, in its order.
std::vector<KernelUnit> splitKernels(mlir::ModuleOp module);

/// An object file of a cpu target's kernel, PTX of a cuda target's. The same text
/// gives the same bytes, whatever else is compiled.
Result<std::vector<uint8_t>> compileUnit(const KernelUnit &unit,
                                         const mlir::DialectRegistry &registry);

} // namespace mamba
