// Writes a pack file; FORMAT.md is the contract.
#pragma once

#include "runtime/pack/Pack.h"
#include "runtime/support/Checkpoint.h"

#include <cstdint>
#include <functional>
#include <map>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace mamba {

/// Code as it is stored.
Result<StoredBlob> compressBlob(std::span<const uint8_t> bytes);

/// What a pack holds. Blobs of one kind with the same bytes are one.
class PackContent {
public:
  Manifest manifest;
  std::optional<std::string> configJson, tokenizerJson, generationJson;

  /// Adds a blob of a kind ("code", "cubin", "cuda"), or finds it; its name.
  std::string addBlob(const std::string &kind, StoredBlob blob);
  /// The same for expected outputs.
  std::string addGolden(const std::vector<float> &values);
  /// Adds the weights that the manifest names. Checkpoint and pack are borrowed
  /// until the content is written.
  Status embedWeights(const Checkpoint &checkpoint);
  Status embedWeights(const Pack &pack);

private:
  friend Status writePack(const PackContent &content, const std::string &path,
                          const std::function<bool()> &stop);
  struct Blob {
    std::string name;
    DType dtype;
    std::vector<uint8_t> bytes;
  };
  std::string add(const std::string &kind, DType dtype, StoredBlob blob);
  Status embed(const WeightSpec &spec, const TensorView &tensor,
               const std::string &from);

  std::vector<Blob> blobs_;
  std::map<std::string, std::string> names_;  // By kind and SHA-256.
  std::map<std::string, uint64_t> counts_;    // By kind.
  std::vector<std::pair<std::string, const TensorView *>> weights_; // Borrowed.
};

/// Checks the manifest and writes the file whole or not at all; once `stop` is
/// true, not at all.
Status writePack(const PackContent &content, const std::string &path,
                 const std::function<bool()> &stop = [] { return false; });

} // namespace mamba
