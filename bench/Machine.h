// The limits of this machine, measured in the same run as what is compared
// with them.
#pragma once

#include <chrono>

namespace mamba::bench {

class Stopwatch {
public:
  double seconds() const {
    return std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count();
  }

private:
  std::chrono::steady_clock::time_point start = std::chrono::steady_clock::now();
};

struct Machine {
  unsigned threads;
  double readBytesPerSecond;   // streaming reads of memory, all threads
  double fmaFlopsPerSecond;    // f32 multiply-adds in registers, 2 flops each, all threads
  double scanUpdatesPerSecond; // state updates of a scan in registers, all threads
  double scalarScanUpdatesPerSecond; // a scalar loop with expf, all threads
};

/// Measures for about two seconds.
Machine measureMachine(unsigned threads);

} // namespace mamba::bench
