// mamba-dispatch [THREADS...]: what the thread pool costs beside the kernels. A
// step of 5 dispatches in each of 24 layers: empty kernels, and kernels of some
// microseconds whose tiles are as many or not as alike as those of a model.
#include "runtime/device/cpu/ThreadPool.h"

#include <algorithm>
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <thread>
#include <vector>

using namespace mamba;
using Clock = std::chrono::steady_clock;

namespace {

constexpr size_t kDispatches = 5 * 24;
constexpr int kRounds = 31;

void doNothing(const MambaKernelArgs *, uint32_t) {}

/// Rounds of a chain of additions: work that nothing else slows down.
void work(const MambaKernelArgs *args, uint32_t) {
  uint64_t value = args->rows;
  for (uint64_t i = 0; i < args->rows; ++i)
    __asm__ volatile("" : "+r"(value));
}

double nanosecondsSince(Clock::time_point start) {
  return std::chrono::duration<double, std::nano>(Clock::now() - start).count();
}

double medianOf(std::vector<double> values) {
  std::nth_element(values.begin(), values.begin() + values.size() / 2,
                   values.end());
  return values[values.size() / 2];
}

/// Nanoseconds of a step, with a pause before each.
double stepTime(ThreadPool &pool, const std::vector<ThreadPool::Job> &jobs,
                std::chrono::microseconds pause, int steps) {
  std::vector<double> times;
  for (int round = 0; round < kRounds; ++round) {
    double total = 0;
    for (int i = 0; i < steps; ++i) {
      if (pause.count() != 0)
        std::this_thread::sleep_for(pause);
      auto start = Clock::now();
      pool.run(jobs, nullptr);
      total += nanosecondsSince(start);
    }
    times.push_back(total / steps);
  }
  return medianOf(times);
}

/// How many rounds of `work` take a microsecond.
uint64_t roundsOfMicrosecond() {
  MambaKernelArgs args = {};
  args.rows = 4'000'000;
  auto start = Clock::now();
  work(&args, 0);
  return static_cast<uint64_t>(double(args.rows) * 1000 /
                               nanosecondsSince(start));
}

void report(unsigned threads) {
  auto made = ThreadPool::create(threads, 0);
  if (!made.ok()) {
    std::fprintf(stderr, "mamba-dispatch: %s\n", made.status().message().c_str());
    std::exit(1);
  }
  ThreadPool &pool = **made;
  MambaKernelArgs none = {};
  for (uint32_t tiles : {threads, 16u, 96u}) {
    std::vector<ThreadPool::Job> jobs(kDispatches, {doNothing, &none, tiles});
    double back = stepTime(pool, jobs, {}, 20);
    std::printf("%u threads, empty kernels of %3u tiles: %7.0f ns a dispatch\n",
                threads, tiles, back / kDispatches);
  }
  MambaKernelArgs args = {};
  args.rows = roundsOfMicrosecond();
  for (uint32_t tiles : {16u, 96u}) {
    std::vector<ThreadPool::Job> jobs(kDispatches, {work, &args, tiles});
    auto alone = ThreadPool::create(1, 0);
    double one = stepTime(**alone, jobs, {}, 2);
    double all = stepTime(pool, jobs, {}, 2);
    std::printf("%u threads, %u us a dispatch in %u tiles: %.0f ns a dispatch "
                "more than 1/%u of one thread's time (%.2fx)\n",
                threads, tiles, tiles, (all - one / threads) / kDispatches,
                threads, one / all);
  }
  std::vector<ThreadPool::Job> jobs(kDispatches, {doNothing, &none, 16});
  double asleep = stepTime(pool, jobs, std::chrono::microseconds(300), 5);
  std::printf("%u threads, a step of %zu empty dispatches after 300 us: %.1f us\n",
              threads, kDispatches, asleep / 1000);
}

} // namespace

int main(int argc, char **argv) {
  for (int i = 1; i < argc; ++i)
    report(static_cast<unsigned>(std::atoi(argv[i])));
  for (unsigned threads : {1u, 2u, 4u})
    if (argc == 1)
      report(threads);
  return 0;
}
