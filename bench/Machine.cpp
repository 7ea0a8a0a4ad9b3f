#include "bench/Machine.h"

#include "bench/Loops.h"
#include "runtime/device/cpu/CpuFeatures.h"
#include "runtime/support/Format.h"

#include <algorithm>
#include <cmath>
#include <cstdlib>
#include <cstring>
#include <functional>
#include <memory>
#include <new>
#include <sched.h>
#include <sys/mman.h>
#include <thread>

namespace mamba::bench {
namespace {

/// Binds this thread to the i-th of the processors that the process may use, so
/// that no two share one while something else runs.
void takeProcessor(unsigned i, const cpu_set_t &allowed) {
  unsigned turn = i % CPU_COUNT(&allowed);
  for (int cpu = 0; cpu < CPU_SETSIZE; ++cpu)
    if (CPU_ISSET(cpu, &allowed) && turn-- == 0) {
      cpu_set_t one;
      CPU_ZERO(&one);
      CPU_SET(cpu, &one);
      sched_setaffinity(0, sizeof one, &one);
      return;
    }
}

void onThreads(unsigned threads, const std::function<void(unsigned)> &work) {
  cpu_set_t allowed;
  CPU_ZERO(&allowed);
  sched_getaffinity(0, sizeof allowed, &allowed);
  std::vector<std::thread> pool;
  for (unsigned i = 0; i < threads; ++i)
    pool.emplace_back([&, i] {
      if (CPU_COUNT(&allowed) > 0)
        takeProcessor(i, allowed);
      work(i);
    });
  for (std::thread &thread : pool)
    thread.join();
}

/// The best rate of a few runs; `work` returns the units that one thread did.
double bestRate(unsigned threads, const std::function<double(unsigned)> &work) {
  double best = 0;
  for (int run = 0; run < 5; ++run) {
    std::vector<double> units(threads);
    Stopwatch watch;
    onThreads(threads, [&](unsigned i) { units[i] = work(i); });
    double seconds = watch.seconds(), sum = 0;
    for (double u : units)
      sum += u;
    best = std::max(best, sum / seconds);
  }
  return best;
}

double rate(unsigned threads, double (*loop)()) {
  return bestRate(threads, [=](unsigned) { return loop(); });
}

bool hasAll(const CpuFeatures &features, std::initializer_list<const char *> names) {
  return std::all_of(names.begin(), names.end(), [&](const char *n) { return features.has(n); });
}

std::vector<const Loops *> presentLoops(const CpuFeatures &features) {
  std::vector<const Loops *> present;
  if (hasAll(features, {"avx512f", "avx512bw", "avx512dq", "avx512vl"}))
    present.push_back(&avx512Loops);
  if (hasAll(features, {"avx2", "fma"}))
    present.push_back(&avx2Loops);
  present.push_back(&sseLoops);
  return present;
}

double readRate(unsigned threads, const Loops &loops) {
  constexpr size_t page = size_t(2) << 20;  // with which memory is read fastest
  constexpr size_t bytes = size_t(1) << 30; // larger than any cache
  size_t each = bytes / threads / page * page + page;
  struct Free {
    void operator()(char *p) const { std::free(p); }
  };
  std::vector<std::unique_ptr<char, Free>> memory(threads);
  for (auto &own : memory)
    if (own.reset(static_cast<char *>(std::aligned_alloc(page, each))); !own)
      throw std::bad_alloc();
  onThreads(threads, [&](unsigned i) { // Whose pages they are.
    madvise(memory[i].get(), each, MADV_HUGEPAGE);
    std::memset(memory[i].get(), 1, each);
  });
  return bestRate(threads, [&](unsigned i) { return loops.read(memory[i].get(), each); });
}

VectorLimits vectorLimits(unsigned threads, const Loops &loops) {
  VectorLimits limits{loops.name, loops.lanes, rate(threads, loops.fma), 0};
  for (auto scan : loops.scans)
    if (scan)
      limits.scanUpdatesPerSecond = std::max(limits.scanUpdatesPerSecond, rate(threads, scan));
  return limits;
}

double scalarScanLoop() {
  constexpr int states = 16;
  float h[states] = {}, decay[states], y = 0;
  for (int n = 0; n < states; ++n)
    decay[n] = -0.5f * float(n + 1);
  constexpr int64_t turns = 300'000;
  for (int64_t t = 0; t < turns; ++t) {
    volatile float dt = 0.01f, x = 0.02f;
    for (int n = 0; n < states; ++n) {
      h[n] = std::exp(dt * decay[n]) * h[n] + x * 0.3f;
      y += h[n] * 0.7f;
    }
  }
  volatile float kept = y;
  (void)kept;
  return double(turns) * states;
}

} // namespace

Machine measureMachine(unsigned threads) {
  CpuFeatures features = CpuFeatures::detect();
  std::vector<const Loops *> present = presentLoops(features);
  Machine machine{threads, readRate(threads, *present.front()), {}, 0, 0};
  for (const Loops *loops : present)
    machine.vectors.push_back(vectorLimits(threads, *loops));
  if (hasAll(features, {"amx-tile", "amx-bf16"}) && requestAmx().ok())
    machine.tileFlopsPerSecond = rate(threads, tileLoop);
  machine.scalarScanUpdatesPerSecond = rate(threads, scalarScanLoop);
  return machine;
}

const VectorLimits &Machine::ofLanes(int64_t lanes) const {
  for (const VectorLimits &limits : vectors)
    if (limits.lanes <= lanes)
      return limits;
  return vectors.back();
}

std::string Machine::text() const {
  std::string line = format("limits of this machine, %u threads: read %.1f GB/s", threads,
                            readBytesPerSecond / 1e9);
  for (const VectorLimits &v : vectors)
    line += format("; %s: f32 FMA %.0f GFLOP/s, scan in registers %.2f G updates/s",
                   v.name.c_str(), v.fmaFlopsPerSecond / 1e9, v.scanUpdatesPerSecond / 1e9);
  line += tileFlopsPerSecond ? format("; bf16 tiles %.0f GFLOP/s", tileFlopsPerSecond / 1e9)
                             : "; no bf16 tiles";
  return line + format("; scalar expf scan %.2f G updates/s", scalarScanUpdatesPerSecond / 1e9);
}

std::string Machine::json() const {
  std::string text = format("{\"threads\": %u, \"read_gb_s\": %.2f, \"vectors\": {", threads,
                            readBytesPerSecond / 1e9);
  for (const VectorLimits &v : vectors)
    text += format("%s\"%s\": {\"fma_gflop_s\": %.1f, \"scan_g_updates_s\": %.3f}",
                   &v == &vectors.front() ? "" : ", ", v.name.c_str(), v.fmaFlopsPerSecond / 1e9,
                   v.scanUpdatesPerSecond / 1e9);
  text += "}, \"tile_gflop_s\": ";
  text += tileFlopsPerSecond ? format("%.1f", tileFlopsPerSecond / 1e9) : "null";
  return text + format(", \"scalar_scan_g_updates_s\": %.3f}", scalarScanUpdatesPerSecond / 1e9);
}

} // namespace mamba::bench
