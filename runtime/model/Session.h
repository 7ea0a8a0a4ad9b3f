// Sequences with their states: feeds ragged batches of tokens, in pieces that
// bound the memory.
#pragma once

#include "runtime/device/HostStepQueue.h"
#include "runtime/model/Model.h"
#include "runtime/model/Sampler.h"
#include "runtime/support/Status.h"

#include <array>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <span>
#include <string_view>
#include <vector>

namespace mamba {

inline constexpr uint64_t kDefaultStepTokens = 1024, kGpuStepTokens = 2048;
inline constexpr uint64_t kMaxSlots = 1 << 20;
inline constexpr size_t kRecentTokens = 32;

struct SessionOptions {
  uint64_t slots = 1;
  /// Tokens of all sequences in one run of the kernels.
  uint64_t maxStepTokens = kDefaultStepTokens;
  bool batchInvariant = false;
};

/// The tokens that one sequence gets in a step.
struct SequenceTokens {
  uint32_t slot;
  std::span<const int32_t> tokens; // Borrowed for the call.
};

/// A sequence to be continued, and what chooses its tokens.
struct SequenceSampler {
  uint32_t slot;
  Sampler *sampler; // Borrowed for the call.
};

/// Gets one token a sequence; whether to go on.
using OnTokens = std::function<bool(std::span<const int32_t> tokens)>;

enum class WantLogits : uint8_t { None, Last, All };

/// All that a slot holds; states in the pools' layout, in the order of
/// Executable::states().
struct SlotSnapshot {
  int64_t position = 0;
  std::vector<std::vector<uint8_t>> states;
  std::vector<float> logits;   // pending, [V]; empty if there are none
  std::vector<int32_t> recent; // newest tokens, oldest first
};

/// A nll sum and how many tokens it covers.
struct Score {
  double nll = 0;
  uint64_t predicted = 0;
};

/// The most tokens that a sequence sees.
inline constexpr int64_t kMaxPosition = int64_t(1) << 62;

/// The semantics are those of mamba_session_* in mamba/runtime.h.
class Session {
public:
  static Result<std::unique_ptr<Session>> create(std::shared_ptr<Model> model,
                                                 SessionOptions options);

  const Model &model() const { return *model_; }
  uint64_t slots() const { return slots_.size(); }
  const SessionOptions &options() const { return options_; }
  uint64_t vocabSize() const { return vocabSize_; }

  /// logits: [] for None, [sequences, V] for Last, [tokens, V] for All.
  Status step(std::span<const SequenceTokens> sequences, WantLogits want,
              std::span<float> logits);
  Status generate(std::span<const SequenceSampler> sequences, uint64_t count,
                  const OnTokens &onTokens);
  Result<Score> score(uint32_t slot, std::span<const int32_t> tokens);
  Status call(uint32_t entry, std::span<const uint32_t> slots,
              std::span<const int64_t> lengths,
              std::span<const std::span<const uint8_t>> inputs,
              std::span<const std::span<uint8_t>> outputs);

  /// Pending logits [V]; borrowed until the slot next changes.
  Result<std::span<const float>> logits(uint32_t slot);
  Result<int64_t> position(uint32_t slot) const;
  Result<std::span<const int32_t>> recent(uint32_t slot) const;

  Status clear(uint32_t slot);
  Status copy(uint32_t from, uint32_t to);

  /// One state in the outside layout.
  Status readState(uint32_t slot, std::string_view id,
                   std::span<uint8_t> to);
  Status writeState(uint32_t slot, std::string_view id,
                    std::span<const uint8_t> from);

  Result<SlotSnapshot> snapshot(uint32_t slot);
  /// All or nothing. The snapshot must fit this session's model.
  Status restore(uint32_t slot, const SlotSnapshot &snapshot);

private:
  struct Slot {
    int64_t position = 0;
    bool hasLogits = false;
    bool broken = false; // A device failed midway: states are unknown.
    /// Of the sequence, but no kernel has seen it yet; not in `position`.
    std::optional<int32_t> unfed;
    uint64_t check = 0; // The checkDistinct that met it last.
    size_t recentCount = 0;
    std::array<int32_t, kRecentTokens> recent;
    void remember(std::span<const int32_t> tokens);
  };
  /// What one run of the kernels takes: whole sequences but for the last.
  struct Piece {
    std::vector<size_t> sequence; // index of each in the step
    std::vector<uint8_t> ends;    // whether its last token is in this piece
    std::vector<int64_t> seqStart;
    std::vector<int32_t> slot;
    std::vector<int64_t> position;
    std::vector<int32_t> tokens;
    void clear();
  };

  class DeviceSampling;

  Session() = default;
  Status findModelEntries();
  Status findSampleEntry();
  Status hasNoModel() const;
  Status checkSlot(uint32_t slot) const;
  Status checkIdle() const;
  Status checkIdle(uint32_t slot) const;
  Status checkUsable(uint32_t slot) const;
  Status checkDistinct(std::span<const uint32_t> slots);
  /// How many tokens the sequence may see yet.
  uint64_t room(uint32_t slot) const;
  Status checkRoom(uint32_t slot, uint64_t count) const;
  Status checkToken(int64_t token, uint64_t bound,
                    const std::string &what) const;
  Status checkStep(std::span<const SequenceTokens> sequences, WantLogits want,
                   std::span<float> logits);
  Status checkGenerate(std::span<const SequenceSampler> sequences);
  /// The kernels see what they have not; whoever looks at states calls it.
  Status feedUnfed(std::span<const uint32_t> slots);
  Result<std::span<const int32_t>>
  sampleOnHost(std::span<const SequenceSampler> sequences);
  void sample(const SequenceSampler &sequence, uint32_t index);
  /// Why the device cannot choose, null if it can.
  const char *
  whyOnHost(std::span<const SequenceSampler> sequences) const;
  Status generateOnHost(std::span<const SequenceSampler> sequences,
                        uint64_t count, const OnTokens &onTokens);
  void cutPiece(std::span<const SequenceTokens> sequences, size_t &sequence,
                size_t &offset);
  /// Runs an entry over the batch of piece_.
  Status run(uint32_t entry, std::span<const void *const> inputs,
             std::span<void *const> outputs);
  Status runLast();
  Status runAll(float *rows);
  void finishPiece(std::span<const SequenceTokens> sequences);
  /// Whether a run of the kernels may have changed states: not where it failed
  /// for want of memory.
  static bool hasBegun(const Status &ran) {
    return ran.code() != StatusCode::OutOfMemory;
  }
  Result<size_t> findState(std::string_view id) const;
  float *pending(uint32_t slot) {
    return pendingLogits_.get() + uint64_t(slot) * vocabSize_;
  }
  const float *pending(uint32_t slot) const {
    return pendingLogits_.get() + uint64_t(slot) * vocabSize_;
  }

  std::shared_ptr<Model> model_;
  std::unique_ptr<Context> context_;
  SessionOptions options_;
  std::vector<Slot> slots_;
  uint64_t vocabSize_ = 0; // 0 without a model
  std::optional<uint32_t> nextEntry_, logitsEntry_, sampleEntry_;
  std::optional<HostStepQueue> hostQueue_; // Of devices without their own.
  bool isGenerating_ = false;
  std::unique_ptr<float[]> pendingLogits_; // [slots, V]

  // Scratch, kept to spare the allocation.
  Piece piece_;
  std::vector<float> rows_;
  std::vector<uint32_t> stepSlots_; // of the step that is asked for
  std::vector<uint32_t> unfed_;
  std::vector<int32_t> sampled_; // by sequence
  std::vector<Status> sampling_; // by sequence
  std::vector<uint64_t> draws_;  // by sequence, before they chose
  uint64_t checks_ = 0;          // calls of checkDistinct
};

} // namespace mamba
