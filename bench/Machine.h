// The limits of this machine, measured in the same run as what is compared
// with them.
#pragma once

#include <chrono>
#include <cstdint>
#include <string>
#include <vector>

namespace mamba::bench {

class Stopwatch {
public:
  double seconds() const {
    return std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count();
  }

private:
  std::chrono::steady_clock::time_point start = std::chrono::steady_clock::now();
};

/// What vectors of one width reach in registers, all threads.
struct VectorLimits {
  std::string name;            // "avx512"
  int lanes;                   // f32
  double fmaFlopsPerSecond;    // f32 multiply-adds, 2 flops each
  double scanUpdatesPerSecond; // state updates of a scan, the fastest form
};

struct Machine {
  unsigned threads = 0;
  double readBytesPerSecond = 0;         // streaming reads of memory, all threads
  std::vector<VectorLimits> vectors;     // those that the processor has, widest first
  double tileFlopsPerSecond = 0;         // bf16 tiles in registers, all threads; 0 without AMX
  double scalarScanUpdatesPerSecond = 0; // a scalar loop with expf, all threads

  /// Of the vectors that code with so many lanes uses.
  const VectorLimits &ofLanes(int64_t lanes) const;
  /// One line.
  std::string text() const;
  /// One object on one line; what the processor lacks is null.
  std::string json() const;
};

/// Measures for about two seconds; throws std::bad_alloc without a GB of memory.
Machine measureMachine(unsigned threads);

} // namespace mamba::bench
