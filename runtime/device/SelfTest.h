// Golden cases on any device: inputs, guards and the comparison are here, how
// a kernel runs is the device's.
#pragma once

#include "runtime/device/Device.h"
#include "runtime/device/Memory.h"

#include <functional>
#include <vector>

namespace mamba {

/// Around each argument of a golden case; bytes. A kernel that writes there is
/// wrong.
inline constexpr uint64_t kGuardBytes = 256;

/// An argument of a golden case in the memory of the host, at a multiple of
/// 256, between two guards.
class GoldenBuffer {
public:
  Status allocate(const GoldenArg &arg, uint64_t index);
  uint8_t *data() const;
  /// With the guards, of kGuardBytes each.
  uint8_t *whole() const { return memory_.data(); }
  uint64_t wholeBytes() const { return memory_.size(); }
  uint64_t bytes() const { return bytes_; }
  /// Whether nothing was put in: only outputs are so.
  bool isPoison() const { return isPoison_; }
  bool guardsHold() const;

private:
  Memory memory_;
  uint64_t bytes_ = 0;
  bool isPoison_ = false;
};

/// A case that is ready to run.
struct GoldenRun {
  const GoldenCase &golden;
  std::vector<int64_t> seqStart;
  std::vector<GoldenBuffer> buffers; // by argument
  uint64_t tiles() const {
    return golden.grid.tiles(seqStart.back(), golden.lengths.size());
  }
};

/// Runs a kernel of the target over the buffers.
using RunKernel = std::function<Status(uint32_t kernel, const GoldenRun &run)>;

/// Every case of every kernel; what Executable::selfTest promises.
Status runSelfTest(const Pack &pack, const TargetSpec &target,
                   const RunKernel &runKernel, const Progress &progress);

} // namespace mamba
