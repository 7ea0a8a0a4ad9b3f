// How long the kernels of a model take while it runs: by program, as decode and
// prefill are different ones, and by kernel.
#pragma once

#include "runtime/device/Device.h"
#include "runtime/device/cpu/ThreadPool.h"

#include <mutex>
#include <string>
#include <vector>

namespace mamba {

class CpuProfile {
public:
  /// Manifest and target outlive it.
  CpuProfile(const Manifest &manifest, const TargetSpec &target,
             unsigned threads);

  /// A step of one of the target's programs; by dispatch how long it took. Any
  /// thread may call.
  void add(uint32_t program, const Batch &batch,
           std::span<const ThreadPool::JobTime> times);
  void clear();

  /// For people: programs and kernels, those that took longest first.
  std::string table() const;
  /// The same as one JSON object.
  std::string json() const;

private:
  /// What a dispatch has to read and write: weights, states and rows, each once.
  struct Traffic {
    uint64_t fixed = 0, aToken = 0, aSequence = 0; // bytes
    uint64_t of(const Batch &batch) const {
      return fixed + aToken * batch.tokens() + aSequence * batch.sequences();
    }
  };
  struct Sum {
    uint32_t kernel = 0;
    uint64_t dispatches = 0, bytes = 0;
    int64_t elapsed = 0, worked = 0; // nanoseconds
    void add(const Sum &other);
  };
  struct Steps {
    uint64_t steps = 0, tokens = 0;
    std::vector<Sum> byKernel; // all of the target's
    Sum all() const;
    std::vector<Sum> longestFirst() const; // of kernels that ran
  };

  Traffic trafficOf(const Program &program, const Dispatch &dispatch) const;
  double waited(const Sum &sum) const;
  /// The programs that ran, longest first.
  std::vector<uint32_t> ran() const;

  const Manifest &manifest_; // Borrowed; outlives this.
  const TargetSpec &target_; // Borrowed; outlives this.
  unsigned threads_;
  std::vector<std::vector<Traffic>> traffic_; // by program and dispatch
  mutable std::mutex mutex_;
  std::vector<Steps> programs_; // Guarded by mutex_.
};

} // namespace mamba
