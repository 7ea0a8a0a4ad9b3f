#include "runtime/device/cpu/CpuProfile.h"

#include "runtime/pack/DecodeBytes.h"
#include "runtime/support/Format.h"
#include "runtime/support/JsonWriter.h"

#include <algorithm>
#include <numeric>
#include <set>
#include <utility>

using namespace mamba;

//===----------------------------------------------------------------------===//
// Bytes
//===----------------------------------------------------------------------===//

/// Of argument `arg` the bytes in the self-test of a dispatch's kernel, for each
/// `count` that it has there; the manifest says nowhere else how wide rows
/// between kernels are.
static uint64_t goldenBytes(const GoldenCase &golden, size_t arg,
                            uint64_t count) {
  if (arg >= golden.args.size() || count == 0)
    return 0;
  const GoldenArg &spec = golden.args[arg];
  return spec.count * dtypeBits(spec.dtype) / 8 / count;
}

CpuProfile::Traffic CpuProfile::trafficOf(const Program &program,
                                          const Dispatch &dispatch) const {
  const EntrySpec &entry = manifest_.entries[program.entry];
  const std::vector<GoldenCase> &cases = target_.kernels[dispatch.kernel].golden;
  static const GoldenCase kNone = {};
  const GoldenCase &golden = cases.empty() ? kNone : cases.front();
  auto tokens = static_cast<uint64_t>(std::accumulate(
      golden.lengths.begin(), golden.lengths.end(), int64_t(0)));
  std::set<uint64_t> offsets = packedOffsets(target_);
  bool readsWeights = !looksUpRows(entry, dispatch);
  Traffic traffic;
  auto addTensor = [&](const TensorSpec &tensor) {
    uint64_t &of = tensor.rows == RowKind::T   ? traffic.aToken
                   : tensor.rows == RowKind::S ? traffic.aSequence
                                               : traffic.fixed;
    of += tensorBytes(tensor.dtype, tensor.shape).value_or(0);
  };
  for (size_t i = 0; i < dispatch.args.size(); ++i) {
    const ArgRef &arg = dispatch.args[i];
    switch (arg.space) {
    case ArgSpace::In:
      addTensor(entry.inputs[arg.number]);
      break;
    case ArgSpace::Out:
      addTensor(entry.outputs[arg.number]);
      break;
    case ArgSpace::State: // Read and written.
      traffic.aSequence += 2 * tensorBytes(entry.states[arg.number].dtype,
                                           entry.states[arg.number].shape)
                                   .value_or(0);
      break;
    case ArgSpace::Weight:
      if (readsWeights)
        traffic.fixed += tensorBytes(manifest_.checkpoint[arg.number].dtype,
                                     manifest_.checkpoint[arg.number].shape)
                             .value_or(0);
      break;
    case ArgSpace::Packed:
      if (readsWeights)
        traffic.fixed += *offsets.upper_bound(arg.number) - arg.number;
      break;
    case ArgSpace::T:
      traffic.aToken += goldenBytes(golden, i, tokens);
      break;
    case ArgSpace::S:
      traffic.aSequence += goldenBytes(golden, i, golden.lengths.size());
      break;
    case ArgSpace::C:
      traffic.fixed += goldenBytes(golden, i, 1);
      break;
    }
  }
  return traffic;
}

//===----------------------------------------------------------------------===//
// Sums
//===----------------------------------------------------------------------===//

void CpuProfile::Sum::add(const Sum &other) {
  dispatches += other.dispatches;
  bytes += other.bytes;
  elapsed += other.elapsed;
  worked += other.worked;
}

CpuProfile::Sum CpuProfile::Steps::all() const {
  Sum all;
  for (const Sum &sum : byKernel)
    all.add(sum);
  return all;
}

std::vector<CpuProfile::Sum> CpuProfile::Steps::longestFirst() const {
  std::vector<Sum> sums;
  for (const Sum &sum : byKernel)
    if (sum.dispatches != 0)
      sums.push_back(sum);
  std::ranges::sort(sums, {}, [](const Sum &sum) {
    return std::pair(-sum.elapsed, sum.kernel);
  });
  return sums;
}

std::vector<uint32_t> CpuProfile::ran() const {
  std::vector<uint32_t> programs;
  for (uint32_t i = 0; i < programs_.size(); ++i)
    if (programs_[i].steps != 0)
      programs.push_back(i);
  std::ranges::sort(programs, {}, [&](uint32_t program) {
    return std::pair(-programs_[program].all().elapsed, program);
  });
  return programs;
}

/// The share of all threads' time that was not spent in tiles.
double CpuProfile::waited(const Sum &sum) const {
  double all = double(threads_) * double(sum.elapsed);
  return all > 0 ? std::max(0.0, 1 - double(sum.worked) / all) : 0;
}

CpuProfile::CpuProfile(const Manifest &manifest, const TargetSpec &target,
                       unsigned threads)
    : manifest_(manifest), target_(target), threads_(threads) {
  for (const Program &program : target.programs) {
    std::vector<Traffic> &traffic = traffic_.emplace_back();
    for (const Dispatch &dispatch : program.dispatches)
      traffic.push_back(trafficOf(program, dispatch));
  }
  clear();
}

void CpuProfile::clear() {
  std::lock_guard<std::mutex> lock(mutex_);
  programs_.assign(target_.programs.size(), {});
}

void CpuProfile::add(uint32_t program, const Batch &batch,
                     std::span<const ThreadPool::JobTime> times) {
  std::lock_guard<std::mutex> lock(mutex_);
  Steps &steps = programs_[program];
  ++steps.steps;
  steps.tokens += batch.tokens();
  steps.byKernel.resize(target_.kernels.size());
  const std::vector<Dispatch> &dispatches =
      target_.programs[program].dispatches;
  for (size_t i = 0; i < times.size(); ++i) {
    uint32_t kernel = dispatches[i].choose(batch.sequences()).kernel;
    Sum &sum = steps.byKernel[kernel];
    sum.kernel = kernel;
    sum.add({kernel, 1, traffic_[program][i].of(batch), times[i].elapsed,
             times[i].worked});
  }
}

//===----------------------------------------------------------------------===//
// Shown
//===----------------------------------------------------------------------===//

std::string CpuProfile::table() const {
  std::lock_guard<std::mutex> lock(mutex_);
  std::string text;
  for (uint32_t program : ran()) {
    const Steps &steps = programs_[program];
    const Program &spec = target_.programs[program];
    std::vector<Sum> kernels = steps.longestFirst();
    size_t width = 6;
    for (const Sum &sum : kernels)
      width = std::max(width, target_.kernels[sum.kernel].symbol.size());
    width = std::min<size_t>(width, 60);
    text += format("entry %.60s, class %.60s: %llu steps of %.1f tokens on %u threads\n",
                   manifest_.entries[spec.entry].name.c_str(),
                   spec.className.c_str(),
                   static_cast<unsigned long long>(steps.steps),
                   double(steps.tokens) / double(steps.steps), threads_);
    text += format("%-*s %10s %10s %6s %9s %9s %7s %7s\n", int(width), "kernel",
                   "dispatches", "ms", "share", "us each", "MB each", "GB/s",
                   "waited");
    Sum all = steps.all();
    auto line = [&](const char *name, const Sum &sum) {
      double count = double(sum.dispatches), ns = double(std::max<int64_t>(sum.elapsed, 1));
      text += format("%-*.60s %10llu %10.3f %5.1f%% %9.1f %9.3f %7.2f %6.1f%%\n",
                     int(width), name,
                     static_cast<unsigned long long>(sum.dispatches), ns / 1e6,
                     100 * ns / double(std::max<int64_t>(all.elapsed, 1)),
                     ns / count / 1e3, double(sum.bytes) / count / 1e6,
                     double(sum.bytes) / ns, 100 * waited(sum));
    };
    for (const Sum &sum : kernels)
      line(target_.kernels[sum.kernel].symbol.c_str(), sum);
    all.dispatches = steps.steps;
    line("a step", all);
  }
  return text;
}

std::string CpuProfile::json() const {
  std::lock_guard<std::mutex> lock(mutex_);
  JsonWriter to;
  auto writeSum = [&](const Sum &sum) {
    writeMembers(to, "seconds", double(sum.elapsed) * 1e-9, "waited",
                 waited(sum), "bytes", sum.bytes);
  };
  to.begin('{');
  writeMembers(to, "threads", threads_);
  to.key("programs");
  to.begin('[');
  for (uint32_t program : ran()) {
    const Steps &steps = programs_[program];
    const Program &spec = target_.programs[program];
    to.next();
    to.begin('{');
    writeMembers(to, "entry", manifest_.entries[spec.entry].name, "class",
                 spec.className, "invariant", spec.invariant, "steps",
                 steps.steps, "tokens", steps.tokens);
    writeSum(steps.all());
    to.key("kernels");
    to.begin('[');
    for (const Sum &sum : steps.longestFirst()) {
      to.next();
      to.begin('{');
      writeMembers(to, "name", target_.kernels[sum.kernel].symbol, "dispatches",
                   sum.dispatches);
      writeSum(sum);
      to.end();
    }
    to.end();
    to.end();
  }
  to.end();
  to.end();
  return to.take();
}
