// Where buffers with known lifetimes lie in one arena.
#pragma once

#include "llvm/ADT/ArrayRef.h"
#include "llvm/ADT/SmallVector.h"

#include <cstdint>

namespace mamba {

/// A buffer that is alive from dispatch `first` to dispatch `last`, both
/// included.
struct Lifetime {
  int64_t bytes;
  int64_t first, last;
};

struct MemoryPlan {
  llvm::SmallVector<int64_t> offsets; // of each buffer, multiples of 64
  int64_t bytes = 0;                  // of the arena, a multiple of 64
};

/// Buffers that are alive together do not overlap. Largest first, each in the
/// smallest gap that takes it: the same input gives the same plan.
MemoryPlan planMemory(llvm::ArrayRef<Lifetime> buffers);

} // namespace mamba
