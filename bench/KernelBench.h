// Benchmarks of each kernel of a model by itself.
#pragma once

#include "bench/Machine.h"

#include <memory>
#include <string>
#include <vector>

namespace mamba::bench {

/// What is compiled, and for how many tokens of a prefill it is measured.
struct KernelOptions {
  std::string checkpoint; // its folder
  std::string target = "cpu:native", weights = "f32", activations = "f32";
  std::vector<int64_t> tokens = {512};
};

/// The arithmetic of a kernel or a model, by the unit that does it.
struct Work {
  double fmaFlops = 0;  // of projections by multiply-adds of vectors
  double tileFlops = 0; // of projections by tiles
  double updates = 0;   // of states of a scan

  void add(const Work &other, double times);
  /// The least time at the limits of vectors with so many lanes.
  double seconds(const Machine &machine, int64_t lanes) const;
};

/// What a model's steps consist of.
struct ModelWork {
  int64_t lanes = 0;      // of the target's vectors
  Work perToken, perStep; // of a prefill; the head works on the last row only
};

/// Compiles the checkpoint and registers a benchmark for each kernel of a decode
/// step, of a step of 8 tokens and of the prefills. `work` receives those of the
/// model. On failure `error` has one line.
bool registerKernels(const KernelOptions &options, std::shared_ptr<const Machine> machine,
                     ModelWork &work, std::string &error);

} // namespace mamba::bench
