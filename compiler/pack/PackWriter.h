// Writes a pack file; runtime/pack/FORMAT.md is the contract.
#pragma once

#include "runtime/pack/Manifest.h"
#include "runtime/support/Checkpoint.h"
#include "runtime/support/Status.h"

#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace mamba {

/// What a pack holds.
class PackContent {
public:
  Manifest manifest;
  std::optional<std::string> configJson, tokenizerJson;

  /// Compresses a shared object, or PTX, and makes it the code of the last target.
  Status addCode(std::span<const uint8_t> bytes);
  /// The same for the machine code of the last target's PTX.
  Status addCubin(std::span<const uint8_t> elf);
  /// And for its kernels as CUDA C++.
  Status addCuda(std::span<const uint8_t> source);

  /// The name that the next golden blob gets.
  std::string nextGolden() const { return "golden." + std::to_string(golden.size()); }
  /// Adds the next golden blob; an empty one is left out.
  Status addGolden(std::vector<float> values);

  /// Adds the weights that the manifest names. The checkpoint is borrowed until
  /// the pack is written.
  Status embedWeights(const Checkpoint &checkpoint);

private:
  friend Status writePack(const PackContent &content, const std::string &path);
  Status addCompressed(const std::string &name, std::span<const uint8_t> bytes);
  void addBlob(std::string name, const void *data, uint64_t bytes, uint64_t rawBytes);

  std::vector<std::pair<std::string, std::vector<uint8_t>>> code;
  std::vector<std::pair<std::string, std::vector<float>>> golden;
  std::vector<const TensorView *> weights; // Borrowed.
};

/// Checks the manifest and writes the file whole or not at all.
Status writePack(const PackContent &content, const std::string &path);

} // namespace mamba
