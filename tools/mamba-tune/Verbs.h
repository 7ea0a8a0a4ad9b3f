// What mamba-tune does; each takes the options and gives the text for stdout.
#pragma once

#include "runtime/tune/Shard.h"
#include "runtime/tune/Sweep.h"

#include <memory>
#include <string>
#include <vector>

namespace CLI {
class App;
class Option;
} // namespace CLI

namespace mamba::tune {

/// What sweeps over models and over packs have in common.
struct TuneCommand {
  std::string input, target; // empty target: the one that fits best
  std::string device;        // empty: cpu; for GPUs, sim of a model, cuda of a pack
  std::string chip;          // that a GPU's kernels are predicted for; empty: the target's first
  std::string filter;        // of keys, a part of them; empty: all kernels
  std::string database;      // empty: one named after target and shard, in this folder
  std::string report;        // an SVG; empty: none
  bool resume = false, quiet = false;
  bool noWait = false; // beside another sweep
  Shard shard; // of the kernels
  SweepSettings settings;
};

/// What is done with an input that is no pack: with the compiler Model.cpp, without
/// one NoModel.cpp.
class ModelVerb {
public:
  virtual ~ModelVerb() = default;
  /// `signal` is what stopped it; left as it is if none did.
  virtual Result<std::string> run(const TuneCommand &command, int &signal) = 0;

  /// The options that packs have no use for.
  std::vector<CLI::Option *> options;
};

/// Adds its options. `ofSweeps` are those without use where nothing is timed.
std::unique_ptr<ModelVerb> addModel(CLI::App &app, const std::vector<CLI::Option *> &ofSweeps);
/// What a process does that a sweep over a model has started.
Status runModelWorker(const std::string &verb, const std::vector<std::string> &arguments);

/// Measures the variants of a tuning pack, which was made of the input if it is not the
/// input; as ModelVerb::run.
Result<std::string> tunePack(const TuneCommand &command, const std::string &pack, int &signal);

} // namespace mamba::tune
