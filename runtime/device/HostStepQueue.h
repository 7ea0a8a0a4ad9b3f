// A queue for any device: each step runs when it is submitted.
#pragma once

#include "runtime/device/Device.h"

#include <array>
#include <vector>

namespace mamba {

class HostStepQueue final : public StepQueue {
public:
  /// Both outlive the queue.
  HostStepQueue(Context &context, const Manifest &manifest)
      : context_(context), manifest_(manifest) {}

  Status submit(const Step &step) override;
  Status wait() override;
  Status fetch(uint32_t output, void *to) override;

private:
  Status runNow(const Step &step);
  /// What a step gave, and where it goes.
  struct Done {
    std::vector<std::vector<uint8_t>> outputs;
    std::vector<void *> to;
  };
  Done &newest() { return done_[(submitted_ + kDepth - 1) % kDepth]; }

  Context &context_;
  const Manifest &manifest_;
  std::array<Done, kDepth> done_; // by number of the step
  uint64_t submitted_ = 0, waited_ = 0;
};

} // namespace mamba
