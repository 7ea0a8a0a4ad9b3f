#include "runtime/device/sim/Chips.h"

#include "runtime/support/Quote.h"

#include <algorithm>
#include <cctype>

namespace mamba::sim {

namespace {

constexpr double kGHz = 1e9, kGB = 1e9;
constexpr uint32_t kKB = 1024;

// Sources: multiprocessors, boost clock, lanes, matrix rate, memory bandwidth
// from NVIDIA's architecture whitepapers and data sheets; matrix rates are their
// dense TFLOPS divided by multiprocessors and clock. What a multiprocessor and a
// block hold, special function and integer rates, and shared memory's width from
// the CUDA programming guide (compute capabilities, arithmetic throughput). The
// L2 width of A100 is its whitepaper's; of the others it is assumed: 64 bytes a
// clock and slice where the slices are known, or A100's. The launch is assumed,
// in a stream and in a graph.
// None of these figures was measured by us.
constexpr Chip kChips[] = {
    // name, arch, multiprocessors, clock, fma, matrix, by mma.sync, L2, DRAM, shared, of a block,
    // warps, blocks
    {"T4", "sm_75", 40, 1.59 * kGHz, 64, 1024, 1024, 1024, 320 * kGB, 64 * kKB, 64 * kKB, 32, 16},
    {"A100", "sm_80", 108, 1.41 * kGHz, 64, 2048, 2048, 5120, 1555 * kGB, 164 * kKB, 163 * kKB, 64,
     32},
    {"A10", "sm_86", 72, 1.695 * kGHz, 128, 1024, 1024, 1536, 600 * kGB, 100 * kKB, 99 * kKB, 48,
     16},
    // Consumer chips add f16 products to f32 sums at half the rate.
    {"RTX3090", "sm_86", 82, 1.695 * kGHz, 128, 512, 512, 1536, 936 * kGB, 100 * kKB, 99 * kKB, 48,
     16},
    {"L40S", "sm_89", 142, 2.52 * kGHz, 128, 1024, 1024, 3072, 864 * kGB, 100 * kKB, 99 * kKB, 48,
     24},
    {"RTX4090", "sm_89", 128, 2.52 * kGHz, 128, 512, 512, 2304, 1008 * kGB, 100 * kKB, 99 * kKB, 48,
     24},
    // The matrix rate is wgmma's; mma.sync is said to reach 0.62 of it. The clock is the one that
    // the data sheet's 989 TFLOPS go with.
    {"H100", "sm_90a", 132, 1.83 * kGHz, 128, 4096, 2540, 5120, 3350 * kGB, 228 * kKB, 227 * kKB,
     64, 32},
    {"H200", "sm_90a", 132, 1.83 * kGHz, 128, 4096, 2540, 5120, 4800 * kGB, 228 * kKB, 227 * kKB,
     64, 32},
    // The matrix rate is tcgen05's, the clock goes with 2250 TFLOPS; mma.sync is assumed to be
    // Hopper's.
    {"B200", "sm_100", 148, 1.85 * kGHz, 128, 8192, 2540, 10240, 8000 * kGB, 228 * kKB, 227 * kKB,
     64, 32},
    {"RTX5090", "sm_120", 170, 2.407 * kGHz, 128, 512, 512, 4096, 1792 * kGB, 100 * kKB, 99 * kKB,
     48, 24}};

bool isSameWord(std::string_view a, std::string_view b) {
  return std::equal(a.begin(), a.end(), b.begin(), b.end(), [](unsigned char x, unsigned char y) {
    return std::tolower(x) == std::tolower(y);
  });
}

uint64_t divideUp(uint64_t a, uint64_t b) { return (a + b - 1) / b; }

/// Blocks that a multiprocessor holds at once.
uint32_t residentBlocks(const LaunchSize &shape, const Chip &chip) {
  uint64_t warps = divideUp(std::max(shape.threads, 1u), 32);
  uint64_t most = std::min<uint64_t>(chip.maxBlocks, chip.maxWarps / warps);
  if (shape.registers != 0) {
    // Each scheduler has its part of the registers.
    uint64_t ofWarp = divideUp(uint64_t(shape.registers) * 32, kRegisterUnit) * kRegisterUnit;
    most = std::min(most, kRegisters / kIssueSlots / ofWarp * kIssueSlots / warps);
  }
  if (shape.sharedBytes > chip.sharedBytesOfBlock)
    return 0;
  uint64_t shared = shape.sharedBytes + (chip.arch == "sm_75" ? 0 : kReservedShared);
  if (shared != 0)
    most = std::min(most, chip.sharedBytes / shared);
  return uint32_t(most);
}

} // namespace

std::span<const Chip> chips() { return kChips; }

const Chip *findChip(std::string_view name) {
  for (const Chip &chip : kChips)
    if (isSameWord(name, chip.name) || isSameWord(name, chip.arch))
      return &chip;
  // sm_90 has the machine of sm_90a.
  for (const Chip &chip : kChips)
    if (chip.arch.size() == name.size() + 1 && chip.arch.starts_with(name) &&
        chip.arch.back() >= 'a')
      return &chip;
  return nullptr;
}

Result<const Chip *> chipNamed(std::string_view name) {
  if (const Chip *chip = findChip(name))
    return chip;
  std::string known;
  for (const Chip &chip : kChips)
    known += (known.empty() ? "" : ", ") + std::string(chip.name) + " (" + std::string(chip.arch) +
             ")";
  return invalidArgument("unknown chip " + inQuotes(name) + ": give one of " + known);
}

const char *nameOf(Limit limit) {
  static constexpr const char *names[kLimits] = {"issue",  "fma", "special", "integer",
                                                 "conversion", "shared", "L2", "DRAM",
                                                 "matrix", "latency", "launch"};
  return names[unsigned(limit)];
}

Prediction predict(const Counts &counts, const LaunchSize &shape, const Chip &chip) {
  Prediction result;
  result.residentBlocks = residentBlocks(shape, chip);
  if (result.residentBlocks == 0)
    return result;
  uint64_t warps = divideUp(std::max(shape.threads, 1u), 32);
  uint64_t blocks = std::max<uint64_t>(shape.blocks, 1);
  uint64_t atOnce = uint64_t(chip.multiprocessors) * result.residentBlocks;
  result.waves = double(blocks) / double(atOnce);
  // The tail: the busiest multiprocessor has this part of the work.
  double busiest = double(divideUp(blocks, chip.multiprocessors)) / double(blocks);
  // As many warps as a multiprocessor gets, if there are fewer blocks than it holds.
  double resident = std::min<double>(result.residentBlocks,
                                     double(divideUp(blocks, chip.multiprocessors)));
  result.occupancy = resident * double(warps) / chip.maxWarps;

  double launches = double(std::max<uint64_t>(counts.launches, 1));
  auto part = [&](Limit limit) -> double & { return result.parts[unsigned(limit)]; };
  auto onMultiprocessor = [&](uint64_t work, double rate) {
    return double(work) / launches * busiest / rate / chip.clock;
  };
  part(Limit::Issue) = onMultiprocessor(counts.instructions, kIssueSlots);
  part(Limit::Fma) = onMultiprocessor(counts.fma, chip.fmaLanes / 32.0);
  part(Limit::Special) = onMultiprocessor(counts.special, kSpecialLanes / 32.0);
  part(Limit::Integer) = onMultiprocessor(counts.integer + counts.logic, kIntegerLanes / 32.0);
  part(Limit::Conversion) = onMultiprocessor(counts.conversion, kConversionLanes / 32.0);
  part(Limit::Shared) = onMultiprocessor(counts.sharedWavefronts, kSharedWavefronts);
  part(Limit::Matrix) = onMultiprocessor(counts.matrixFlops, chip.warpMatrixFlops);

  // The L2 serves all; one multiprocessor draws no more than its own width.
  uint64_t sectors = counts.globalLoadSectors + counts.globalStoreSectors;
  double bytes = 32.0 * double(sectors) / launches;
  part(Limit::L2) = std::max(bytes / chip.l2Bytes, bytes * busiest / kL2BytesOfMultiprocessor) /
                    chip.clock;
  uint64_t unique = counts.uniqueBytesRead + counts.uniqueBytesWritten;
  part(Limit::Dram) = (unique != 0 ? double(unique) / launches : bytes) / chip.dramBytes;

  // Waves follow each other; within one, warps wait at the same time.
  double rounds = double(divideUp(blocks, atOnce));
  part(Limit::Latency) = rounds * double(counts.criticalPath) / chip.clock;
  part(Limit::Launch) = kLaunchSeconds;

  auto largest = std::max_element(result.parts.begin(), result.parts.end() - 1);
  result.kernelSeconds = *largest;
  result.seconds = *largest + kLaunchSeconds;
  result.limit = *largest > kLaunchSeconds ? Limit(largest - result.parts.begin()) : Limit::Launch;
  return result;
}

} // namespace mamba::sim
