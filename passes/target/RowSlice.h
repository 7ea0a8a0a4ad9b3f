// A slice of all rows of a step, while a generator writes its scan.
#pragma once

#include "passes/target/KernelEmitter.h"

namespace mamba {

/// The rows [begin, stop), `length` of them if the slice is not the last.
struct RowSlice {
  /// The slice of that number, of `slices` that the rows are cut into.
  RowSlice(KernelEmitter &e, mlir::Value number, int64_t slices);

  mlir::Value number, begin, stop, length;
  /// The sequences that end behind `begin`, and that begin before `stop`.
  mlir::Value first, past;
  /// Whether there are rows, and sequences.
  mlir::Value isThere;
};

} // namespace mamba
