// Names of a kernel's C++: each means what its value is.
#pragma once

#include "dialects/plan/PlanDialect.h"

#include "mlir/Dialect/GPU/IR/GPUDialect.h"
#include "llvm/ADT/StringMap.h"
#include "llvm/ADT/StringSet.h"

#include <string>
#include <vector>

namespace mamba {

/// Hands out names that are not taken.
class CudaNames {
public:
  /// The name itself, or with a number behind it.
  std::string unique(llvm::StringRef name);
  /// The name with the next number behind it: x0, x1, ...
  std::string next(llvm::StringRef base);

  /// Within a block of C++ numbers count on from outside, and start there again
  /// after it.
  struct Scope {
    explicit Scope(CudaNames &names) : names(names), counts(names.counts) {}
    ~Scope() { names.counts = std::move(counts); }
    CudaNames &names;
    llvm::StringMap<unsigned> counts;
  };

private:
  llvm::StringSet<> taken; // for the whole kernel
  llvm::StringMap<unsigned> counts;
};

/// The names of a kernel's parameters, by what the ops of its region call them:
/// rows, sequences, seq_start, slot, x, w, y, ... Without a plan: a0, a1, ...
std::vector<std::string> parameterNames(mlir::gpu::GPUFuncOp function, plan::KernelOp planned,
                                        CudaNames &names);

/// What a value is, by the op that makes it: "sum".
llvm::StringRef baseName(mlir::Operation *op);
/// What an index is, by what it is used as: "row", "column", "sequence".
llvm::StringRef indexName(mlir::Value index);

} // namespace mamba
