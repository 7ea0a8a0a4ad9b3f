// Candidates of one kernel side by side in memory, timed one at a time.
#pragma once

#include "runtime/tune/Candidate.h"

#include <memory>
#include <string>
#include <vector>

namespace mamba::tune {

/// All run on the same buffers. As in a model, weights and states come from
/// memory: each run has the next one of many copies.
class Bout {
public:
  /// Of what Candidate::open takes, on a device: cpu, cuda or cuda:N.
  static Result<std::unique_ptr<Bout>> create(const std::vector<std::string> &names,
                                              const std::string &device, unsigned threads);
  virtual ~Bout() = default;

  virtual size_t size() const = 0;
  /// Seconds that a run of the candidate takes: the mean of some in a row, two
  /// milliseconds of them.
  virtual Result<double> time(size_t candidate) = 0;
};

Result<std::unique_ptr<Bout>> createCpuBout(std::vector<Candidate> candidates, unsigned threads);
/// On a GPU by its number. A candidate that names the form of its code has that one.
Result<std::unique_ptr<Bout>> createCudaBout(std::vector<Candidate> candidates, unsigned ordinal);
/// Candidate::check there, in that form.
Status checkOnCuda(const Candidate &candidate, unsigned ordinal);

/// Which arguments of a kernel's timed run have copies, and how many.
struct ColdArguments {
  /// Weights and pools of states: what is as large in the other golden case.
  std::vector<size_t> arguments;
  size_t copies = 1;

  /// So many that all copies together are about `bytes`.
  static ColdArguments of(const KernelSpec &kernel, uint64_t bytes);
};

/// How many runs in a row take about as long as a timing, if one takes so many
/// seconds.
size_t runsOfATiming(double seconds);

} // namespace mamba::tune
