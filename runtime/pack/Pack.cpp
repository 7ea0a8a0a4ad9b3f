#include "runtime/pack/Pack.h"

#include "runtime/pack/JoinTargets.h"
#include "runtime/support/Quote.h"
#include "runtime/support/Sha256.h"
#include "runtime/support/Zstd.h"

#include <algorithm>
#include <cstring>
#include <set>

using namespace mamba;

/// What the digest must be for this metadata; it is not of itself.
static std::string metadataDigest(const PackMetadata &metadata) {
  Sha256 hash;
  for (const auto &[key, value] : metadata) {
    if (key == kPackDigestKey)
      continue;
    hash.update(key);
    hash.update("\n");
    hash.update(std::to_string(value.size()));
    hash.update("\n");
    hash.update(value);
  }
  return toHex(hash.finish());
}

Status mamba::setPackMetadata(SafetensorsWriter &writer,
                              const PackMetadata &metadata) {
  for (const auto &[key, value] : metadata)
    MAMBA_RETURN_IF_ERROR(writer.setMetadata(key, value));
  return writer.setMetadata(std::string(kPackDigestKey),
                            metadataDigest(metadata));
}

Status mamba::setPackContents(SafetensorsWriter &writer, PackMetadata metadata,
                              const std::string &manifest) {
  MAMBA_ASSIGN_OR_RETURN(std::vector<uint8_t> stored,
                         zstdCompress(manifest.data(), manifest.size()));
  metadata.insert_or_assign(std::string(kPackFormatKey),
                            std::to_string(kManifestFormat) + "." +
                                std::to_string(kManifestMinor));
  metadata.insert_or_assign(std::string(kPackManifestDigestKey),
                            sha256Hex(stored.data(), stored.size()));
  int64_t bytes = static_cast<int64_t>(stored.size());
  MAMBA_RETURN_IF_ERROR(writer.addTensor(
      std::string(kPackManifestEntry), DType::U8, {bytes},
      [stored = std::move(stored)](const TensorSink &sink) {
        return sink(stored.data(), stored.size());
      }));
  return setPackMetadata(writer, metadata);
}

/// Bytes that must have a digest.
static Status verifyDigest(const TensorView &entry, const std::string &digest) {
  std::string found = sha256Hex(entry.data, entry.bytes);
  if (found == digest)
    return {};
  return invalidData("the bytes of " + inQuotes(entry.name) + " have SHA-256 " +
                     found + ", the manifest says " + digest +
                     ", the file is damaged: copy or build it anew");
}

Result<std::string> mamba::packManifest(const SafetensorsFile &file) {
  // As format 4.0 had it.
  if (const std::string *json = file.findMetadata(kPackManifestKey))
    return *json;
  const std::string *digest = file.findMetadata(kPackManifestDigestKey);
  const TensorView *entry = file.find(std::string(kPackManifestEntry));
  if (!digest || !entry)
    return invalidData("the pack has no manifest");
  if (entry->dtype != DType::U8)
    return invalidData("the manifest must have dtype U8, got " +
                       std::string(dtypeName(entry->dtype)));
  MAMBA_RETURN_IF_ERROR(verifyDigest(*entry, *digest));
  Result<std::vector<uint8_t>> text =
      zstdDecompress(entry->data, entry->bytes, kMaxManifestText);
  if (!text.ok())
    return text.status().withContext("manifest");
  return std::string(text->begin(), text->end());
}

Result<std::shared_ptr<const Pack>> Pack::open(const std::string &path) {
  MAMBA_ASSIGN_OR_RETURN(SafetensorsFile file, SafetensorsFile::open(path));
  return fromFile(std::move(file));
}

Result<std::shared_ptr<const Pack>>
Pack::parse(const uint8_t *data, uint64_t size, const std::string &what) {
  MAMBA_ASSIGN_OR_RETURN(SafetensorsFile file,
                         SafetensorsFile::parse(data, size, what));
  return fromFile(std::move(file));
}

Result<std::shared_ptr<const Pack>> Pack::fromFile(SafetensorsFile file) {
  std::shared_ptr<Pack> pack(
      new Pack(std::make_shared<const SafetensorsFile>(std::move(file))));
  if (Status status = pack->readContents(); !status.ok())
    return status.withContext(inQuotes(pack->path()));
  return std::shared_ptr<const Pack>(std::move(pack));
}

Status Pack::readContents() {
  const std::string *format = file_->findMetadata(kPackFormatKey);
  if (!format)
    return invalidData("this safetensors file is not a kernel pack, make one "
                       "with 'mamba-pack build'");
  MAMBA_RETURN_IF_ERROR(verifyFormat(*format));
  const std::string *digest = file_->findMetadata(kPackDigestKey);
  if (!digest)
    return invalidData("the pack has no " + std::string(kPackDigestKey) +
                       ", the file is damaged: copy or build it anew");
  if (*digest != metadataDigest(file_->metadata()))
    return invalidData("the metadata's SHA-256 is not the one noted in it, the "
                       "file is damaged: copy or build it anew");
  MAMBA_ASSIGN_OR_RETURN(std::string json, packManifest(*file_));
  MAMBA_ASSIGN_OR_RETURN(manifest_, readManifest(json, "manifest"));
  MAMBA_RETURN_IF_ERROR(verifyBlobEntries());
  return verifyEmbeddedWeights();
}

/// Every blob is an entry of a fitting type and, where it cannot be compressed
/// code, size.
Status Pack::verifyBlobEntries() const {
  std::set<std::string_view> golden, code;
  auto add = [&](const TargetSpec &target) {
    forEachBlob(target, [&](std::string_view kind, const std::string &name) {
      (kind == "golden" ? golden : code).insert(name);
    });
  };
  for (const TargetSpec &target : manifest_.targets)
    add(target);
  for (const TuningSpec &tuning : manifest_.tuning)
    for (const VariantSpec &variant : tuning.variants)
      add(variant.target);
  if (manifest_.check)
    golden.insert(manifest_.check->blob);

  for (const BlobSpec &blob : manifest_.blobs) {
    const TensorView *entry = file_->find(blob.name);
    if (!entry)
      return invalidData("blob " + inQuotes(blob.name) +
                         " of the manifest is not in the file, build the pack "
                         "anew");
    bool isCode = code.count(blob.name), isGolden = golden.count(blob.name);
    if ((isCode && entry->dtype != DType::U8) ||
        (isGolden && entry->dtype != DType::F32))
      return invalidData("blob " + inQuotes(blob.name) + " must have dtype " +
                         (isCode ? "U8" : "F32") + ", got " +
                         std::string(dtypeName(entry->dtype)));
    if (entry->dtype != DType::U8 && entry->bytes != blob.rawBytes)
      return invalidData("blob " + inQuotes(blob.name) + " has " +
                         std::to_string(entry->bytes) +
                         " bytes, the manifest says " +
                         std::to_string(blob.rawBytes));
  }
  return {};
}

Status Pack::verifyEmbeddedWeights() const {
  if (!hasEmbeddedWeights())
    return {};
  for (const WeightSpec &weight : manifest_.checkpoint) {
    const TensorView *entry = embeddedWeight(weight.name);
    if (!entry)
      return invalidData("weight " + inQuotes(weight.name) +
                         " is missing "
                         "among the embedded ones, build the pack anew");
    if (entry->dtype != weight.dtype || entry->shape != weight.shape)
      return invalidData("embedded weight " + inQuotes(weight.name) +
                         " must be " + std::string(dtypeName(weight.dtype)) +
                         " " + formatShape(weight.shape) + ", got " +
                         std::string(dtypeName(entry->dtype)) + " " +
                         formatShape(entry->shape));
  }
  return {};
}

std::optional<std::string_view> Pack::metadata(std::string_view key) const {
  const std::string *value = file_->findMetadata(key);
  return value ? std::optional<std::string_view>(*value) : std::nullopt;
}

std::shared_ptr<const Pack>
Pack::withTargets(std::vector<TargetSpec> targets) const {
  std::shared_ptr<Pack> pack(new Pack(file_));
  pack->manifest_.minor = manifest_.minor;
  pack->manifest_.compiler = manifest_.compiler;
  pack->manifest_.weights = manifest_.weights;
  pack->manifest_.activations = manifest_.activations;
  pack->manifest_.blobs = manifest_.blobs;
  pack->manifest_.targets = std::move(targets);
  return pack;
}

Result<std::shared_ptr<const Pack>>
Pack::variant(size_t kernel, size_t variant, const std::string &form) const {
  if (kernel >= manifest_.tuning.size() ||
      variant >= manifest_.tuning[kernel].variants.size())
    return notFound(inQuotes(path()) + " has no variant " +
                    std::to_string(kernel) + "." + std::to_string(variant));
  TargetSpec target = manifest_.tuning[kernel].variants[variant].target;
  if (!form.empty())
    target.kernels[0].codeForm = form;
  return withTargets({std::move(target)});
}

Result<std::shared_ptr<const Pack>> Pack::variantToCheck(size_t kernel, size_t variant) const {
  MAMBA_ASSIGN_OR_RETURN(std::shared_ptr<const Pack> whole, this->variant(kernel, variant));
  TargetSpec target = whole->manifest().targets[0];
  target.kernels[0].golden.pop_back();
  return withTargets({std::move(target)});
}

std::shared_ptr<const Pack> Pack::tuningTargets() const {
  std::vector<TargetSpec> targets;
  std::set<std::string_view> names;
  for (const TuningSpec &tuning : manifest_.tuning)
    if (names.insert(tuning.variants.front().target.name).second)
      targets.push_back(tuning.variants.front().target);
  return withTargets(std::move(targets));
}

Result<const TargetSpec *> Pack::findTarget(std::string_view name) const {
  std::string names;
  for (const TargetSpec &target : manifest_.targets) {
    if (target.name == name)
      return &target;
    names += (names.empty() ? "" : ", ") + inQuotes(target.name);
  }
  return notFound("no target " + inQuotes(name) + " in pack " +
                  inQuotes(path()) + "; it has " +
                  (names.empty() ? "none" : names));
}

std::optional<std::string_view> Pack::configJson() const {
  return metadata(kPackConfigKey);
}

std::optional<std::string_view> Pack::tokenizerJson() const {
  return metadata(kPackTokenizerKey);
}

std::optional<std::string_view> Pack::generationJson() const {
  return metadata(kPackGenerationKey);
}

Result<const BlobSpec *> Pack::findBlob(const std::string &name) const {
  for (const BlobSpec &blob : manifest_.blobs)
    if (blob.name == name)
      return &blob;
  return notFound(inQuotes(path()) + ": no blob " + inQuotes(name));
}

Result<const TensorView *> Pack::checkedBlob(const BlobSpec &blob) const {
  MAMBA_ASSIGN_OR_RETURN(const TensorView *entry, file_->get(blob.name));
  MAMBA_RETURN_IF_ERROR(
      verifyDigest(*entry, blob.sha256).withContext(inQuotes(path())));
  return entry;
}

Result<StoredBlob> Pack::stored(const std::string &name) const {
  MAMBA_ASSIGN_OR_RETURN(const BlobSpec *blob, findBlob(name));
  MAMBA_ASSIGN_OR_RETURN(const TensorView *entry, checkedBlob(*blob));
  return StoredBlob{{entry->data, entry->data + entry->bytes}, blob->rawBytes};
}

Result<std::vector<uint8_t>> Pack::code(const std::string &name) const {
  MAMBA_ASSIGN_OR_RETURN(const BlobSpec *blob, findBlob(name));
  MAMBA_ASSIGN_OR_RETURN(const TensorView *entry, checkedBlob(*blob));
  std::string context = inQuotes(path()) + ": " + inQuotes(name);
  Result<std::vector<uint8_t>> bytes = zstdDecompress(
      entry->data, entry->bytes, std::min(blob->rawBytes, kMaxCodeBytes));
  if (!bytes.ok())
    return bytes.status().withContext(context);
  if (bytes->size() != blob->rawBytes)
    return invalidData(context + " has " + std::to_string(bytes->size()) +
                       " bytes when decompressed, the manifest says " +
                       std::to_string(blob->rawBytes));
  return bytes;
}

Result<std::vector<float>> Pack::golden(const std::string &name) const {
  MAMBA_ASSIGN_OR_RETURN(const BlobSpec *blob, findBlob(name));
  MAMBA_ASSIGN_OR_RETURN(const TensorView *entry, checkedBlob(*blob));
  if (entry->dtype != DType::F32)
    return invalidData(inQuotes(path()) + ": " + inQuotes(name) +
                       " must have dtype F32, got " +
                       std::string(dtypeName(entry->dtype)));
  std::vector<float> values(entry->bytes / sizeof(float));
  if (!values.empty())
    std::memcpy(values.data(), entry->data, entry->bytes);
  return values;
}

const TensorView *Pack::embeddedWeight(const std::string &name) const {
  return file_->find(std::string(kPackWeightPrefix) + name);
}

Result<const TensorView *> Pack::checkedWeight(const std::string &name) const {
  MAMBA_ASSIGN_OR_RETURN(const BlobSpec *blob,
                         findBlob(std::string(kPackWeightPrefix) + name));
  return checkedBlob(*blob);
}

uint64_t Pack::storedBytes(const std::string &name) const {
  const TensorView *entry = file_->find(name);
  return entry ? entry->bytes : 0;
}

uint64_t Pack::manifestBytes() const {
  // As text before 4.1.
  const std::string *text = file_->findMetadata(kPackManifestKey);
  return text ? text->size() : storedBytes(std::string(kPackManifestEntry));
}

bool Pack::hasEmbeddedWeights() const {
  for (const WeightSpec &weight : manifest_.checkpoint)
    if (embeddedWeight(weight.name))
      return true;
  return false;
}

Status Pack::verifyBlobs() const {
  for (const BlobSpec &blob : manifest_.blobs)
    if (Result<const TensorView *> entry = checkedBlob(blob); !entry.ok())
      return entry.status();
  return {};
}
