#include "runtime/device/HostStepQueue.h"

#include "runtime/device/Step.h"

#include <cstring>

using namespace mamba;

Status HostStepQueue::submit(const Step &step) {
  Status ran = runNow(step);
  if (!ran.ok() && ran.code() != StatusCode::OutOfMemory)
    submitted_ = waited_ = 0;
  return ran;
}

Status HostStepQueue::runNow(const Step &step) {
  if (submitted_ - waited_ == kDepth)
    return internalError("more steps are queued than may be");
  const EntrySpec &entry = manifest_.entries[step.entry];
  MAMBA_RETURN_IF_ERROR(checkTensors(entry, step.batch, step.inputs,
                                     step.outputs, step.carried));
  MAMBA_RETURN_IF_ERROR(checkCarried(entry, step));
  std::vector<const void *> inputs(step.inputs.begin(), step.inputs.end());
  if (step.carried) {
    if (submitted_ == 0 || newest().outputs.size() != entry.outputs.size() ||
        newest().outputs[*step.carried].size() !=
            stepBytes(entry.outputs[*step.carried], step.batch))
      return internalError("there is no such step to carry an output from");
    for (const void *&input : inputs)
      if (!input)
        input = newest().outputs[*step.carried].data();
  }
  Done &done = done_[submitted_ % kDepth];
  done.to.assign(step.outputs.begin(), step.outputs.end());
  done.outputs.resize(entry.outputs.size());
  std::vector<void *> outputs;
  for (size_t i = 0; i < entry.outputs.size(); ++i) {
    done.outputs[i].resize(stepBytes(entry.outputs[i], step.batch).value_or(0));
    outputs.push_back(done.outputs[i].data());
  }
  MAMBA_RETURN_IF_ERROR(context_.run(step.entry, step.batch, step.invariant,
                                     inputs, outputs));
  ++submitted_;
  return {};
}

Status HostStepQueue::wait() {
  if (waited_ == submitted_)
    return internalError("no step is queued");
  const Done &done = done_[waited_++ % kDepth];
  for (size_t i = 0; i < done.to.size(); ++i)
    if (done.to[i] && !done.outputs[i].empty())
      std::memcpy(done.to[i], done.outputs[i].data(), done.outputs[i].size());
  return {};
}

Status HostStepQueue::fetch(uint32_t output, void *to) {
  if (submitted_ == 0 || waited_ != submitted_)
    return internalError("no step has just ended");
  const std::vector<uint8_t> &bytes = newest().outputs[output];
  if (!bytes.empty())
    std::memcpy(to, bytes.data(), bytes.size());
  return {};
}
