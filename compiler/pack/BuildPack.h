// From a checkpoint, or a module over ssm ops, to a pack file.
#pragma once

#include "runtime/support/KernelCache.h"
#include "runtime/support/Status.h"

#include <cstddef>
#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <vector>

namespace mamba {

struct BuildOptions {
  std::string input;  // the folder of a checkpoint, or an .mlir file
  std::string output; // the pack
  std::vector<std::string> targets = {"cpu:native"};
  bool embedWeights = false;
  bool batchInvariant = false;
  /// Of the cpu targets, as in PipelineOptions.
  int64_t scanSlices = 0, scanBlock = 0;
  /// Whether cuda targets get their kernels as CUDA C++ too.
  bool cudaSource = true;
  /// Whether the pack gets an end-to-end check. Auto: where the checkpoint is
  /// at hand and the reference takes some seconds at most.
  enum class Check { Auto, On, Off } check = Check::Auto;
  /// So many products count as some seconds.
  uint64_t cheapCheck = 5'000'000'000;
  /// As in PipelineOptions.
  bool overlap = true, knownSchedules = true;
  std::string weights = "f32", activations = "f32", scheduleFile;
  /// Threads; the pack is the same for any number.
  unsigned jobs = 1;
  /// Where compiled kernels and computed self-tests are kept; the pack is the
  /// same with and without.
  std::optional<KernelCache> cache = {};
  /// Takes what is being done, one line each, from one thread at a time.
  std::function<void(const std::string &)> note = [](const std::string &) {};
  /// Takes how much is done of how much, likewise.
  std::function<void(size_t, size_t)> progress = [](size_t, size_t) {};
  /// Whether the user wants to stop; then `quit` must end the process, which is
  /// called when no temporary file is there.
  std::function<bool()> stop = [] { return false; };
  std::function<void()> quit = [] {};
};

/// Whether code can be generated for a target of this name; if not, which ones
/// are known.
Status checkTarget(const std::string &name);

/// Every target that means the same on all machines.
std::vector<std::string> allTargets();

/// Builds the pack; the file appears complete or not at all. A failure is one
/// line: what, where, what to do.
Status buildPack(const BuildOptions &options);

} // namespace mamba
