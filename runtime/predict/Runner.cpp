#include "runtime/predict/Runner.h"

#include <algorithm>
#include <array>
#include <bit>
#include <cmath>
#include <functional>

#include <sys/mman.h>

namespace mamba::predict {
namespace {

/// Rows of the smallest run of a kernel whose blocks are tiles of rows, and
/// tokens of one whose blocks are sequences.
constexpr uint64_t kRows = 64, kTokens = 512;

using Figures = std::array<double, sizeof(sim::Counts) / sizeof(uint64_t)>;
static_assert(sizeof(sim::Counts) % sizeof(uint64_t) == 0);

Figures figuresOf(const sim::Counts &counts) {
  auto values =
      std::bit_cast<std::array<uint64_t, sizeof(sim::Counts) / sizeof(uint64_t)>>(counts);
  Figures figures;
  std::copy(values.begin(), values.end(), figures.begin());
  return figures;
}
sim::Counts countsOf(const Figures &figures) {
  std::array<uint64_t, sizeof(sim::Counts) / sizeof(uint64_t)> values;
  for (size_t i = 0; i < values.size(); ++i)
    values[i] = uint64_t(std::llround(std::max(figures[i], 0.0)));
  return std::bit_cast<sim::Counts>(values);
}

/// Zeros, for all arguments of a launch: pages that are only read cost nothing.
class Zeros {
public:
  explicit Zeros(uint64_t bytes) : bytes_(std::max<uint64_t>(bytes, 1)) {
    data_ = mmap(nullptr, bytes_, PROT_READ | PROT_WRITE,
                 MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
  }
  ~Zeros() {
    if (ok())
      munmap(data_, bytes_);
  }
  Zeros(const Zeros &) = delete;
  bool ok() const { return data_ != MAP_FAILED; }
  uint8_t *data() const { return static_cast<uint8_t *>(data_); }

private:
  uint64_t bytes_;
  void *data_;
};

uint64_t alignUp(uint64_t value) { return (value + 255) / 256 * 256; }

/// One launch in memory of its own.
Result<sim::Counts> simulate(const Code &code, const Launch &launch,
                             const Kernel &kernel, uint64_t blocks, const Step &step,
                             unsigned threads) {
  uint64_t total = 0;
  for (const Argument &argument : launch.arguments)
    total += alignUp(argument.memory(step));
  Zeros zeros(total);
  if (!zeros.ok())
    return outOfMemory("no memory for the arguments of " + kernel.name);
  std::vector<int64_t> starts;
  std::vector<int32_t> slots;
  for (uint64_t i = 0; i <= step.sequences; ++i)
    starts.push_back(int64_t(i * step.length));
  for (uint64_t i = 0; i < step.sequences; ++i)
    slots.push_back(int32_t(i));

  sim::GlobalMemory memory;
  std::vector<uint64_t> params = {launch.dispatch.rows.of(step.tokens(), step.sequences),
                                  step.sequences};
  MAMBA_ASSIGN_OR_RETURN(uint64_t startsAt, memory.mapReadOnly(starts.data(), starts.size() * 8,
                                                               "seqStart"));
  MAMBA_ASSIGN_OR_RETURN(uint64_t slotsAt,
                         memory.mapReadOnly(slots.data(), slots.size() * 4, "slot"));
  params.push_back(startsAt);
  params.push_back(slotsAt);
  uint8_t *next = zeros.data();
  for (const Argument &argument : launch.arguments) {
    uint64_t bytes = argument.memory(step);
    if (argument.indexBelow) // Rows far from each other.
      for (uint64_t i = 0; i < bytes / 4; ++i)
        reinterpret_cast<int32_t *>(next)[i] = int32_t(i * 97 % argument.indexBelow);
    MAMBA_ASSIGN_OR_RETURN(uint64_t at,
                           argument.written
                               ? memory.map(next, bytes, "an argument", /*isWritten=*/true)
                               : memory.mapReadOnly(next, bytes, "an argument"));
    params.push_back(at);
    next += alignUp(bytes);
  }

  sim::Launch grid;
  grid.kernel = kernel.index;
  grid.grid[0] = uint32_t(blocks);
  grid.block[0] = kernel.threads;
  grid.params = {reinterpret_cast<const uint8_t *>(params.data()), params.size() * 8};
  sim::Checks checks;
  checks.races = false; // The others count distinct bytes.
  sim::Counts counts;
  MAMBA_RETURN_IF_ERROR(sim::run(*code.module, grid, memory, checks, threads, &counts));
  return counts;
}

/// a + (b - a) * by, each figure by itself.
Figures combine(const Figures &a, const Figures &b, double by) {
  Figures result;
  for (size_t i = 0; i < a.size(); ++i)
    result[i] = a[i] + (b[i] - a[i]) * by;
  return result;
}

} // namespace

Runner::Scale Runner::scaleOf(const Launch &launch,
                                            const Dispatch::Choice &choice) const {
  if (launch.dispatch.rows.kind != RowKind::T)
    return {};
  Scale scale;
  scale.hasSequences = launch.readsSequences;
  scale.growsPath = choice.grid.of.kind != RowKind::T;
  uint64_t block = choice.grid.of.kind == RowKind::T ? choice.grid.block : 1;
  scale.rows = scale.hasSequences ? kTokens : kRows;
  scale.rows = (scale.rows + block - 1) / block * block;
  return scale;
}

Result<Counted> Runner::direct(const Code &code, const Launch &launch,
                                      const Dispatch::Choice &choice, const Step &step) {
  Counted result;
  result.kernel = &code.kernels[choice.kernel];
  result.blocks = choice.grid.tiles(step.tokens(), step.sequences);
  std::string key = result.kernel->text + "\n" + std::to_string(result.blocks) + " " +
                    std::to_string(step.sequences) + " " + std::to_string(step.length);
  for (const Argument &argument : launch.arguments)
    key += " " + std::to_string(argument.memory(step));
  auto found = seen.find(key);
  if (found != seen.end()) {
    result.counts = found->second;
    return result;
  }
  auto counts = simulate(code, launch, *result.kernel, result.blocks, step, threads);
  if (!counts.ok())
    return counts.status().withContext(result.kernel->name);
  result.counts = seen[key] = *counts;
  return result;
}

Result<Counted> Runner::scaled(const Code &code, const Launch &launch,
                                      const Dispatch::Choice &choice, const Step &step) {
  Scale scale = scaleOf(launch, choice);
  // Work is c0 + c1 * sequences + c2 * tokens, of whole tiles of rows.
  MAMBA_ASSIGN_OR_RETURN(Counted once, direct(code, launch, choice, {1, scale.rows}));
  MAMBA_ASSIGN_OR_RETURN(Counted twice, direct(code, launch, choice, {1, 2 * scale.rows}));
  Figures one = figuresOf(once.counts), two = figuresOf(twice.counts);
  double rows = double(scale.rows);
  double tokens = std::ceil(double(step.tokens()) / rows) * rows;
  Figures work = combine(one, two, (tokens - rows) / rows);
  if (scale.hasSequences && step.sequences > 1) {
    MAMBA_ASSIGN_OR_RETURN(Counted pair, direct(code, launch, choice, {2, scale.rows}));
    // The same tokens in two sequences and in one.
    Figures more = figuresOf(pair.counts);
    for (size_t i = 0; i < work.size(); ++i)
      work[i] += (more[i] - two[i]) * double(step.sequences - 1);
  }
  Counted result = once;
  result.counts = countsOf(work);
  result.counts.launches = 1;
  result.blocks = choice.grid.tiles(step.tokens(), step.sequences);
  double length = scale.hasSequences ? double(step.length) : tokens;
  double path = double(twice.counts.criticalPath);
  if (scale.growsPath)
    path += (path - double(once.counts.criticalPath)) * (length - 2 * rows) / rows;
  result.counts.criticalPath = uint64_t(std::llround(path));
  return result;
}

Result<Counted> Runner::count(const Code &code, const Launch &launch,
                                     const Step &step) {
  Dispatch::Choice choice = launch.dispatch.choose(step.sequences);
  // What has a row a sequence does not hang on their lengths.
  if (launch.dispatch.rows.kind == RowKind::S)
    return direct(code, launch, choice, {step.sequences, std::min<uint64_t>(step.length, 16)});
  Scale scale = scaleOf(launch, choice);
  if (scale.rows == 0 || step.tokens() <= 2 * scale.rows)
    return direct(code, launch, choice, step);
  return scaled(code, launch, choice, step);
}

Result<double> Runner::error(const Code &code, const Launch &launch) {
  Dispatch::Choice choice = launch.dispatch.choose(1);
  Scale scale = scaleOf(launch, choice);
  if (scale.rows == 0)
    return 0;
  Step step = scale.hasSequences ? Step{2, 2 * scale.rows} : Step{1, 4 * scale.rows};
  MAMBA_ASSIGN_OR_RETURN(Counted want, direct(code, launch, choice, step));
  MAMBA_ASSIGN_OR_RETURN(Counted got, scaled(code, launch, choice, step));
  double largest = 0;
  for (uint64_t sim::Counts::*figure :
       {&sim::Counts::instructions, &sim::Counts::fma, &sim::Counts::special,
        &sim::Counts::integer, &sim::Counts::conversion, &sim::Counts::matrixFlops,
        &sim::Counts::sharedWavefronts, &sim::Counts::globalLoadSectors,
        &sim::Counts::globalStoreSectors, &sim::Counts::uniqueBytesRead,
        &sim::Counts::uniqueBytesWritten, &sim::Counts::criticalPath}) {
    double a = double(want.counts.*figure), b = double(got.counts.*figure);
    if (a != b)
      largest = std::max(largest, std::abs(a - b) / std::max(a, 1.0));
  }
  return largest;
}

} // namespace mamba::predict
