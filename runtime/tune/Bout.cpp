#include "runtime/tune/Bout.h"

#include <algorithm>
#include <chrono>
#include <cstring>

namespace mamba::tune {

/// Copies of weights and states are so many bytes together, far beyond any cache,
/// and are so many at most.
static constexpr uint64_t kColdBytes = 512 << 20, kMostCopies = 400;
/// A timing takes about so long, in seconds, unless one run does, and has so many
/// runs at most.
static constexpr double kTimingSeconds = 2e-3;
static constexpr size_t kMostRuns = 256;

Result<std::unique_ptr<Bout>> Bout::create(const std::vector<std::string> &packs,
                                           unsigned threads) {
  std::unique_ptr<Bout> bout(new Bout);
  uint64_t scratch = 0;
  for (const std::string &path : packs) {
    MAMBA_ASSIGN_OR_RETURN(Candidate candidate, Candidate::open(path));
    scratch = std::max(scratch, candidate.kernel().scratch);
    bout->candidates_.push_back(std::move(candidate));
  }
  if (packs.empty())
    return invalidArgument("there is no candidate to time");
  MAMBA_ASSIGN_OR_RETURN(bout->pool_, ThreadPool::create(threads, scratch));
  MAMBA_ASSIGN_OR_RETURN(bout->scratch_, Memory::allocate(scratch, "scratch memory"));
  MAMBA_RETURN_IF_ERROR(bout->allocate());
  return bout;
}

Status Bout::allocate() {
  const KernelSpec &kernel = candidates_.front().kernel();
  const GoldenCase &other = kernel.golden.front(), &size = kernel.golden.back();
  seqStart_ = {0};
  for (int64_t length : size.lengths)
    seqStart_.push_back(seqStart_.back() + length);
  std::vector<void *> first;
  std::vector<size_t> cold;
  uint64_t coldBytes = 0;
  buffers_.resize(size.args.size());
  for (size_t i = 0; i < size.args.size(); ++i) {
    MAMBA_RETURN_IF_ERROR(buffers_[i].allocate(size.args[i], i));
    first.push_back(buffers_[i].data());
    // What does not grow with the batch is a weight or a pool of states.
    if (size.args[i].count == other.args[i].count && !buffers_[i].isPoison()) {
      cold.push_back(i);
      coldBytes += buffers_[i].bytes();
    }
  }
  sets_.push_back(first);
  uint64_t copies = coldBytes ? std::clamp<uint64_t>(kColdBytes / coldBytes, 1, kMostCopies) : 1;
  while (sets_.size() < copies) {
    std::vector<void *> set = first;
    for (size_t i : cold) {
      MAMBA_ASSIGN_OR_RETURN(Memory copy, Memory::allocate(buffers_[i].bytes(), "weights"));
      set[i] = std::memcpy(copy.data(), first[i], buffers_[i].bytes());
      copies_.push_back(std::move(copy));
    }
    sets_.push_back(std::move(set));
  }
  return {};
}

double Bout::time(size_t candidate) {
  // The first run brings the code into the caches, and says how many there may be.
  double first = run(candidate, 1);
  auto count = size_t(std::clamp(kTimingSeconds / first, 1.0, double(kMostRuns)));
  return run(candidate, count) / double(count);
}

/// Seconds of so many runs in a row, as those of a step's kernels are.
double Bout::run(size_t candidate, size_t count) {
  const Candidate &runner = candidates_[candidate];
  const GoldenCase &size = runner.sizeOfTiming();
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
    jobs.push_back({runner.entry(), &each, tiles});
  }
  using Clock = std::chrono::steady_clock;
  Clock::time_point begin = Clock::now();
  pool_->run(jobs, scratch_.data());
  return std::chrono::duration<double>(Clock::now() - begin).count();
}

} // namespace mamba::tune
