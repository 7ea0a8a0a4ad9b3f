#include "bench/Machine.h"

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <cstring>
#include <functional>
#include <thread>
#include <vector>

namespace mamba::bench {
namespace {

#if defined(__AVX512F__)
constexpr int kLanes = 16;
constexpr int kAccumulators = 24;
#else
constexpr int kLanes = 8;
constexpr int kAccumulators = 12;
#endif
using Vector = float __attribute__((vector_size(kLanes * 4)));
using Ints = int32_t __attribute__((vector_size(kLanes * 4)));

/// Keeps the compiler from dropping or moving what makes the value.
template <typename T> void keep(T &value) { asm volatile("" : "+v"(value)); }

/// The best rate of a few runs; `work` returns the units that one thread did.
double bestRate(unsigned threads, const std::function<double(unsigned)> &work) {
  double best = 0;
  for (int run = 0; run < 4; ++run) {
    std::vector<double> units(threads);
    Stopwatch watch;
    std::vector<std::thread> pool;
    for (unsigned i = 0; i < threads; ++i)
      pool.emplace_back([&, i] { units[i] = work(i); });
    for (std::thread &thread : pool)
      thread.join();
    double sum = 0;
    for (double u : units)
      sum += u;
    best = std::max(best, sum / watch.seconds());
  }
  return best;
}

double readRate(unsigned threads) {
  // Larger than any cache.
  constexpr size_t bytes = size_t(512) << 20;
  std::vector<std::vector<char>> memory(threads);
  std::vector<std::thread> touch;
  for (unsigned i = 0; i < threads; ++i)
    touch.emplace_back([&, i] { memory[i].assign(bytes / threads, 1); });
  for (std::thread &thread : touch)
    thread.join();
  return bestRate(threads, [&](unsigned i) {
    const char *p = memory[i].data();
    size_t n = memory[i].size() / (8 * sizeof(Vector));
    Vector sums[8] = {};
    for (size_t k = 0; k < n; ++k)
      for (int j = 0; j < 8; ++j) {
        Vector v;
        std::memcpy(&v, p + (k * 8 + j) * sizeof v, sizeof v);
        sums[j] += v;
      }
    for (Vector &sum : sums)
      keep(sum);
    return double(n) * 8 * sizeof(Vector);
  });
}

double fmaRate(unsigned threads) {
  return bestRate(threads, [&](unsigned) {
    Vector acc[kAccumulators] = {}, a = Vector{} + 1.0f, b = Vector{} + 1e-9f;
    keep(a);
    keep(b);
    constexpr int64_t turns = 10'000'000;
    for (int64_t i = 0; i < turns; ++i)
#pragma GCC unroll 24
      for (int j = 0; j < kAccumulators; ++j) {
        acc[j] = a * acc[j] + b;
        keep(acc[j]);
      }
    return double(turns) * kAccumulators * kLanes * 2;
  });
}

Vector exp2Vector(Vector x) {
  Vector shifted = x + 12582912.0f;
  Vector f = x - (shifted - 12582912.0f);
  Vector p = Vector{} + 0.0013264727f;
  for (float c : {0.0096715126f, 0.055507337f, 0.24022242f, 0.69314698f, 1.0f})
    p = p * f + c;
  return (Vector)((Ints)p + ((Ints)shifted << 23));
}

double scanRate(unsigned threads) {
  return bestRate(threads, [&](unsigned) {
    constexpr int states = 8;
    Vector h[states], decay[states], y = {}, dt = Vector{} + 0.01f, x = Vector{} + 0.02f;
    for (int n = 0; n < states; ++n) {
      h[n] = Vector{} + 0.1f;
      decay[n] = Vector{} - 0.5f * float(n + 1);
      keep(decay[n]);
    }
    constexpr int64_t turns = 1'000'000;
    for (int64_t t = 0; t < turns; ++t) {
      keep(dt);
      keep(x);
#pragma GCC unroll 8
      for (int n = 0; n < states; ++n) {
        h[n] = exp2Vector(dt * decay[n]) * h[n] + x * 0.3f;
        y = h[n] * 0.7f + y;
      }
    }
    keep(y);
    return double(turns) * states * kLanes;
  });
}

double scalarScanRate(unsigned threads) {
  return bestRate(threads, [&](unsigned) {
    constexpr int states = 16;
    float h[states] = {}, decay[states], y = 0;
    for (int n = 0; n < states; ++n)
      decay[n] = -0.5f * float(n + 1);
    constexpr int64_t turns = 300'000;
    for (int64_t t = 0; t < turns; ++t) {
      float dt = 0.01f, x = 0.02f;
      keep(dt);
      keep(x);
      for (int n = 0; n < states; ++n) {
        float e = std::exp(dt * decay[n]);
        keep(e);
        h[n] = e * h[n] + x * 0.3f;
        y += h[n] * 0.7f;
      }
    }
    keep(y);
    return double(turns) * states;
  });
}

} // namespace

Machine measureMachine(unsigned threads) {
  return {threads, readRate(threads), fmaRate(threads), scanRate(threads), scalarScanRate(threads)};
}

} // namespace mamba::bench
