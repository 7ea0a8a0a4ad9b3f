// The end-to-end check of a pack: its tokens, its samples, and the weights that
// it is for. FORMAT.md is the contract; who builds a pack and who runs it ask
// here alike.
#pragma once

#include "runtime/pack/Manifest.h"
#include "runtime/support/Sha256.h"

#include <cstdint>
#include <span>
#include <string>

namespace mamba {

/// Token `position` of a sequence.
int32_t checkToken(const CheckSpec &check, uint64_t sequence, uint64_t position);

/// Sequences of every step; they have the slots checkSlots() - 1, - 2, ..., 1.
inline uint64_t checkSequences(const CheckSpec &check) {
  return check.steps[0].size();
}
inline uint64_t checkSlots(const CheckSpec &check) {
  return checkSequences(check) + 1;
}

/// Columns of the entry's output, and how many of a row are compared.
uint64_t checkColumns(const Manifest &manifest, const CheckSpec &check);
inline uint64_t checkSamples(const Manifest &manifest, const CheckSpec &check) {
  return (checkColumns(manifest, check) - 1) / check.stride + 1;
}

/// What FORMAT.md promises of `check`, with its place in the manifest.
Status verifyCheck(const Manifest &manifest, const CheckSpec &check);

/// Tells checkpoints of the same shapes apart by little of their bytes.
class Fingerprint {
public:
  /// The checkpoint's tensors in their order.
  void add(const WeightSpec &weight, std::span<const uint8_t> bytes);
  std::string finish() { return toHex(sha_.finish()); }

private:
  Sha256 sha_;
};

} // namespace mamba
