#include "runtime/device/cuda/Upload.h"

#include <algorithm>
#include <cstring>

using namespace mamba;
using namespace mamba::cuda;

Result<Upload> Upload::create(std::shared_ptr<const Gpu> gpu,
                              uint64_t largest) {
  Upload upload;
  for (Piece &piece : upload.pieces_) {
    MAMBA_ASSIGN_OR_RETURN(
        piece.memory, PinnedMemory::allocate(gpu, std::min(largest, kPieceBytes),
                                             "the weights' way to the GPU"));
    MAMBA_ASSIGN_OR_RETURN(piece.taken, makeEvent(gpu));
  }
  upload.gpu_ = std::move(gpu);
  return upload;
}

Status Upload::copy(const Stream &stream, CUdeviceptr to, const uint8_t *from,
                    uint64_t bytes) {
  while (bytes != 0) {
    Piece &piece = pieces_[count_ % 2];
    if (count_ >= 2)
      MAMBA_RETURN_IF_ERROR(gpu_->check(
          gpu_->driver().cuEventSynchronize(piece.taken.get()),
          "wait for a copy"));
    uint64_t part = std::min(bytes, piece.memory.size());
    std::memcpy(piece.memory.data(), from, part);
    MAMBA_RETURN_IF_ERROR(stream.copyToDevice(to, piece.memory.data(), part));
    MAMBA_RETURN_IF_ERROR(stream.record(piece.taken));
    ++count_;
    to += part;
    from += part;
    bytes -= part;
  }
  return {};
}
