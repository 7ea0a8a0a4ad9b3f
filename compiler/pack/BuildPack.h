// From a checkpoint, or a module over ssm ops, to a pack file.
#pragma once

#include "runtime/support/Status.h"

#include <cstdint>
#include <functional>
#include <string>
#include <vector>

namespace mamba {

struct BuildOptions {
  std::string input;  // the folder of a checkpoint, or an .mlir file
  std::string output; // the pack
  std::vector<std::string> targets = {"cpu:native"};
  bool embedWeights = false;
  bool batchInvariant = false;
  /// Whether cuda targets get their kernels as CUDA C++ too.
  bool cudaSource = true;
  /// Whether the pack gets an end-to-end check. Auto: where the checkpoint is
  /// at hand and the reference takes some seconds at most.
  enum class Check { Auto, On, Off } check = Check::Auto;
  /// So many products count as some seconds.
  uint64_t cheapCheck = 5'000'000'000;
  /// As in PipelineOptions.
  bool overlap = true;
  std::string weights = "f32", activations = "f32";
  /// Takes what is being done, one line each.
  std::function<void(const std::string &)> note = [](const std::string &) {};
};

/// Whether code can be generated for a target of this name; if not, which ones
/// are known.
Status checkTarget(const std::string &name);

/// Builds the pack; the file appears complete or not at all. A failure is one
/// line: what, where, what to do.
Status buildPack(const BuildOptions &options);

} // namespace mamba
