// What mamba-predict knows of the steps of the folder's models: predictions.jsonl, its
// output of --json.
#pragma once

#include "bench/gpu/Rows.h"

#include <optional>
#include <vector>

namespace mamba::bench {

/// A limit of the machine and how much of it something needs at least.
struct Floor {
  double bytes = 0, flops = 0, specials = 0;
};

struct KernelWork {
  std::string role, against;
  Floor floor;
  std::optional<double> predicted, accept; // seconds; share of `against`
};

struct StepWork {
  Floor floor;
  std::string against;
  std::optional<double> predicted, accept;
};

class Work {
public:
  /// Without the file everything is unknown.
  static Work of(const CheckFolder &folder, const std::string &gpu);

  /// For a row with model, weights, sequences and length.
  std::optional<StepWork> step(const Row &row) const;
  std::optional<KernelWork> kernel(const Row &row) const;

private:
  const nlohmann::json *find(const Row &row) const;
  /// Times are for one kind of GPU, whole words of whose name are the same.
  bool isPredicted(const nlohmann::json &step) const;

  std::vector<std::string> gpu_; // the words of its name
  std::vector<nlohmann::json> steps_;
};

} // namespace mamba::bench
