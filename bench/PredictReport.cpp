#include "bench/PredictReport.h"

#include <nlohmann/json.hpp>

#include <algorithm>
#include <cstdio>

namespace mamba::bench {
namespace {

using sim::Chip;

double matrixSeconds(double flops, const Chip &chip) {
  return flops / (double(chip.matrixFlops) * chip.multiprocessors * chip.clock);
}
double specialSeconds(double lanes, const Chip &chip) {
  return lanes / (double(sim::kSpecialLanes) * chip.multiprocessors * chip.clock);
}

bool isDecode(const Step &step) { return step.length == 1; }

LeastWork workOf(const PredictLaunch &launch, const Step &step) {
  double rows = double(launch.dispatch.rows.of(step.tokens(), step.sequences));
  return {double(launch.minimum(step)), launch.matrixFlops * rows, launch.specialLanes * rows};
}

/// Of a decode step the formula's bytes, of a prefill what its kernels compute.
LeastWork workOf(const PredictModel &model, const PredictProgram &program, const Step &step) {
  if (isDecode(step))
    return {decodeBytes(model.widths, model.precisions.weights, step.sequences), 0, 0};
  LeastWork sum;
  for (const PredictLaunch &launch : program.launches) {
    LeastWork one = workOf(launch, step);
    sum.matrixFlops += launch.times * one.matrixFlops;
    sum.specialFunctions += launch.times * one.specialFunctions;
  }
  return sum;
}

/// The limit of a kernel by itself, and the share that is accepted.
Share shareOf(const PredictModel &model, const PredictLaunch &launch, const LeastWork &least,
              const Step &step, const Chip &chip) {
  bool isPrefill = !isDecode(step) && launch.dispatch.rows.kind == RowKind::T;
  if (isPrefill && launch.family == Family::Projection) {
    Share share{"matrix peak", matrixSeconds(least.matrixFlops, chip), {}};
    if (step.tokens() >= 2048 && (launch.role == "in_proj" || launch.role == "out_proj"))
      share.accept = chip.warpMatrixFlops < chip.matrixFlops ? 0.60 : 0.85;
    return share;
  }
  if (isPrefill && launch.family == Family::Scan) {
    Share share{"special functions", specialSeconds(least.specialFunctions, chip), {}};
    if (double(step.sequences) * double(model.widths.inner) >= 32768)
      share.accept = 0.70;
    else if (step.sequences == 1 && step.length >= 16384)
      share.accept = 0.45;
    return share;
  }
  Share share{"DRAM", least.bytes / chip.dramBytes, {}};
  if (isPrefill && launch.family == Family::Convolution)
    share.accept = 0.88;
  if (isDecode(step) && launch.family == Family::Scan && step.sequences >= 64)
    share.accept = 0.85;
  return share;
}

Share shareOf(const PredictModel &model, const LeastWork &least, const Step &step,
              const Chip &chip) {
  const std::string &name = model.widths.name;
  if (isDecode(step)) {
    Share share{"DRAM", least.bytes / chip.dramBytes, {}};
    for (auto [of, accept] : {std::pair("130m", 0.25), {"370m", 0.33}, {"1.4b", 0.60},
                              {"2.8b", 0.70}})
      if (name == of && step.sequences == 1 && model.precisions.weights == "bf16")
        share.accept = accept;
    return share;
  }
  Share share{"matrix + special",
              matrixSeconds(least.matrixFlops, chip) + specialSeconds(least.specialFunctions, chip),
              {}};
  if (name == "1.4b" && step.sequences == 1 && step.length >= 16384)
    share.accept = 0.40;
  return share;
}

std::string verdict(double share, const Share &of) {
  if (!of.accept)
    return "-";
  return format("%.0f%% %s", 100 * *of.accept, share >= *of.accept ? "reached" : "MISSED");
}

/// The limit behind the one that binds, as a part of it.
std::string next(const sim::Prediction &prediction) {
  unsigned second = sim::kLimits;
  double most = *std::max_element(prediction.parts.begin(), prediction.parts.end() - 1);
  for (unsigned i = 0; i + 1 < sim::kLimits; ++i)
    if (prediction.parts[i] < most &&
        (second == sim::kLimits || prediction.parts[i] > prediction.parts[second]))
      second = i;
  if (second == sim::kLimits || most == 0)
    return "-";
  return format("%s %.0f%%", nameOf(sim::Limit(second)), 100 * prediction.parts[second] / most);
}

double ratio(double done, double needed) { return needed == 0 ? 0 : done / needed; }

} // namespace

sim::Limit KernelRow::limit() const {
  const auto &parts = prediction.parts;
  return sim::Limit(std::max_element(parts.begin(), parts.end() - 1) - parts.begin());
}
double KernelRow::bytes() const {
  const sim::Counts &c = counted.counts;
  return ratio(double(c.uniqueBytesRead + c.uniqueBytesWritten), least.bytes);
}
double KernelRow::traffic() const {
  const sim::Counts &c = counted.counts;
  return ratio(32.0 * double(c.globalLoadSectors + c.globalStoreSectors), least.bytes);
}
double KernelRow::banks() const {
  const sim::Counts &c = counted.counts;
  return ratio(double(c.sharedWavefronts), double(c.sharedNeeded));
}
double KernelRow::coalesced() const {
  const sim::Counts &c = counted.counts;
  return ratio(double(c.globalLoadSectors + c.globalStoreSectors), double(c.globalNeededSectors));
}

std::string KernelRow::faults() const {
  std::string text;
  if (prediction.residentBlocks == 0)
    text += " too large";
  if (bytes() > 1.10)
    text += format(" bytes %.2f", bytes());
  if (banks() >= 1.005)
    text += format(" banks %.2f", banks());
  if (coalesced() > 1.05)
    text += format(" coalescing %.2f", coalesced());
  if (counted.kernel->spills() || counted.kernel->localBytes)
    text += format(" spills %u", counted.kernel->spills());
  return text;
}

double StepReport::seconds() const {
  double sum = 0;
  for (const KernelRow &row : rows)
    sum += row.times * (row.prediction.kernelSeconds + sim::kGraphLaunchSeconds);
  return sum;
}
uint64_t StepReport::launches() const {
  uint64_t sum = 0;
  for (const KernelRow &row : rows)
    sum += row.times;
  return sum;
}

StepReport reportOf(const PredictModel &model, const PredictProgram &program, const Step &step,
                    const Chip &chip, const std::vector<Counted> &counted) {
  StepReport report;
  report.model = model.widths.name;
  report.className = program.className;
  report.precisions = model.precisions;
  report.step = step;
  report.chip = &chip;
  for (size_t i = 0; i < counted.size(); ++i) {
    const PredictLaunch &launch = program.launches[i];
    KernelRow row;
    row.role = launch.role;
    row.name = counted[i].kernel->name;
    row.family = launch.family;
    row.times = launch.times;
    row.counted = counted[i];
    row.prediction = counted[i].predict(chip);
    row.least = workOf(launch, step);
    row.dramSeconds = row.least.bytes / chip.dramBytes;
    row.share = shareOf(model, launch, row.least, step, chip);
    // A scan in slices is one scan.
    if (row.role == "scan" && i > 0 && report.rows.back().role == "slices")
      row.before = report.rows.back().prediction.kernelSeconds;
    report.rows.push_back(std::move(row));
  }
  report.least = workOf(model, program, step);
  report.share = shareOf(model, report.least, step, chip);
  return report;
}

std::string StepReport::title() const {
  return format("%llu x %llu tokens of %s in %s on %s (%s)",
                static_cast<unsigned long long>(step.sequences),
                static_cast<unsigned long long>(step.length), model.c_str(),
                precisions.weights.c_str(), std::string(chip->name).c_str(),
                std::string(chip->arch).c_str());
}

std::string StepReport::table() const {
  double kernels = 0;
  for (const KernelRow &row : rows)
    kernels += row.times * row.prediction.kernelSeconds;
  std::string text = title() + ", " + className + ", activations " + precisions.activations + "\n";
  text += format("%-10s %3s %9s %6s %-10s %-15s %-17s %5s %5s %-12s %5s %6s %5s %5s %4s %6s %5s "
                 "%s\n",
                 "kernel", "n", "us each", "share", "limit", "next", "against", "share", "DRAM",
                 "accept", "bytes", "L2", "banks", "coal", "regs", "shared", "warps", "faults");
  for (const KernelRow &row : rows) {
    const sim::Prediction &p = row.prediction;
    text += format("%-10.10s %3u %9.2f %5.1f%% %-10s %-15s %-17s %4.0f%% %4.0f%% %-12s",
                   row.role.c_str(), row.times, 1e6 * p.kernelSeconds,
                   100 * row.times * p.kernelSeconds / kernels, nameOf(row.limit()),
                   next(p).c_str(), row.share.of.c_str(), 100 * row.shareOfLimit(),
                   100 * row.shareOfDram(), verdict(row.shareOfLimit(), row.share).c_str());
    std::string banks = row.banks() > 0 ? format("%.2f", row.banks()) : "-";
    text += format(" %5.2f %6.2f %5s %5.2f %4u %6u %4.0f%% %s\n", row.bytes(), row.traffic(),
                   banks.c_str(), row.coalesced(), row.counted.kernel->registers,
                   row.counted.kernel->shared, 100 * p.occupancy, row.faults().c_str());
  }
  if (scanAlone > 0)
    text += format("the scan without what is fused with it: %.1f us\n", 1e6 * scanAlone);
  if (!isWhole)
    return text;
  text += format("all: %.1f us and %llu launches of %.1f us: %.1f us, %.0f tokens a second; %.0f%% "
                 "of %s, accept %s\n",
                 1e6 * kernels, static_cast<unsigned long long>(launches()),
                 1e6 * sim::kGraphLaunchSeconds, 1e6 * seconds(),
                 double(step.tokens()) / seconds(), 100 * shareOfLimit(), share.of.c_str(),
                 verdict(shareOfLimit(), share).c_str());
  return text;
}

std::string StepReport::json() const {
  nlohmann::json kernels = nlohmann::json::array();
  auto workJson = [](nlohmann::json &to, const LeastWork &least) {
    to["minimum_bytes"] = least.bytes;
    to["matrix_flops"] = least.matrixFlops;
    to["special_functions"] = least.specialFunctions;
  };
  auto shareJson = [](nlohmann::json &to, const Share &of, double share) {
    to["against"] = of.of;
    to["share"] = share;
    if (of.accept)
      to["accept"] = *of.accept;
  };
  for (const KernelRow &row : rows) {
    nlohmann::json parts = nlohmann::json::object();
    for (unsigned i = 0; i + 1 < sim::kLimits; ++i)
      parts[nameOf(sim::Limit(i))] = row.prediction.parts[i];
    const predict::Kernel &kernel = *row.counted.kernel;
    nlohmann::json object = {{"role", row.role},
                             {"name", row.name},
                             {"schedule", kernel.schedule},
                             {"times", row.times},
                             {"seconds", row.prediction.kernelSeconds},
                             {"limit", nameOf(row.limit())},
                             {"parts", std::move(parts)},
                             {"blocks", row.counted.blocks},
                             {"threads", kernel.threads},
                             {"registers", kernel.registers},
                             {"shared", kernel.shared},
                             {"local", kernel.localBytes},
                             {"spills", row.counted.kernel->spills()},
                             {"occupancy", row.prediction.occupancy},
                             {"bytes", row.bytes()},
                             {"l2_bytes", row.traffic()},
                             {"banks", row.banks()},
                             {"coalescing", row.coalesced()},
                             {"instructions", row.counted.counts.instructions},
                             {"special", row.counted.counts.special},
                             {"fma", row.counted.counts.fma},
                             {"critical_path", row.counted.counts.criticalPath},
                             {"faults", row.faults()}};
    workJson(object, row.least);
    shareJson(object, row.share, row.shareOfLimit());
    object["share_of_dram"] = row.shareOfDram();
    kernels.push_back(std::move(object));
  }
  nlohmann::json object = {{"chip", chip->name},
                           {"arch", chip->arch},
                           {"model", model},
                           {"weights", precisions.weights},
                           {"activations", precisions.activations},
                           {"class", className},
                           {"sequences", step.sequences},
                           {"length", step.length},
                           {"launches", launches()},
                           {"seconds", seconds()},
                           {"kernels", std::move(kernels)}};
  if (isWhole) {
    workJson(object, least);
    shareJson(object, share, shareOfLimit());
  }
  if (scanAlone > 0)
    object["scan_alone"] = scanAlone;
  return object.dump();
}

} // namespace mamba::bench
