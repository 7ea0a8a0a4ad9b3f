#include "runtime/device/SelfTest.h"

#include "runtime/device/Golden.h"
#include "runtime/support/Quote.h"

#include <algorithm>
#include <cstring>
#include <map>

using namespace mamba;

static constexpr int kGuardByte = 0xa5;

Status GoldenBuffer::allocate(const GoldenArg &arg, uint64_t index) {
  // Verified with the manifest: at most 16 GiB.
  bytes_ = arg.count * dtypeBytes(arg.dtype);
  isPoison_ = arg.fill == GoldenArg::Fill::Poison;
  MAMBA_ASSIGN_OR_RETURN(
      memory_, Memory::allocate(bytes_ + 2 * kGuardBytes, "a self-test"));
  std::memset(memory_.data(), kGuardByte, kGuardBytes);
  std::memset(data() + bytes_, kGuardByte, kGuardBytes);
  fillGoldenArg(arg, index, data());
  return {};
}

uint8_t *GoldenBuffer::data() const { return memory_.data() + kGuardBytes; }

bool GoldenBuffer::guardsHold() const {
  auto holds = [](const uint8_t *guard) {
    return std::all_of(guard, guard + kGuardBytes,
                       [](uint8_t byte) { return byte == kGuardByte; });
  };
  return holds(memory_.data()) && holds(data() + bytes_);
}

static Status compareOutputs(const GoldenRun &run, const Pack &pack) {
  for (size_t i = 0; i < run.buffers.size(); ++i)
    if (!run.buffers[i].guardsHold())
      return internalError("the kernel writes outside of argument " +
                           std::to_string(i));
  std::map<std::string, std::vector<float>> blobs;
  for (const GoldenOutput &output : run.golden.outputs) {
    auto blob = blobs.find(output.blob);
    if (blob == blobs.end()) {
      MAMBA_ASSIGN_OR_RETURN(std::vector<float> values,
                             pack.golden(output.blob));
      blob = blobs.emplace(output.blob, std::move(values)).first;
    }
    std::span<const float> expected(blob->second);
    MAMBA_RETURN_IF_ERROR(
        compareGoldenOutput(run.golden, output, run.buffers[output.arg].data(),
                            expected.subspan(output.offset, output.count)));
  }
  return {};
}

static Status runCase(const Pack &pack, uint32_t kernel,
                      const GoldenCase &golden, const RunKernel &runKernel) {
  GoldenRun run = {golden, {0}, {}};
  for (int64_t length : golden.lengths)
    run.seqStart.push_back(run.seqStart.back() + length);
  run.buffers.resize(golden.args.size());
  for (size_t i = 0; i < run.buffers.size(); ++i)
    MAMBA_RETURN_IF_ERROR(run.buffers[i].allocate(golden.args[i], i));
  MAMBA_RETURN_IF_ERROR(runKernel(kernel, run));
  return compareOutputs(run, pack);
}

Status mamba::runSelfTest(const Pack &pack, const TargetSpec &target,
                          const RunKernel &runKernel,
                          const Progress &progress) {
  uint64_t total = 0, done = 0;
  for (const KernelSpec &kernel : target.kernels)
    total += kernel.golden.size();
  for (uint32_t k = 0; k < target.kernels.size(); ++k) {
    const KernelSpec &kernel = target.kernels[k];
    for (size_t c = 0; c < kernel.golden.size(); ++c) {
      Status status = runCase(pack, k, kernel.golden[c], runKernel);
      if (!status.ok())
        return status.withContext(
            "self-test of kernel " + inQuotes(kernel.symbol) + " of target " +
            inQuotes(target.name) + ", case " + std::to_string(c));
      if (progress)
        progress(++done, total);
    }
  }
  return {};
}
