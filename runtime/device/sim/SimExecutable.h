// A pack's PTX on the simulated GPU.
#pragma once

#include "runtime/device/BoundWeights.h"
#include "runtime/device/Memory.h"
#include "runtime/device/TargetExecutable.h"
#include "runtime/device/sim/Profile.h"
#include "runtime/device/sim/Sim.h"

#include <memory>
#include <mutex>
#include <vector>

namespace mamba {

class WeightProgress;

struct GoldenRun;

/// Memory of the host as an allocation of the simulator, while this lives. Who
/// makes or ends one holds SimExecutable::lock().
class SimMapping {
public:
  SimMapping() = default;
  /// For kernels to read and write; !isWritten: nothing is there yet.
  static Result<SimMapping> make(sim::GlobalMemory &memory, void *host,
                                 uint64_t bytes, std::string name,
                                 bool isWritten);
  static Result<SimMapping> makeReadOnly(sim::GlobalMemory &memory,
                                         const void *host, uint64_t bytes,
                                         std::string name);
  SimMapping(SimMapping &&other) noexcept { swap(other); }
  SimMapping &operator=(SimMapping &&other) noexcept {
    swap(other);
    return *this;
  }
  ~SimMapping();

  uint64_t address() const { return address_; }

private:
  void swap(SimMapping &other) noexcept;

  sim::GlobalMemory *memory_ = nullptr; // Borrowed; outlives the mapping.
  uint64_t address_ = 0;
};

class SimExecutable final : public TargetExecutable {
public:
  static Result<std::unique_ptr<SimExecutable>>
  load(std::shared_ptr<const Pack> pack, const DeviceOptions &options);

  const char *device() const override { return "sim"; }
  Status selfTest(const Progress &progress) override;
  Result<std::string> profile(const std::string &chip,
                              ProfileForm form) const override;
  void clearProfile() override;

  // For contexts.
  /// Held by whoever changes memory() or launches: one step at a time.
  std::unique_lock<std::mutex> lock() const {
    return std::unique_lock(mutex_);
  }
  sim::GlobalMemory &memory() { return memory_; }
  const sim::Checks &checks() const { return checks_; }
  /// Of a space that is the same for all contexts: Weight or Packed.
  uint64_t address(const ArgRef &arg) const {
    return arg.space == ArgSpace::Weight
               ? weightMappings_[arg.number].address()
               : packedMapping_.address() + arg.number;
  }
  /// What a kernel gets before its arguments.
  struct Step {
    uint64_t rows, sequences;
    uint64_t seqStart, slot; // addresses
  };
  /// Runs the kernel's tiles to their end; the failure is what the simulator
  /// found. Kernels of a program may find others running.
  Status launch(uint32_t kernel, uint64_t tiles, const Step &step,
                std::span<const uint64_t> args, bool isOfProgram = false);

private:
  SimExecutable(std::shared_ptr<const Pack> pack, const TargetSpec &target);
  Status prepareWeights(WeightSource *source,
                        const Progress &progress) override;
  Result<std::unique_ptr<Context>> makeContext(uint64_t slots) override;
  Status loadModule();
  Status describeKernels();
  Status bindKernel(const KernelSpec &kernel, size_t args);
  Status mapWeights();
  Status runRecipe(WeightProgress &progress);
  Status runGolden(uint32_t kernel, const GoldenRun &run);

  sim::Checks checks_;
  unsigned threads_ = 1;
  bool counts_ = false;

  mutable std::mutex mutex_;
  std::unique_ptr<sim::Module> module_;
  std::vector<uint32_t> kernels_; // Of the target, in module_.
  sim::Profile profile_;          // Of the same.
  sim::GlobalMemory memory_;

  BoundWeights weights_;
  Memory packed_;
  std::vector<SimMapping> weightMappings_; // by weight
  SimMapping packedMapping_;
  uint64_t settled_ = 0; // since then weights do not change
};

} // namespace mamba
