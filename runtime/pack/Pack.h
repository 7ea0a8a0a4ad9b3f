// An opened kernel pack: verified manifest, mapped blobs.
#pragma once

#include "runtime/pack/Manifest.h"
#include "runtime/support/Safetensors.h"
#include "runtime/support/SafetensorsWriter.h"
#include "runtime/support/Status.h"

#include <map>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace mamba {

/// The entries of the metadata and prefixes of tensor names, see FORMAT.md.
inline constexpr std::string_view kPackFormatKey = "mamba.pack";
inline constexpr std::string_view kPackManifestKey = "mamba.manifest";
inline constexpr std::string_view kPackManifestDigestKey = "mamba.manifest.sha256";
inline constexpr std::string_view kPackManifestEntry = "manifest";
inline constexpr std::string_view kPackConfigKey = "config.json";
inline constexpr std::string_view kPackTokenizerKey = "tokenizer.json";
inline constexpr std::string_view kPackGenerationKey = "generation_config.json";
inline constexpr std::string_view kPackDigestKey = "mamba.sha256";
inline constexpr std::string_view kPackWeightPrefix = "weight:";

/// No manifest is larger; bytes.
inline constexpr uint64_t kMaxManifestText = uint64_t(64) << 20;

/// Texts by key.
using PackMetadata = std::map<std::string, std::string, std::less<>>;

/// Gives a pack that is being written its metadata, their digest included.
Status setPackMetadata(SafetensorsWriter &writer, const PackMetadata &metadata);
/// The same with format and manifest, which is stored compressed.
Status setPackContents(SafetensorsWriter &writer, PackMetadata metadata,
                       const std::string &manifest);
/// The text of the manifest, checked against its SHA-256.
Result<std::string> packManifest(const SafetensorsFile &file);

/// Bytes as a pack stores them.
struct StoredBlob {
  std::vector<uint8_t> bytes;
  uint64_t rawBytes = 0;
};

class Pack {
public:
  /// Maps and verifies the file. Errors name the file and what is wrong.
  static Result<std::shared_ptr<const Pack>> open(const std::string &path);
  /// The same over memory, which the caller keeps alive and unchanged; `what`
  /// stands for the path.
  static Result<std::shared_ptr<const Pack>>
  parse(const uint8_t *data, uint64_t size, const std::string &what);

  const std::string &path() const { return file_->name(); }
  const Manifest &manifest() const { return manifest_; }
  /// Whether it is for mamba-tune, and runs no model.
  bool isTuning() const { return !manifest_.tuning.empty(); }
  /// Of a tuning pack, one variant of one kernel as a pack: the same file.
  /// `form`, if there is any, becomes KernelSpec::codeForm.
  Result<std::shared_ptr<const Pack>> variant(size_t kernel, size_t variant,
                                              const std::string &form = {}) const;
  /// The same without the golden case of timing.
  Result<std::shared_ptr<const Pack>> variantToCheck(size_t kernel, size_t variant) const;
  /// The same of the first variant for each target: what can be chosen from.
  std::shared_ptr<const Pack> tuningTargets() const;
  /// A target by its name; the failure says which there are.
  Result<const TargetSpec *> findTarget(std::string_view name) const;
  std::optional<std::string_view> configJson() const;
  std::optional<std::string_view> tokenizerJson() const;
  std::optional<std::string_view> generationJson() const;

  /// The bytes of a code blob (an object, PTX, a cubin or C++), checked against
  /// its SHA-256, decompressed.
  Result<std::vector<uint8_t>> code(const std::string &name) const;
  /// The same as it is stored.
  Result<StoredBlob> stored(const std::string &name) const;
  /// A golden blob as floats (copied: the file aligns to one byte), checked
  /// against its SHA-256.
  Result<std::vector<float>> golden(const std::string &name) const;
  /// An embedded weight (name without prefix), or null. Dtype and shape are
  /// the manifest's, the bytes are not checked.
  const TensorView *embeddedWeight(const std::string &name) const;
  /// The same, checked against its SHA-256; one that is not there fails.
  Result<const TensorView *> checkedWeight(const std::string &name) const;
  /// As MappedFile::rest().
  void rest(std::span<const uint8_t> part) const { file_->rest(part); }
  /// Bytes that a blob takes in the file, 0 if it is not there; and the manifest.
  uint64_t storedBytes(const std::string &name) const;
  uint64_t manifestBytes() const;
  /// Whether the weights are embedded: all of the manifest's or none are.
  bool hasEmbeddedWeights() const;

  /// Checks the SHA-256 of every blob, embedded weights too. Reads them all.
  Status verifyBlobs() const;

private:
  explicit Pack(std::shared_ptr<const SafetensorsFile> file) : file_(std::move(file)) {}
  std::shared_ptr<const Pack> withTargets(std::vector<TargetSpec> targets) const;
  static Result<std::shared_ptr<const Pack>> fromFile(SafetensorsFile file);
  Status readContents();
  Status verifyBlobEntries() const;
  Status verifyEmbeddedWeights() const;
  std::optional<std::string_view> metadata(std::string_view key) const;
  Result<const TensorView *> checkedBlob(const BlobSpec &blob) const;
  Result<const BlobSpec *> findBlob(const std::string &name) const;

  std::shared_ptr<const SafetensorsFile> file_;
  Manifest manifest_;
};

} // namespace mamba
