// How much a text may ask for: what it declares in a few characters is bounded
// for the module as a whole, everything else by the text's own size.
#pragma once

#include <cstddef>
#include <cstdint>

namespace mamba::ptx {

inline constexpr size_t kMaxText = size_t(32) << 20;
inline constexpr size_t kMaxBlockDepth = 64;
inline constexpr uint64_t kMaxRegisters = 1 << 20;
inline constexpr uint64_t kMaxVariableBytes = (uint64_t(1) << 32) - 1;
inline constexpr uint64_t kMaxInitBytes = uint64_t(64) << 20;
inline constexpr uint64_t kMaxAlignment = 1 << 16;
inline constexpr uint64_t kMaxParamBytes = 32764;
inline constexpr uint64_t kMaxBranchTargets = 1 << 20;
inline constexpr size_t kMaxDimensions = 8;
inline constexpr size_t kMaxVectorElements = 128;
inline constexpr uint64_t kMaxThreadsPerBlock = 1024;
inline constexpr uint64_t kMaxBlocksPerCluster = 16;

/// What a module has used so far.
struct Usage {
  uint64_t registers = 0;
  uint64_t globalBytes = 0;
  uint64_t initBytes = 0;
  uint64_t branchTargets = 0;
};

} // namespace mamba::ptx
