// One interface for every device: a pack's target is loaded once, its weights
// once, and any number of contexts then run entries over ragged batches.
#pragma once

#include "runtime/pack/Pack.h"
#include "runtime/support/Status.h"

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>

namespace mamba {

/// The ragged batch of one step: S sequences, T = seqStart[S] tokens, either
/// of which may be 0. Sequence s has the rows [seqStart[s], seqStart[s+1]); it
/// may be empty. Everything is borrowed for the duration of the call.
struct Batch {
  std::span<const int64_t> seqStart; // [S+1], starts with 0, never falls
  std::span<const int32_t> slot;     // [S], no slot twice
  std::span<const int64_t> position; // [S], tokens that the slot has seen
  uint64_t sequences() const { return slot.size(); }
  uint64_t tokens() const { return static_cast<uint64_t>(seqStart.back()); }
};

/// Where weights come from: a checkpoint or the pack itself.
class WeightSource {
public:
  virtual ~WeightSource() = default;
  /// The tensor's bytes, mapped and valid for the life of the source; checked
  /// against dtype and shape. An error names tensor, expected and found.
  virtual Result<std::span<const uint8_t>> find(const WeightSpec &spec) = 0;
  /// What find() gave is not needed for a while: where it mirrors a file its
  /// memory may go. It stays valid, and comes back when it is read.
  virtual void rest(std::span<const uint8_t>) {}
};

/// Called with (done, total) bytes or steps.
using Progress = std::function<void(uint64_t done, uint64_t total)>;

/// Steps that are queued behind one another, so that the device goes on while
/// the host looks at what came out. OutOfMemory of submit: nothing of this step
/// has run, and what is queued stays so. After any other failure nothing is
/// queued, and the states of the slots are unknown.
class StepQueue {
public:
  /// So many steps may be queued whose outputs were not waited for.
  static constexpr size_t kDepth = 2;

  struct Step {
    uint32_t entry;
    const Batch &batch;
    bool invariant;
    /// As of Context::run, but copied before submit returns; a null one is
    /// output `carried` of the step submitted before, of the same entry, sizes
    /// and program.
    std::span<const void *const> inputs;
    /// Written by the wait for this step; a null one stays on the device.
    std::span<void *const> outputs;
    std::optional<uint32_t> carried = std::nullopt;
  };

  virtual ~StepQueue() = default;
  virtual Status submit(const Step &step) = 0;
  /// The oldest queued step is done; its outputs are there.
  virtual Status wait() = 0;
  /// An output of the newest step, all having been waited for and nothing else
  /// run since.
  virtual Status fetch(uint32_t output, void *to) = 0;
};

/// Arena and state pools of one user of a model. Not thread-safe; several
/// contexts of one executable may run at the same time.
class Context {
public:
  virtual ~Context() = default;

  /// Runs the first program of `entry` that fits. inputs[i] and outputs[i] are
  /// host memory of exactly the entry's i-th input and output for this batch
  /// (row-major, packed, aligned to its element). A null output is computed
  /// and thrown away. A batch that breaks its rules is refused. OutOfMemory:
  /// nothing has run, the states are as they were.
  virtual Status run(uint32_t entry, const Batch &batch, bool invariant,
                     std::span<const void *const> inputs,
                     std::span<void *const> outputs) = 0;

  /// Where steps can be queued; null if this device has nothing to gain. While
  /// some are, nothing else may be asked of the context. Lives as long as it.
  virtual StepQueue *queue() { return nullptr; }

  virtual uint64_t slots() const = 0;
  /// Bytes of one slot of state pool `state` (an index into states()).
  /// Layout is the pool's: StateSpec::shape, not transposed.
  virtual Status readState(uint32_t state, uint32_t slot, void *to) const = 0;
  virtual Status writeState(uint32_t state, uint32_t slot,
                            const void *from) = 0;
  virtual Status clearSlot(uint32_t slot) = 0;             // all pools to zero
  virtual Status copySlot(uint32_t from, uint32_t to) = 0; // all pools
};

/// A table for people or one JSON object.
enum class ProfileForm : uint8_t { Text, Json };

/// What came of a pack's end-to-end check, if it did not fail.
struct ModelCheck {
  bool hasRun = false;
  std::string text; // One line: what is right, or why it has not run.
};

/// A target of a pack on a device with its weights.
class Executable {
public:
  virtual ~Executable() = default;

  /// "cpu", "cuda" or "sim": where it runs.
  virtual const char *device() const { return target().device.c_str(); }
  /// What runs where, for people.
  virtual std::string description() const { return "target " + target().name; }
  virtual const Pack &pack() const = 0;
  virtual const TargetSpec &target() const = 0;
  /// The distinct states of the pack's entries, by id, in order of first use.
  virtual const std::vector<StateSpec> &states() const = 0;

  /// Binds the weights and runs the recipe. Once, before the first context
  /// (need not be called for a pack without weights). `source` is kept. After
  /// a failure it may be called again. Progress counts the bytes of the
  /// checkpoint's tensors that are read, each once. On a GPU, what the pack's
  /// end-to-end check says is the last of it; see checkModel.
  virtual Status loadWeights(std::shared_ptr<WeightSource> source,
                             const Progress &progress) = 0;

  /// State pools of `slots` slots, zeroed.
  virtual Result<std::unique_ptr<Context>> createContext(uint64_t slots) = 0;

  /// Runs every golden case of every kernel; the failure names the kernel,
  /// the case, the error found and allowed. Needs no weights.
  virtual Status selfTest(const Progress &progress) = 0;

  /// After loadWeights, feeds the tokens of the pack's end-to-end check to a
  /// context of its own, if there is one for these weights; the failure names
  /// step, sequence, token, the error found and allowed.
  virtual Result<ModelCheck> checkModel() = 0;

  /// Does tasks 0 to count - 1 of the host's, on the threads that run kernels if
  /// they are this machine's, in any order and at the same time. They do not
  /// throw.
  virtual void
  runOnThreads(uint32_t count,
               const std::function<void(uint32_t index)> &task);

  /// What the kernels have done so far, by kernel: on `cpu` the time that they
  /// took, on `sim` the time predicted for `chip` (empty: the target's).
  /// Unavailable if nothing is counted; invalid if the chip is unknown.
  virtual Result<std::string> profile(const std::string &chip,
                                      ProfileForm form) const;
  /// Forgets what was counted.
  virtual void clearProfile() {}
};

struct DeviceOptions {
  unsigned threads = 0; // 0: one for each processor that this process may use
  bool counts = false;  // for Executable::profile, where it can
  std::string target = {}; // of the pack; empty: the best for the device
  /// Told in one line what "auto" passed over, and why. May be null.
  std::function<void(const std::string &message)> warn = nullptr;
  /// Told in one line what was checked when weights were loaded. May be null.
  std::function<void(const std::string &message)> inform = nullptr;
};

/// Loads the best target of the pack that this machine's CPU can run: the one
/// with the most features, the first of equals. Unavailable, naming for each
/// target the missing feature or architecture, if there is none. Warns where the
/// operating system alone keeps a better one from running. Contexts run
/// on the executable's threads, one step at a time; with one thread, each runs
/// on its caller's.
Result<std::unique_ptr<Executable>> loadOnCpu(std::shared_ptr<const Pack> pack,
                                              const DeviceOptions &options);

/// Loads the PTX of one of the pack's cuda targets into the simulated GPU: the
/// one asked for, else the one that MAMBA_SIM_TARGET names, else the newest
/// chip's. Kernels run on
/// `threads` threads, one step of all contexts at a time. MAMBA_SIM_CHECKS says
/// how much is checked: all, memory (no races) or off. Unavailable if there is
/// no such target.
Result<std::unique_ptr<Executable>> loadOnSim(std::shared_ptr<const Pack> pack,
                                              const DeviceOptions &options);

/// Loads the newest of the pack's cuda targets that NVIDIA's GPU number
/// `ordinal` runs: its cubin, else its PTX compiled by the driver, else its C++
/// compiled by NVRTC; MAMBA_CUDA_PREFER (cubin, ptx or nvrtc) forces one. At the
/// first load of this code on such a GPU the self-test must pass. Contexts may
/// run at the same time. Unavailable if there is no driver, GPU or code for it.
Result<std::unique_ptr<Executable>> loadOnCuda(std::shared_ptr<const Pack> pack,
                                               unsigned ordinal,
                                               const DeviceOptions &options);

/// Which GPU a device's name means: "cuda" is 0, "cuda:N" is N; none for another.
std::optional<unsigned> gpuOf(std::string_view device);

/// The device by its name: cpu, cuda, cuda:N, sim or auto, which is the device of
/// the target that is asked for, if one is. Invalid if it is another, unavailable
/// if this program has no such device.
Result<std::unique_ptr<Executable>>
loadOnDevice(std::shared_ptr<const Pack> pack, const std::string &device,
             const DeviceOptions &options);

} // namespace mamba
