// Timing on a GPU of the driver.
#include "runtime/device/SelfTest.h"
#include "runtime/device/cuda/CudaExecutable.h"
#include "runtime/device/cuda/StepGraphs.h"
#include "runtime/device/cuda/Stopwatch.h"
#include "runtime/device/cuda/Upload.h"
#include "runtime/tune/Bout.h"

#include <algorithm>
#include <chrono>
#include <functional>
#include <optional>

namespace mamba::tune {

using namespace cuda;

/// Copies of weights are so many times its second-level cache together.
static constexpr uint64_t kCaches = 4;
/// Work before the first timing, until the clocks are what they stay at; seconds.
static constexpr double kWarmSeconds = 0.3;
/// Where arguments start; bytes.
static constexpr uint64_t kAlignment = 256;

namespace {

class CudaBout final : public Bout {
public:
  explicit CudaBout(std::vector<Candidate> candidates) : candidates_(std::move(candidates)) {}
  Status setUp(unsigned ordinal);

  size_t size() const override { return executables_.size(); }
  Result<double> time(size_t candidate) override;

private:
  Status allocate();
  Status fill(const GoldenCase &size, const ColdArguments &cold,
              const std::vector<GoldenBuffer> &buffers);
  Status launch(size_t candidate, size_t run) const;
  Result<double> once(const std::function<Status()> &queue) const;
  Status warmUp();

  std::vector<Candidate> candidates_;
  std::vector<std::unique_ptr<CudaExecutable>> executables_;
  std::shared_ptr<const Gpu> gpu_;
  DeviceMemory memory_; // the batch, then the arguments of each set
  CudaExecutable::Step step_ = {};
  std::vector<std::vector<CUdeviceptr>> sets_;
  // What uses the memory ends before it goes.
  Stopwatch watch_;
  std::optional<StepGraphs> graphs_;
  Stream stream_;
  bool isWarm_ = false;
};

} // namespace

static Result<std::unique_ptr<CudaExecutable>> load(const Candidate &candidate,
                                                    unsigned ordinal) {
  std::string warning;
  DeviceOptions options;
  options.warn = [&](const std::string &text) { warning = text; };
  MAMBA_ASSIGN_OR_RETURN(std::unique_ptr<CudaExecutable> executable,
                         CudaExecutable::load(candidate.pack(), ordinal, options));
  if (candidate.form() && executable->choice(0).text() != *candidate.form())
    return unavailable("its code is not to be had as " + *candidate.form() +
                       (warning.empty() ? "" : ": " + warning));
  return executable;
}

Status checkOnCuda(const Candidate &candidate, unsigned ordinal) {
  MAMBA_ASSIGN_OR_RETURN(std::unique_ptr<CudaExecutable> executable, load(candidate, ordinal));
  return executable->selfTest(nullptr);
}

Status CudaBout::setUp(unsigned ordinal) {
  for (const Candidate &candidate : candidates_) {
    MAMBA_ASSIGN_OR_RETURN(std::unique_ptr<CudaExecutable> executable, load(candidate, ordinal));
    executables_.push_back(std::move(executable));
  }
  gpu_ = executables_.front()->gpu();
  Current current(*gpu_);
  MAMBA_RETURN_IF_ERROR(current.status());
  graphs_.emplace(gpu_);
  MAMBA_ASSIGN_OR_RETURN(watch_, Stopwatch::create(gpu_));
  MAMBA_ASSIGN_OR_RETURN(stream_, Stream::create(gpu_));
  return allocate();
}

static uint64_t aligned(uint64_t bytes) {
  return (bytes + kAlignment - 1) / kAlignment * kAlignment;
}

Status CudaBout::allocate() {
  const KernelSpec &kernel = candidates_.front().kernel();
  const GoldenCase &size = kernel.golden.back();
  MAMBA_ASSIGN_OR_RETURN(int cache, gpu_->attribute(CU_DEVICE_ATTRIBUTE_L2_CACHE_SIZE));
  ColdArguments cold = ColdArguments::of(kernel, kCaches * uint64_t(std::max(cache, 0)));
  uint64_t total = 0;
  std::vector<GoldenBuffer> buffers(size.args.size());
  for (size_t i = 0; i < buffers.size(); ++i) {
    MAMBA_RETURN_IF_ERROR(buffers[i].allocate(size.args[i], i));
    total += aligned(buffers[i].bytes());
  }
  for (size_t i : cold.arguments)
    total += aligned(buffers[i].bytes()) * (cold.copies - 1);
  total += aligned((size.lengths.size() + 1) * sizeof(int64_t)) +
           aligned(size.slots.size() * sizeof(int32_t));
  MAMBA_ASSIGN_OR_RETURN(memory_, DeviceMemory::allocate(gpu_, total, "the timing of a kernel"));
  return fill(size, cold, buffers);
}

/// The batch and the first set, then the cold arguments of the others.
Status CudaBout::fill(const GoldenCase &size, const ColdArguments &cold,
                      const std::vector<GoldenBuffer> &buffers) {
  std::vector<int64_t> seqStart = {0};
  for (int64_t length : size.lengths)
    seqStart.push_back(seqStart.back() + length);
  MAMBA_ASSIGN_OR_RETURN(Upload upload, Upload::create(gpu_, Upload::kPieceBytes));
  CUdeviceptr at = memory_.address();
  auto place = [&](const void *from, uint64_t bytes, CUdeviceptr &address) {
    address = at;
    at += aligned(bytes);
    return upload.copy(stream_, address, static_cast<const uint8_t *>(from), bytes);
  };
  step_.rows = size.rows;
  step_.sequences = size.lengths.size();
  auto queue = [&]() -> Status {
    MAMBA_RETURN_IF_ERROR(place(seqStart.data(), seqStart.size() * sizeof(int64_t),
                                step_.seqStart));
    MAMBA_RETURN_IF_ERROR(place(size.slots.data(), size.slots.size() * sizeof(int32_t),
                                step_.slot));
    std::vector<CUdeviceptr> set(buffers.size());
    for (size_t i = 0; i < buffers.size(); ++i)
      MAMBA_RETURN_IF_ERROR(place(buffers[i].data(), buffers[i].bytes(), set[i]));
    sets_.push_back(set);
    while (sets_.size() < cold.copies) {
      for (size_t i : cold.arguments)
        MAMBA_RETURN_IF_ERROR(place(buffers[i].data(), buffers[i].bytes(), set[i]));
      sets_.push_back(set);
    }
    return {};
  };
  Status queued = queue();
  Status finished = stream_.wait(); // What is queued reads the pieces.
  return queued.ok() ? finished : queued;
}

Status CudaBout::launch(size_t candidate, size_t run) const {
  const GoldenCase &size = candidates_[candidate].sizeOfTiming();
  uint64_t tokens = 0;
  for (int64_t length : size.lengths)
    tokens += uint64_t(length);
  return executables_[candidate]->launch(stream_, 0, size.grid.tiles(tokens, size.lengths.size()),
                                         step_, sets_[run % sets_.size()]);
}

/// Seconds that what is queued takes.
Result<double> CudaBout::once(const std::function<Status()> &queue) const {
  Status queued = watch_.start(stream_);
  if (queued.ok())
    queued = queue();
  if (queued.ok())
    queued = watch_.stop(stream_);
  Status finished = stream_.wait();
  MAMBA_RETURN_IF_ERROR(queued);
  MAMBA_RETURN_IF_ERROR(finished);
  return watch_.seconds();
}

Status CudaBout::warmUp() {
  using Clock = std::chrono::steady_clock;
  Clock::time_point begin = Clock::now();
  for (size_t run = 0; std::chrono::duration<double>(Clock::now() - begin).count() < kWarmSeconds;
       ++run)
    MAMBA_RETURN_IF_ERROR(once([&] { return launch(0, run); }).status());
  isWarm_ = true;
  return {};
}

Result<double> CudaBout::time(size_t candidate) {
  Current current(*gpu_);
  MAMBA_RETURN_IF_ERROR(current.status());
  if (!isWarm_)
    MAMBA_RETURN_IF_ERROR(warmUp());
  MAMBA_ASSIGN_OR_RETURN(double first, once([&] { return launch(candidate, 0); }));
  size_t count = runsOfATiming(first);
  // As one graph: kernels take less time than their launches one by one.
  auto queue = [&]() -> Status {
    for (size_t run = 0; run < count; ++run)
      MAMBA_RETURN_IF_ERROR(launch(candidate, run));
    return {};
  };
  auto replay = [&] { return graphs_->run(stream_, {uint32_t(candidate), count}, 0, queue); };
  MAMBA_RETURN_IF_ERROR(once(replay).status()); // captures it
  MAMBA_ASSIGN_OR_RETURN(double seconds, once(replay));
  return seconds / double(count);
}

Result<std::unique_ptr<Bout>> createCudaBout(std::vector<Candidate> candidates, unsigned ordinal) {
  auto bout = std::make_unique<CudaBout>(std::move(candidates));
  MAMBA_RETURN_IF_ERROR(bout->setUp(ordinal));
  return std::unique_ptr<Bout>(std::move(bout));
}

} // namespace mamba::tune
