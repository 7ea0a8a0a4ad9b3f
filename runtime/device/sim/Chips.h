// What GPUs can do in a second, and from it how long a counted launch would take
// on one. A model to tell which limit binds and which of two kernels is faster,
// not to tell the time: README.md has the formula.
#pragma once

#include "runtime/device/sim/Counts.h"
#include "runtime/support/Status.h"

#include <array>
#include <cstdint>
#include <span>
#include <string_view>

namespace mamba::sim {

struct Chip {
  std::string_view name, arch; // "A100", "sm_80"
  uint32_t multiprocessors;
  double clock; // Hz, boost
  // A multiprocessor and clock.
  uint32_t fmaLanes;    // f32
  uint32_t matrixFlops; // f16, bf16 with f32 sums, dense
  uint32_t warpMatrixFlops; // the same by mma.sync, where it does not reach them
  // The whole chip.
  uint32_t l2Bytes;     // a clock
  double dramBytes;     // a second
  // A multiprocessor, a block.
  uint32_t sharedBytes, sharedBytesOfBlock;
  uint32_t maxWarps, maxBlocks;
};

// The same on all of them.
inline constexpr uint32_t kIssueSlots = 4;         // warp-instructions a clock
inline constexpr uint32_t kSpecialLanes = 16;
inline constexpr uint32_t kIntegerLanes = 64;
inline constexpr uint32_t kConversionLanes = 16;
inline constexpr uint32_t kSharedWavefronts = 1;   // of 128 bytes, a clock
inline constexpr uint32_t kL2BytesOfMultiprocessor = 64; // a clock
inline constexpr uint32_t kRegisters = 65536;
inline constexpr uint32_t kRegisterUnit = 256;     // of a warp, rounded up to
inline constexpr uint32_t kReservedShared = 1024;  // of each block, since sm_80
inline constexpr double kLaunchSeconds = 2e-6;
inline constexpr double kGraphLaunchSeconds = 1.3e-6; // of a kernel in a graph

/// Every chip that we know.
std::span<const Chip> chips();
/// By name ("A100", in any case) or architecture ("sm_80": the first one); null
/// if unknown.
const Chip *findChip(std::string_view name);
/// The same; the failure names the chips that there are.
Result<const Chip *> chipNamed(std::string_view name);

/// A launch as far as Counts does not say it.
struct LaunchSize {
  uint64_t blocks = 1;
  uint32_t threads = 1;      // of a block
  uint32_t registers = 0;    // of a thread; 0: not known
  uint32_t sharedBytes = 0;  // of a block
};

enum class Limit : uint8_t {
  Issue, Fma, Special, Integer, Conversion, Shared, L2, Dram, Matrix, Latency, Launch
};
inline constexpr unsigned kLimits = unsigned(Limit::Launch) + 1;
/// "issue", "fma" and so on.
const char *nameOf(Limit limit);

struct Prediction {
  double seconds = 0;   // a launch
  double kernelSeconds = 0; // without what the launch costs
  Limit limit = Limit::Launch;
  std::array<double, kLimits> parts{}; // seconds that each limit alone would need
  uint32_t residentBlocks = 0; // of a multiprocessor; 0: the block does not fit, all else is 0
  double occupancy = 0;        // resident warps of the most that there can be
  double waves = 0;            // blocks by what the chip holds at once
};

/// Of the average launch of `counts`, whose launches all have this shape.
Prediction predict(const Counts &counts, const LaunchSize &shape, const Chip &chip);

} // namespace mamba::sim
