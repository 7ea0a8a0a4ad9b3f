// What the kernels of a run did, kernel by kernel, and how long a chip would
// have taken for it.
#pragma once

#include "runtime/device/sim/Chips.h"
#include "runtime/device/sim/CubinMix.h"

#include <map>
#include <optional>
#include <string>
#include <vector>

namespace mamba::sim {

class Profile {
public:
  struct Kernel {
    std::string name;
    uint32_t threads = 1;     // of a block
    uint32_t registers = 0;   // of a thread; 0: not known
    uint32_t sharedBytes = 0; // of a block
    /// Static mixes, where there is PTX or machine code to take them from.
    std::optional<InstructionMix> ptx, machine;
  };

  Profile() = default;
  explicit Profile(std::vector<Kernel> kernels)
      : kernels_(std::move(kernels)), launches_(kernels_.size()) {}

  /// One launch of `blocks` blocks.
  void add(size_t kernel, uint64_t blocks, const Counts &launch) {
    launches_[kernel][blocks].add(launch);
  }

  const std::vector<Kernel> &kernels() const { return kernels_; }
  /// All launches of a kernel.
  Counts counts(size_t kernel) const;

  /// A table for people, the kernels that take longest first, and where the
  /// machine code differs from the PTX.
  std::string table(const Chip &chip) const;
  /// The same and every count, as one JSON object.
  std::string json(const Chip &chip) const;

private:
  struct Row {
    size_t kernel;
    Counts counts;
    Prediction prediction; // of the launches that take longest together
    double seconds = 0;    // of all launches
    bool fits = true;
  };
  std::vector<Row> rows(const Chip &chip) const;

  std::vector<Kernel> kernels_;
  /// By kernel and number of blocks, so that each shape is predicted by itself.
  std::vector<std::map<uint64_t, Counts>> launches_;
};

} // namespace mamba::sim
