#include "runtime/device/sim/Profile.h"

#include "runtime/support/Format.h"
#include "runtime/support/JsonWriter.h"

#include <algorithm>
#include <cstdio>

namespace mamba::sim {

namespace {

/// "812", "3.4k", "17M".
std::string shortened(uint64_t value) {
  double x = double(value);
  for (const char *unit : {"", "k", "M", "G", "T"}) {
    if (x < 999.5)
      return format(*unit && x < 9.95 ? "%.1f%s" : "%.0f%s", x, unit);
    x /= 1000;
  }
  return format("%.0fP", x);
}

/// How many times what is needed was done; "-" if nothing was needed.
std::string ratio(uint64_t done, uint64_t needed) {
  return needed == 0 ? "-" : format("%.2f", double(done) / double(needed));
}

uint64_t sectors(const Counts &c) { return c.globalLoadSectors + c.globalStoreSectors; }

/// "fma 40 -> 44, load local 0 -> 6": where the machine code has other numbers.
std::string differences(const InstructionMix &ptx, const InstructionMix &machine) {
  std::string text;
  for (unsigned i = 0; i < kMixClasses; ++i)
    if (ptx.counts[i] != machine.counts[i])
      text += format("%s%s %u -> %u", text.empty() ? "" : ", ", nameOf(MixClass(i)), ptx.counts[i],
                     machine.counts[i]);
  return text;
}

} // namespace

Counts Profile::counts(size_t kernel) const {
  Counts all;
  for (const auto &[blocks, counts] : launches_[kernel])
    all.add(counts);
  return all;
}

std::vector<Profile::Row> Profile::rows(const Chip &chip) const {
  std::vector<Row> rows;
  for (size_t i = 0; i < kernels_.size(); ++i) {
    if (launches_[i].empty())
      continue;
    Row row{i, counts(i), {}, 0, true};
    double longest = -1;
    for (const auto &[blocks, counts] : launches_[i]) {
      const Kernel &kernel = kernels_[i];
      Prediction prediction = predict(
          counts, {blocks, kernel.threads, kernel.registers, kernel.sharedBytes}, chip);
      row.fits &= prediction.residentBlocks != 0;
      double seconds = prediction.seconds * double(counts.launches);
      row.seconds += seconds;
      if (seconds > longest) {
        longest = seconds;
        row.prediction = prediction;
      }
    }
    rows.push_back(row);
  }
  std::sort(rows.begin(), rows.end(), [](const Row &a, const Row &b) {
    return a.seconds != b.seconds ? a.seconds > b.seconds : a.kernel < b.kernel;
  });
  return rows;
}

std::string Profile::table(const Chip &chip) const {
  std::vector<Row> all = rows(chip);
  double total = 0;
  size_t width = 6;
  for (const Row &row : all) {
    total += row.seconds;
    width = std::max(width, kernels_[row.kernel].name.size());
  }
  width = std::min<size_t>(width, 60);
  std::string text = format("predicted for %s (%s); a model, not a measurement\n",
                            std::string(chip.name).c_str(), std::string(chip.arch).c_str());
  text += format("%-*s %8s %10s %6s %-10s %7s %7s %7s %7s %6s %7s %7s %5s %7s %5s\n", int(width),
                 "kernel", "launches", "time us", "share", "limit", "special", "fma", "sectors",
                 "traffic", "banks", "barrier", "path", "regs", "shared", "warps");
  for (const Row &row : all) {
    const Kernel &kernel = kernels_[row.kernel];
    const Counts &c = row.counts;
    std::string limit = row.fits ? nameOf(row.prediction.limit) : "too large";
    text += format("%-*.60s %8s %10.1f %5.1f%% %-10s", int(width), kernel.name.c_str(),
                   shortened(c.launches).c_str(), row.seconds * 1e6,
                   total > 0 ? 100 * row.seconds / total : 0, limit.c_str());
    text += format(" %7s %7s %7s %7s %6s %7s %7s %5s %7u %4.0f%%\n", shortened(c.special).c_str(),
                   shortened(c.fma).c_str(),
                   shortened(sectors(c)).c_str(),
                   ratio(sectors(c), c.globalNeededSectors).c_str(),
                   ratio(c.sharedWavefronts, c.sharedNeeded).c_str(),
                   shortened(c.barriers).c_str(), shortened(c.criticalPath).c_str(),
                   kernel.registers ? std::to_string(kernel.registers).c_str() : "?",
                   kernel.sharedBytes, 100 * row.prediction.occupancy);
  }
  text += format("%-*s %8s %10.1f\n", int(width), "all", "", total * 1e6);
  bool isFirst = true;
  for (const Row &row : all) {
    const Kernel &kernel = kernels_[row.kernel];
    if (!kernel.ptx || !kernel.machine)
      continue;
    std::string line = differences(*kernel.ptx, *kernel.machine);
    if (line.empty())
      continue;
    if (isFirst)
      text += "instructions in the PTX -> in the machine code:\n";
    isFirst = false;
    text += "  " + kernel.name + ": " + line + "\n";
  }
  return text;
}

static void write(JsonWriter &to, const InstructionMix &mix) {
  to.begin('{');
  for (unsigned i = 0; i < kMixClasses; ++i)
    writeMembers(to, nameOf(MixClass(i)), mix.counts[i]);
  to.end();
}

static void write(JsonWriter &to, const Counts &c) {
  writeObject(to, "launches", c.launches, "blocks", c.blocks, "warps", c.warps,
              "instructions", c.instructions, "fma", c.fma, "special", c.special,
              "integer", c.integer, "logic", c.logic, "conversion", c.conversion, "move", c.move,
              "control", c.control, "matrix", c.matrix, "loads", c.loads, "stores", c.stores,
              "atomics", c.atomics, "shuffles", c.shuffles, "barriers", c.barriers,
              "async_copies", c.asyncCopies, "lane_instructions", c.laneInstructions,
              "lane_special", c.laneSpecial, "lane_fma", c.laneFma, "matrix_flops", c.matrixFlops,
              "global_load_bytes", c.globalLoadBytes, "global_store_bytes", c.globalStoreBytes,
              "global_load_sectors", c.globalLoadSectors,
              "global_store_sectors", c.globalStoreSectors,
              "global_needed_sectors", c.globalNeededSectors,
              "unique_bytes_read", c.uniqueBytesRead, "unique_bytes_written", c.uniqueBytesWritten,
              "shared_bytes", c.sharedBytes, "shared_accesses", c.sharedAccesses,
              "shared_wavefronts", c.sharedWavefronts, "shared_needed", c.sharedNeeded,
              "local_bytes", c.localBytes, "critical_path", c.criticalPath);
}

std::string Profile::json(const Chip &chip) const {
  std::vector<Row> all = rows(chip);
  double total = 0;
  for (const Row &row : all)
    total += row.seconds;
  constexpr int kIndent = 2;
  JsonWriter to(kIndent);
  to.begin('{');
  writeMembers(to, "chip", chip.name, "arch", chip.arch, "seconds", total);
  to.key("kernels");
  to.begin('[');
  for (const Row &row : all) {
    const Kernel &kernel = kernels_[row.kernel];
    to.next();
    to.begin('{');
    writeMembers(to, "name", kernel.name, "seconds", row.seconds, "fits", row.fits, "limit",
                 nameOf(row.prediction.limit));
    to.key("parts");
    to.begin('{');
    for (unsigned i = 0; i < kLimits; ++i)
      writeMembers(to, nameOf(Limit(i)), row.prediction.parts[i]);
    to.end();
    writeMembers(to, "occupancy", row.prediction.occupancy, "waves", row.prediction.waves,
                 "threads", kernel.threads, "registers", kernel.registers, "shared",
                 kernel.sharedBytes, "counts", row.counts);
    if (kernel.ptx)
      writeMembers(to, "ptx", *kernel.ptx);
    if (kernel.machine)
      writeMembers(to, "machine", *kernel.machine);
    to.end();
  }
  to.end();
  to.end();
  return to.take();
}

} // namespace mamba::sim
