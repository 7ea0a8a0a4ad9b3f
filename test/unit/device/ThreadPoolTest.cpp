#include "runtime/device/cpu/ThreadPool.h"

#include <atomic>
#include <chrono>
#include <cstdio>
#include <gtest/gtest.h>
#include <mutex>
#include <numeric>
#include <set>

using namespace mamba;

namespace {

struct Counters {
  std::vector<std::atomic<uint32_t>> tiles;
  explicit Counters(size_t count) : tiles(count) {}
};

/// Counts its tile.
void countTile(const MambaKernelArgs *args, uint32_t tile) {
  auto *counters = static_cast<Counters *>(args->buffers[0]);
  counters->tiles[tile].fetch_add(1, std::memory_order_relaxed);
}

/// to[tile] = sum of from[0 .. rows): needs all of the dispatch before it.
/// Plain memory, so that a race would show.
void sumAll(const MambaKernelArgs *args, uint32_t tile) {
  const uint64_t *from = static_cast<uint64_t *>(args->buffers[0]);
  uint64_t *to = static_cast<uint64_t *>(args->buffers[1]);
  uint64_t sum = tile;
  for (uint64_t i = 0; i < args->rows; ++i)
    sum += from[i];
  to[tile] = sum % 1000003;
}

void doNothing(const MambaKernelArgs *, uint32_t) {}

/// Scratch is the thread's own while a tile runs.
void useScratch(const MambaKernelArgs *args, uint32_t tile) {
  uint32_t *scratch = static_cast<uint32_t *>(args->scratch);
  for (int i = 0; i < 64; ++i)
    scratch[i] = tile;
  for (int i = 0; i < 64; ++i)
    if (scratch[i] != tile)
      static_cast<std::atomic<uint32_t> *>(args->buffers[0])->fetch_add(1);
  if (reinterpret_cast<uintptr_t>(scratch) % 64 != 0)
    static_cast<std::atomic<uint32_t> *>(args->buffers[0])->fetch_add(1);
}

std::unique_ptr<ThreadPool> makePool(unsigned threads, uint64_t scratch = 0) {
  auto pool = ThreadPool::create(threads, scratch);
  EXPECT_TRUE(pool.ok()) << pool.status().message();
  return *std::move(pool);
}

} // namespace

TEST(ThreadPool, EachTileOnce) {
  for (unsigned threads : {1u, 2u, 3u, 8u}) {
    auto pool = makePool(threads);
    EXPECT_EQ(pool->threads(), threads);
    for (uint32_t tiles : {0u, 1u, 2u, 7u, 1000u}) {
      Counters counters(1000);
      void *buffers[] = {&counters};
      MambaKernelArgs args = {};
      args.buffers = buffers;
      ThreadPool::Job job = {countTile, &args, tiles};
      pool->run({&job, 1}, nullptr);
      for (uint32_t i = 0; i < counters.tiles.size(); ++i)
        ASSERT_EQ(counters.tiles[i], i < tiles ? 1u : 0u) << i;
    }
  }
}

// Each dispatch reads all that the one before wrote; more dispatches than the
// pool takes at once.
TEST(ThreadPool, BarrierBetweenDispatches) {
  constexpr size_t kTiles = 23, kSteps = 700;
  std::vector<std::vector<uint64_t>> results;
  for (unsigned threads : {1u, 2u, 5u}) {
    auto pool = makePool(threads);
    std::vector<uint64_t> a(kTiles), b(kTiles);
    std::iota(a.begin(), a.end(), 1);
    void *forth[] = {a.data(), b.data()}, *back[] = {b.data(), a.data()};
    MambaKernelArgs args[2] = {};
    args[0].rows = args[1].rows = kTiles;
    args[0].buffers = forth;
    args[1].buffers = back;
    std::vector<ThreadPool::Job> jobs;
    for (size_t i = 0; i < kSteps; ++i)
      jobs.push_back({sumAll, &args[i % 2], kTiles});
    for (int round = 0; round < 3; ++round)
      pool->run(jobs, nullptr);
    results.push_back(a);
  }
  EXPECT_EQ(results[0], results[1]);
  EXPECT_EQ(results[0], results[2]);
}

// Workers that have gone to sleep come back.
TEST(ThreadPool, WakesUp) {
  auto pool = makePool(3);
  Counters counters(4);
  void *buffers[] = {&counters};
  MambaKernelArgs args = {};
  args.buffers = buffers;
  ThreadPool::Job job = {countTile, &args, 4};
  for (int i = 0; i < 200; ++i) {
    if (i % 10 == 0)
      std::this_thread::sleep_for(std::chrono::milliseconds(2));
    pool->run({&job, 1}, nullptr);
  }
  for (auto &count : counters.tiles)
    EXPECT_EQ(count, 200u);
}

TEST(ThreadPool, ScratchIsPrivateAndAligned) {
  for (unsigned threads : {1u, 2u, 6u}) {
    auto pool = makePool(threads, 256);
    std::atomic<uint32_t> errors{0};
    void *buffers[] = {&errors};
    alignas(64) uint32_t mine[64];
    MambaKernelArgs args = {};
    args.buffers = buffers;
    ThreadPool::Job job = {useScratch, &args, 5000};
    pool->run({&job, 1}, mine);
    EXPECT_EQ(errors, 0u);
  }
}

TEST(ThreadPool, SeveralCallers) {
  auto pool = makePool(3);
  auto call = [&] {
    for (int i = 0; i < 300; ++i) {
      Counters counters(9);
      void *buffers[] = {&counters};
      MambaKernelArgs args = {};
      args.buffers = buffers;
      ThreadPool::Job jobs[] = {{countTile, &args, 9}, {countTile, &args, 5}};
      pool->run(jobs, nullptr);
      for (uint32_t tile = 0; tile < 9; ++tile)
        ASSERT_EQ(counters.tiles[tile], tile < 5 ? 2u : 1u);
    }
  };
  std::thread first(call), second(call);
  call();
  first.join();
  second.join();
}

// Callers take turns: between two steps of one, every other that asks has one.
TEST(ThreadPool, CallersTakeTurns) {
  constexpr unsigned kCallers = 5, kSteps = 200;
  auto pool = makePool(2);
  std::mutex mutex;
  std::vector<unsigned> order; // who had a step, one after the other
  struct Caller {
    unsigned number;
    std::mutex *mutex;
    std::vector<unsigned> *order;
  };
  auto note = [](const MambaKernelArgs *args, uint32_t tile) {
    auto *caller = static_cast<Caller *>(args->buffers[0]);
    if (tile != 0)
      return;
    std::this_thread::sleep_for(std::chrono::microseconds(300));
    std::lock_guard<std::mutex> lock(*caller->mutex);
    caller->order->push_back(caller->number);
  };
  std::atomic<unsigned> ready{0};
  std::vector<std::thread> threads;
  for (unsigned number = 0; number < kCallers; ++number)
    threads.emplace_back([&, number] {
      Caller caller = {number, &mutex, &order};
      void *buffers[] = {&caller};
      MambaKernelArgs args = {};
      args.buffers = buffers;
      ThreadPool::Job job = {note, &args, 2};
      for (++ready; ready != kCallers;)
        std::this_thread::yield();
      for (unsigned step = 0; step < kSteps; ++step)
        pool->run({&job, 1}, nullptr);
    });
  for (std::thread &thread : threads)
    thread.join();
  ASSERT_EQ(order.size(), kCallers * kSteps);
  // Who has just had a step may be late for the next turn when the machine is
  // busy, so not each round is complete; without turns hardly one would be.
  unsigned rounds = 0, complete = 0;
  for (size_t first = 0; first + kCallers <= order.size(); first += kCallers, ++rounds)
    complete += std::set<unsigned>(&order[first], &order[first] + kCallers).size() >= kCallers - 1;
  EXPECT_GE(complete * 2, rounds);
}

// Across the pieces that a long list is run in.
TEST(ThreadPool, Times) {
  auto nap = [](const MambaKernelArgs *, uint32_t) {
    std::this_thread::sleep_for(std::chrono::milliseconds(2));
  };
  for (unsigned threads : {1u, 2u}) {
    auto pool = makePool(threads);
    MambaKernelArgs args = {};
    std::vector<ThreadPool::Job> jobs(600, {doNothing, &args, 2});
    jobs[0].kernel = jobs[599].kernel = nap;
    jobs[599].tiles = 1;
    std::vector<ThreadPool::JobTime> times(jobs.size());
    pool->run(jobs, nullptr, times);
    for (size_t i : {0, 599}) {
      EXPECT_GE(times[i].worked, jobs[i].tiles * int64_t(2'000'000)) << i;
      EXPECT_GE(times[i].elapsed, 2'000'000) << i;
    }
    for (size_t i = 1; i < 599; ++i)
      EXPECT_GE(times[i].worked, 0) << i;
  }
}

TEST(ThreadPool, Create) {
  EXPECT_GE(availableProcessors(), 1u);
  EXPECT_EQ(makePool(0)->threads(), availableProcessors());
  EXPECT_EQ(ThreadPool::create(1025, 0).status().code(),
            StatusCode::InvalidArgument);
  Status status = ThreadPool::create(2, uint64_t(1) << 60).status();
  EXPECT_EQ(status.code(), StatusCode::OutOfMemory);
  for (int i = 0; i < 50; ++i)
    makePool(4); // Workers that have nothing to do leave, too.
}

// Not a test of speed, but the number is worth reading.
TEST(ThreadPool, PrintsDispatchCost) {
  for (unsigned threads : {1u, 2u}) {
    auto pool = makePool(threads);
    MambaKernelArgs args = {};
    std::vector<ThreadPool::Job> jobs(200, {doNothing, &args, threads * 2});
    double best = 1e9;
    for (int round = 0; round < 50; ++round) {
      auto start = std::chrono::steady_clock::now();
      pool->run(jobs, nullptr);
      std::chrono::duration<double, std::micro> time =
          std::chrono::steady_clock::now() - start;
      best = std::min(best, time.count() / jobs.size());
    }
    double bestStep = 1e9;
    for (int round = 0; round < 50; ++round) {
      auto start = std::chrono::steady_clock::now();
      for (int i = 0; i < 200; ++i)
        pool->run({jobs.data(), 1}, nullptr);
      std::chrono::duration<double, std::micro> time =
          std::chrono::steady_clock::now() - start;
      bestStep = std::min(bestStep, time.count() / 200);
    }
    std::printf("%u threads: %.2f us a dispatch in a list, %.2f us alone\n",
                threads, best, bestStep);
  }
}
