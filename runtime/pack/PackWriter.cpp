#include "runtime/pack/PackWriter.h"

#include "runtime/support/Quote.h"
#include "runtime/support/SafetensorsWriter.h"
#include "runtime/support/Sha256.h"
#include "runtime/support/Zstd.h"

#include <algorithm>
#include <cstring>

using namespace mamba;

/// Where an embedded weight starts, so that it can be mapped; bytes.
static constexpr uint64_t kWeightAlignment = 4096;
/// So much of a weight is written between two looks at `stop`.
static constexpr uint64_t kPieceBytes = uint64_t(16) << 20;

Result<StoredBlob> mamba::compressBlob(std::span<const uint8_t> bytes) {
  MAMBA_ASSIGN_OR_RETURN(std::vector<uint8_t> stored,
                         zstdCompress(bytes.data(), bytes.size()));
  return StoredBlob{std::move(stored), bytes.size()};
}

std::string PackContent::add(const std::string &kind, DType dtype,
                             StoredBlob blob) {
  std::string digest = sha256Hex(blob.bytes.data(), blob.bytes.size());
  auto [known, isNew] = names_.try_emplace(kind + " " + digest);
  if (!isNew)
    return known->second;
  known->second = kind + "." + std::to_string(counts_[kind]++);
  manifest.blobs.push_back({known->second, digest, blob.rawBytes});
  blobs_.push_back({known->second, dtype, std::move(blob.bytes)});
  return known->second;
}

std::string PackContent::addBlob(const std::string &kind, StoredBlob blob) {
  return add(kind, DType::U8, std::move(blob));
}

std::string PackContent::addGolden(const std::vector<float> &values) {
  StoredBlob blob;
  blob.rawBytes = values.size() * sizeof(float);
  blob.bytes.resize(blob.rawBytes);
  if (!values.empty())
    std::memcpy(blob.bytes.data(), values.data(), blob.rawBytes);
  return add("golden", DType::F32, std::move(blob));
}

Status PackContent::embed(const WeightSpec &spec, const TensorView &tensor,
                          const std::string &from) {
  if (tensor.dtype != spec.dtype || tensor.shape != spec.shape)
    return invalidData("tensor " + inQuotes(spec.name) + " of " + inQuotes(from) +
                       " must be " + std::string(dtypeName(spec.dtype)) + " " +
                       formatShape(spec.shape) + ", got " +
                       std::string(dtypeName(tensor.dtype)) + " " +
                       formatShape(tensor.shape) + ", import the checkpoint again");
  std::string name = std::string(kPackWeightPrefix) + spec.name;
  manifest.blobs.push_back(
      {name, sha256Hex(tensor.data, tensor.bytes), tensor.bytes});
  weights_.emplace_back(std::move(name), &tensor);
  return {};
}

Status PackContent::embedWeights(const Checkpoint &checkpoint) {
  for (const WeightSpec &spec : manifest.checkpoint) {
    MAMBA_ASSIGN_OR_RETURN(const TensorView *tensor, checkpoint.get(spec.name));
    MAMBA_RETURN_IF_ERROR(embed(spec, *tensor, checkpoint.path()));
  }
  return {};
}

Status PackContent::embedWeights(const Pack &pack) {
  for (const WeightSpec &spec : manifest.checkpoint) {
    MAMBA_ASSIGN_OR_RETURN(const TensorView *tensor,
                           pack.checkedWeight(spec.name));
    MAMBA_RETURN_IF_ERROR(embed(spec, *tensor, pack.path()));
  }
  return {};
}

Status mamba::writePack(const PackContent &content, const std::string &path,
                        const std::function<bool()> &stop) {
  MAMBA_RETURN_IF_ERROR(
      verifyManifest(content.manifest)
          .withContext("the plan does not make a pack, report this as a defect"));
  SafetensorsWriter writer(content.weights_.empty() ? 0 : kWeightAlignment);
  PackMetadata metadata;
  if (content.configJson)
    metadata.emplace(kPackConfigKey, *content.configJson);
  if (content.tokenizerJson)
    metadata.emplace(kPackTokenizerKey, *content.tokenizerJson);
  if (content.generationJson)
    metadata.emplace(kPackGenerationKey, *content.generationJson);
  Manifest manifest = content.manifest;
  manifest.minor = kManifestMinor;
  MAMBA_RETURN_IF_ERROR(
      setPackContents(writer, std::move(metadata), writeManifest(manifest)));
  for (const PackContent::Blob &blob : content.blobs_)
    MAMBA_RETURN_IF_ERROR(writer.addTensor(
        blob.name, blob.dtype, {int64_t(blob.bytes.size() / dtypeBytes(blob.dtype))},
        blob.bytes.data(), blob.bytes.size()));
  for (const auto &[name, tensor] : content.weights_)
    MAMBA_RETURN_IF_ERROR(writer.addTensor(
        name, tensor->dtype, tensor->shape,
        [&stop, tensor = tensor](const TensorSink &sink) -> Status {
          for (uint64_t at = 0; at < tensor->bytes; at += kPieceBytes) {
            if (stop())
              return unavailable("interrupted");
            MAMBA_RETURN_IF_ERROR(sink(tensor->data + at,
                                       std::min(kPieceBytes, tensor->bytes - at)));
          }
          return {};
        }));
  if (stop())
    return unavailable("interrupted");
  return writer.write(path);
}
