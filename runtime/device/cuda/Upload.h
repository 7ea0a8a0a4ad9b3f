// Weights on their way to the GPU.
#pragma once

#include "runtime/device/cuda/Gpu.h"

namespace mamba::cuda {

/// Copies pageable memory through two pinned pieces: while the GPU takes one,
/// the other is filled.
class Upload {
public:
  static constexpr uint64_t kPieceBytes = uint64_t(8) << 20;

  static Result<Upload> create(std::shared_ptr<const Gpu> gpu,
                               uint64_t largest);

  /// Queues the copy; `from` has been read when it returns.
  Status copy(const Stream &stream, CUdeviceptr to, const uint8_t *from,
              uint64_t bytes);

private:
  struct Piece {
    PinnedMemory memory;
    Event taken; // The GPU has read it.
  };

  std::shared_ptr<const Gpu> gpu_;
  Piece pieces_[2];
  uint64_t count_ = 0; // Pieces filled so far.
};

} // namespace mamba::cuda
