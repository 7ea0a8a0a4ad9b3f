// What sessions and tools ask of a pack, beyond its manifest as it stands.
#pragma once

#include "runtime/model/tokenizer/Tokenizer.h"
#include "runtime/pack/GenerationConfig.h"
#include "runtime/pack/Pack.h"
#include "runtime/support/Status.h"

#include <cstdint>
#include <memory>
#include <mutex>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace mamba {

/// A state's shape outside of packs: its last two dimensions exchanged if the
/// spec says `transposed`.
std::vector<int64_t> outsideShape(const StateSpec &state);

/// Bytes of one slot of a state.
uint64_t slotBytes(const StateSpec &state);

/// One slot from the pool's layout to the outside layout, and back. Both sides
/// are slotBytes() long.
void stateToOutside(const StateSpec &state, const void *pool, void *outside);
void stateFromOutside(const StateSpec &state, const void *outside, void *pool);

/// Shared by all that use a pack; safe for any number of threads.
class PackInfo {
public:
  static Result<std::shared_ptr<const PackInfo>> open(const std::string &path);
  /// Refuses packs that are not for running.
  static Result<std::shared_ptr<const PackInfo>> make(std::shared_ptr<const Pack> pack);
  explicit PackInfo(std::shared_ptr<const Pack> pack);

  const std::shared_ptr<const Pack> &pack() const { return pack_; }
  const Manifest &manifest() const { return pack_->manifest(); }

  /// Columns of logits that mean a token: the manifest's number; if unknown,
  /// the tokenizer's size; without one the vocabulary. 0 without a model.
  Result<uint64_t> validVocabSize() const;

  /// The pack's tokenizer, parsed at the first call.
  Result<Tokenizer> tokenizer() const;

  /// What the checkpoint's generation_config.json says; nothing without one.
  Result<GenerationConfig> generationConfig() const;

  /// The tokens that end a text, as mamba_pack_end_tokens says.
  Result<std::vector<int32_t>> endTokens() const;

  /// The index of an entry; NotFound names those that there are.
  Result<uint32_t> findEntry(std::string_view name) const;

private:
  Result<EndTokens> configuredEndTokens() const;

  std::shared_ptr<const Pack> pack_;
  mutable std::mutex mutex_;
  mutable std::optional<Result<Tokenizer>> tokenizer_; // Guarded by mutex_.
};

} // namespace mamba
