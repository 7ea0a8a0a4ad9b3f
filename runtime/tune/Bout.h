// Candidates of one kernel side by side in memory, timed one at a time.
#pragma once

#include "runtime/device/cpu/ThreadPool.h"
#include "runtime/tune/Candidate.h"

#include <memory>
#include <string>
#include <vector>

namespace mamba::tune {

/// All run on the same buffers. As in a model, weights and states come from
/// memory: each run has the next one of many copies.
class Bout {
public:
  static Result<std::unique_ptr<Bout>> create(const std::vector<std::string> &packs,
                                              unsigned threads);

  size_t size() const { return candidates_.size(); }
  /// Seconds that a run of the candidate takes: the mean of some in a row, two
  /// milliseconds of them.
  double time(size_t candidate);

private:
  Bout() = default;
  Status allocate();
  double run(size_t candidate, size_t count);

  std::vector<Candidate> candidates_;
  std::unique_ptr<ThreadPool> pool_;
  Memory scratch_;
  std::vector<int64_t> seqStart_;
  std::vector<GoldenBuffer> buffers_;
  std::vector<Memory> copies_;
  std::vector<std::vector<void *>> sets_; // addresses of the arguments
  size_t nextSet_ = 0;
};

} // namespace mamba::tune
