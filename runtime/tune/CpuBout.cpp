// Timing on this machine's processor.
#include "runtime/device/SelfTest.h"
#include "runtime/device/cpu/CpuTargets.h"
#include "runtime/device/cpu/ElfImage.h"
#include "runtime/device/cpu/ThreadPool.h"
#include "runtime/tune/Bout.h"

#include <algorithm>
#include <chrono>
#include <cstring>

namespace mamba::tune {

/// Copies are so many bytes together, far beyond any cache.
static constexpr uint64_t kColdBytes = 512 << 20;

namespace {

/// A candidate's code.
struct Runner {
  ElfImage image;
  MambaKernel entry = nullptr;
  const GoldenCase *size = nullptr; // of its candidate
};

class CpuBout final : public Bout {
public:
  explicit CpuBout(std::vector<Candidate> candidates) : candidates_(std::move(candidates)) {}
  Status setUp(unsigned threads);

  size_t size() const override { return runners_.size(); }
  Result<double> time(size_t candidate) override;

private:
  Status load(const Candidate &candidate);
  Status allocate();
  double run(size_t candidate, size_t count);

  std::vector<Candidate> candidates_;
  std::vector<Runner> runners_;
  std::unique_ptr<ThreadPool> pool_;
  Memory scratch_;
  std::vector<int64_t> seqStart_;
  std::vector<GoldenBuffer> buffers_;
  std::vector<Memory> copies_;
  std::vector<std::vector<void *>> sets_; // addresses of the arguments
  size_t nextSet_ = 0;
};

} // namespace

Status CpuBout::load(const Candidate &candidate) {
  // Says what is missing here, and asks for tiles.
  MAMBA_RETURN_IF_ERROR(chooseCpuTarget(*candidate.pack(), CpuHost::detect()).status());
  MAMBA_ASSIGN_OR_RETURN(std::vector<uint8_t> code,
                         candidate.pack()->code(candidate.target().code));
  Runner runner;
  MAMBA_ASSIGN_OR_RETURN(runner.image, ElfImage::load(code, candidate.target().arch));
  MAMBA_ASSIGN_OR_RETURN(runner.entry, runner.image.kernel(candidate.kernel().entry));
  runner.size = &candidate.sizeOfTiming();
  runners_.push_back(std::move(runner));
  return {};
}

Status CpuBout::setUp(unsigned threads) {
  uint64_t scratch = 0;
  for (const Candidate &candidate : candidates_) {
    MAMBA_RETURN_IF_ERROR(load(candidate));
    scratch = std::max(scratch, candidate.kernel().scratch);
  }
  MAMBA_ASSIGN_OR_RETURN(pool_, ThreadPool::create(threads, scratch));
  MAMBA_ASSIGN_OR_RETURN(scratch_, Memory::allocate(scratch, "scratch memory"));
  return allocate();
}

Status CpuBout::allocate() {
  const KernelSpec &kernel = candidates_.front().kernel();
  const GoldenCase &size = kernel.golden.back();
  seqStart_ = {0};
  for (int64_t length : size.lengths)
    seqStart_.push_back(seqStart_.back() + length);
  std::vector<void *> first;
  buffers_.resize(size.args.size());
  for (size_t i = 0; i < size.args.size(); ++i) {
    MAMBA_RETURN_IF_ERROR(buffers_[i].allocate(size.args[i], i));
    first.push_back(buffers_[i].data());
  }
  sets_.push_back(first);
  ColdArguments cold = ColdArguments::of(kernel, kColdBytes);
  while (sets_.size() < cold.copies) {
    std::vector<void *> set = first;
    for (size_t i : cold.arguments) {
      MAMBA_ASSIGN_OR_RETURN(Memory copy, Memory::allocate(buffers_[i].bytes(), "weights"));
      set[i] = std::memcpy(copy.data(), first[i], buffers_[i].bytes());
      copies_.push_back(std::move(copy));
    }
    sets_.push_back(std::move(set));
  }
  return {};
}

Result<double> CpuBout::time(size_t candidate) {
  // The first run brings the code into the caches, and says how many there may be.
  size_t count = runsOfATiming(run(candidate, 1));
  return run(candidate, count) / double(count);
}

/// Seconds of so many runs in a row, as those of a step's kernels are.
double CpuBout::run(size_t candidate, size_t count) {
  const GoldenCase &size = *runners_[candidate].size;
  MambaKernelArgs common = {};
  common.rows = size.rows;
  common.sequences = size.lengths.size();
  common.seqStart = seqStart_.data();
  common.slot = size.slots.data();
  common.position = size.positions.data();
  uint32_t tiles = uint32_t(size.grid.tiles(seqStart_.back(), size.lengths.size()));
  std::vector<MambaKernelArgs> args(count, common);
  std::vector<ThreadPool::Job> jobs;
  for (MambaKernelArgs &each : args) {
    each.buffers = sets_[nextSet_++ % sets_.size()].data();
    jobs.push_back({runners_[candidate].entry, &each, tiles});
  }
  using Clock = std::chrono::steady_clock;
  Clock::time_point begin = Clock::now();
  pool_->run(jobs, scratch_.data());
  return std::chrono::duration<double>(Clock::now() - begin).count();
}

Result<std::unique_ptr<Bout>> createCpuBout(std::vector<Candidate> candidates, unsigned threads) {
  auto bout = std::make_unique<CpuBout>(std::move(candidates));
  MAMBA_RETURN_IF_ERROR(bout->setUp(threads));
  return std::unique_ptr<Bout>(std::move(bout));
}

} // namespace mamba::tune
