// A kernel with one schedule, as a pack with one target and one kernel. Its last
// golden case is of the size at which it is timed, the first is another one.
#pragma once

#include "runtime/device/SelfTest.h"
#include "runtime/device/cpu/ElfImage.h"
#include "runtime/pack/Pack.h"

#include <memory>
#include <string>

namespace mamba::tune {

class Candidate {
public:
  /// Fails if the pack is none of a candidate, or this machine does not run it.
  static Result<Candidate> open(const std::string &path);

  const TargetSpec &target() const { return pack_->manifest().targets.front(); }
  const KernelSpec &kernel() const { return target().kernels.front(); }
  const GoldenCase &sizeOfTiming() const { return kernel().golden.back(); }
  MambaKernel entry() const { return entry_; }

  /// Compares what it computes with the float64 reference.
  Status check(unsigned threads) const;

private:
  std::shared_ptr<const Pack> pack_;
  ElfImage image_;
  MambaKernel entry_ = nullptr;
};

} // namespace mamba::tune
