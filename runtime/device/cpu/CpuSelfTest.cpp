// Golden cases on this processor.
#include "runtime/device/Golden.h"
#include "runtime/device/cpu/CpuExecutable.h"
#include "runtime/support/CheckedMath.h"
#include "runtime/support/Quote.h"

#include <algorithm>
#include <cstring>
#include <map>

using namespace mamba;

/// Around each buffer; bytes. A kernel that writes there is wrong.
static constexpr uint64_t kGuardBytes = 256;
static constexpr int kGuardByte = 0xa5;

namespace {

/// One argument between two guards.
class GuardedBuffer {
public:
  Status allocate(const GoldenArg &arg, uint64_t index) {
    // Verified with the manifest: at most 16 GiB.
    bytes_ = arg.count * dtypeBytes(arg.dtype);
    MAMBA_ASSIGN_OR_RETURN(
        memory_, Memory::allocate(bytes_ + 2 * kGuardBytes, "a self-test"));
    std::memset(memory_.data(), kGuardByte, kGuardBytes);
    std::memset(data() + bytes_, kGuardByte, kGuardBytes);
    fillGoldenArg(arg, index, data());
    return {};
  }
  uint8_t *data() const { return memory_.data() + kGuardBytes; }
  bool guardsHold() const {
    auto holds = [](const uint8_t *guard) {
      return std::all_of(guard, guard + kGuardBytes,
                         [](uint8_t byte) { return byte == kGuardByte; });
    };
    return holds(memory_.data()) && holds(data() + bytes_);
  }

private:
  Memory memory_;
  uint64_t bytes_ = 0;
};

} // namespace

static Status compareOutputs(const GoldenCase &golden,
                             const std::vector<GuardedBuffer> &buffers,
                             const Pack &pack) {
  for (size_t i = 0; i < buffers.size(); ++i)
    if (!buffers[i].guardsHold())
      return internalError("the kernel writes outside of argument " +
                           std::to_string(i));
  std::map<std::string, std::vector<float>> blobs;
  for (const GoldenOutput &output : golden.outputs) {
    auto blob = blobs.find(output.blob);
    if (blob == blobs.end()) {
      MAMBA_ASSIGN_OR_RETURN(std::vector<float> values,
                             pack.golden(output.blob));
      blob = blobs.emplace(output.blob, std::move(values)).first;
    }
    std::span<const float> expected(blob->second);
    MAMBA_RETURN_IF_ERROR(
        compareGoldenOutput(golden, output, buffers[output.arg].data(),
                            expected.subspan(output.offset, output.count)));
  }
  return {};
}

Status CpuExecutable::runGolden(MambaKernel kernel, const GoldenCase &golden,
                                void *scratch) {
  std::vector<int64_t> seqStart = {0};
  for (int64_t length : golden.lengths)
    seqStart.push_back(seqStart.back() + length);
  std::vector<GuardedBuffer> buffers(golden.args.size());
  std::vector<void *> addresses;
  for (size_t i = 0; i < buffers.size(); ++i) {
    MAMBA_RETURN_IF_ERROR(buffers[i].allocate(golden.args[i], i));
    addresses.push_back(buffers[i].data());
  }
  MambaKernelArgs args = {};
  args.rows = golden.rows;
  args.sequences = golden.lengths.size();
  args.seqStart = seqStart.data();
  args.slot = golden.slots.data();
  args.position = golden.positions.data();
  args.buffers = addresses.data();
  uint64_t tiles = golden.grid.tiles(seqStart.back(), args.sequences);
  ThreadPool::Job job = {kernel, &args, static_cast<uint32_t>(tiles)};
  threads_->run({&job, 1}, scratch);
  return compareOutputs(golden, buffers, *pack_);
}

Status CpuExecutable::selfTest(const Progress &progress) {
  uint64_t total = 0, done = 0;
  for (const KernelSpec &kernel : target_.kernels)
    total += kernel.golden.size();
  MAMBA_ASSIGN_OR_RETURN(Memory scratch,
                         Memory::allocate(scratchBytes_, "scratch memory"));
  for (size_t k = 0; k < target_.kernels.size(); ++k) {
    const KernelSpec &kernel = target_.kernels[k];
    for (size_t c = 0; c < kernel.golden.size(); ++c) {
      Status status = runGolden(kernels_[k], kernel.golden[c], scratch.data());
      if (!status.ok())
        return status.withContext(
            "self-test of kernel " + inQuotes(kernel.symbol) + " of target " +
            inQuotes(target_.name) + ", case " + std::to_string(c));
      if (progress)
        progress(++done, total);
    }
  }
  return {};
}
