#include "runtime/pack/Check.h"

#include "runtime/support/Quote.h"
#include "runtime/support/SplitMix64.h"

#include <algorithm>
#include <cmath>

using namespace mamba;

/// Of a tensor, so many pieces of so many bytes are looked at.
static constexpr uint64_t kPieces = 16, kPieceBytes = 256;
/// Steps and sequences of a check.
static constexpr uint64_t kMaxSteps = 64;

int32_t mamba::checkToken(const CheckSpec &check, uint64_t sequence,
                          uint64_t position) {
  return static_cast<int32_t>(
      splitmix64(0x6d616d6261 + (sequence << 40) + position) % check.below);
}

uint64_t mamba::checkColumns(const Manifest &manifest, const CheckSpec &check) {
  // Verified: one dimension.
  return static_cast<uint64_t>(
      manifest.entries[check.entry].outputs[0].shape[0]);
}

void Fingerprint::add(const WeightSpec &weight,
                      std::span<const uint8_t> bytes) {
  sha_.update(weight.name + " " + std::string(dtypeName(weight.dtype)) + " " +
              formatShape(weight.shape) + "\n");
  if (bytes.size() <= kPieces * kPieceBytes)
    return sha_.update(bytes.data(), bytes.size());
  for (uint64_t i = 0; i < kPieces; ++i)
    // Divided first: no product is too large.
    sha_.update(bytes.data() + (bytes.size() - kPieceBytes) / (kPieces - 1) * i,
                kPieceBytes);
}

/// It takes tokens alone, and yields one row for each sequence.
static Status verifyEntry(const Manifest &manifest, const CheckSpec &check) {
  if (check.entry >= manifest.entries.size())
    return invalidData("entry " + text(check.entry) +
                       " is out of range, there are " +
                       text(manifest.entries.size()));
  const EntrySpec &entry = manifest.entries[check.entry];
  auto fits = [](const std::vector<TensorSpec> &tensors, DType dtype,
                 RowKind rows, size_t rank) {
    return tensors.size() == 1 && tensors[0].dtype == dtype &&
           tensors[0].rows == rows && tensors[0].shape.size() == rank;
  };
  if (!fits(entry.inputs, DType::I32, RowKind::T, 0) ||
      !fits(entry.outputs, DType::F32, RowKind::S, 1) ||
      entry.outputs[0].shape[0] == 0)
    return invalidData("entry " + inQuotes(entry.name) +
                       " must take I32 [T] and give F32 [S, V]");
  uint64_t rows = entry.inputs[0].below;
  if (check.below == 0 || check.below > uint64_t(INT32_MAX) ||
      (rows != 0 && check.below > rows))
    return invalidData("token ids below " + text(check.below) +
                       " do not fit a table of " + text(rows) + " rows");
  return {};
}

static Status verifySteps(const CheckSpec &check) {
  if (check.steps.empty() || check.steps.size() > kMaxSteps)
    return invalidData("there must be 1 to " + text(kMaxSteps) +
                       " steps, got " + text(check.steps.size()));
  uint64_t tokens = 0;
  for (const std::vector<int64_t> &lengths : check.steps) {
    if (lengths.empty() || lengths.size() > kMaxSteps ||
        lengths.size() != check.steps[0].size())
      return invalidData("every step must have the same 1 to " +
                         text(kMaxSteps) + " sequences");
    for (int64_t length : lengths) {
      if (length < 1)
        return invalidData("a sequence must have a token in every step");
      tokens += std::min<uint64_t>(length, kGuaranteedRows + 1);
    }
  }
  if (tokens > kGuaranteedRows)
    return invalidData("the steps have more than " + text(kGuaranteedRows) +
                       " tokens");
  return {};
}

Status mamba::verifyCheck(const Manifest &manifest, const CheckSpec &check) {
  MAMBA_RETURN_IF_ERROR(verifyEntry(manifest, check));
  MAMBA_RETURN_IF_ERROR(verifySteps(check));
  if (!isSha256Hex(check.weights))
    return invalidData("the weights' fingerprint must be 64 hex digits");
  if (check.stride == 0)
    return invalidData("the stride must be at least 1");
  if (!std::isfinite(check.tolerance) || check.tolerance < 0)
    return invalidData("the tolerance must be a finite number of at least 0");
  uint64_t wanted = check.steps.size() * checkSequences(check) *
                    checkSamples(manifest, check) * sizeof(float);
  for (const BlobSpec &blob : manifest.blobs)
    if (blob.name == check.blob) {
      if (blob.rawBytes == wanted)
        return {};
      return invalidData("blob " + inQuotes(check.blob) + " must have " +
                         text(wanted) + " bytes, got " + text(blob.rawBytes));
    }
  return invalidData(inQuotes(check.blob) + " is not a blob");
}
