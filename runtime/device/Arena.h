// The activations of a step: where they lie, how much memory is kept for them.
#pragma once

#include "runtime/device/Device.h"

#include <vector>

namespace mamba {

/// The three arenas of a step in one block of memory.
struct ArenaPlan {
  uint64_t tokens, sequences;
  uint64_t s, c, bytes; // T's arena starts at 0.

  static Result<ArenaPlan> of(const Program &program, const Batch &batch);
  /// Of an argument in T, S or C.
  uint64_t offset(const ArgRef &arg) const {
    return arg.space == ArgSpace::T   ? arg.number * tokens
           : arg.space == ArgSpace::S ? s + arg.number * sequences
                                      : c + arg.number;
  }
};

/// Where the caller's tensors of a step start on a GPU; FORMAT.md.
inline constexpr uint64_t kTensorAlignment = 256;

/// Copies of them in one block of memory.
struct TensorPlan {
  struct Place {
    uint64_t offset, bytes;
  };
  std::vector<Place> inputs, outputs; // The entry's; outputs come last.
  uint64_t inputBytes = 0, bytes = 0; // Of all inputs, of all.

  Status place(const EntrySpec &entry, const Batch &batch);
};

/// Memory grows at once, and shrinks when steps need far less of it for long.
class ArenaPolicy {
public:
  /// Whether a step that needs `needed` bytes wants other memory than the
  /// `held` ones.
  bool replaces(uint64_t held, uint64_t needed);

private:
  unsigned smallSteps_ = 0; // In a row that used little of it.
};

} // namespace mamba
