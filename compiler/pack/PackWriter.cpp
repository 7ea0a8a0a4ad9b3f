#include "compiler/pack/PackWriter.h"

#include "runtime/pack/Pack.h"
#include "runtime/support/Quote.h"
#include "runtime/support/SafetensorsWriter.h"
#include "runtime/support/Sha256.h"
#include "runtime/support/Zstd.h"

using namespace mamba;

/// Where an embedded weight starts, so that it can be mapped; bytes.
static constexpr uint64_t weightAlignment = 4096;

void PackContent::addBlob(std::string name, const void *data, uint64_t bytes, uint64_t rawBytes) {
  manifest.blobs.push_back({std::move(name), sha256Hex(data, bytes), rawBytes});
}

Status PackContent::addCompressed(const std::string &name, std::span<const uint8_t> bytes) {
  MAMBA_ASSIGN_OR_RETURN(std::vector<uint8_t> stored, zstdCompress(bytes.data(), bytes.size()));
  addBlob(name, stored.data(), stored.size(), bytes.size());
  code.emplace_back(name, std::move(stored));
  return {};
}

Status PackContent::addCode(std::span<const uint8_t> bytes) {
  std::string name = "code." + std::to_string(manifest.targets.size() - 1);
  manifest.targets.back().code = name;
  return addCompressed(name, bytes);
}

Status PackContent::addCubin(std::span<const uint8_t> elf) {
  std::string name = "cubin." + std::to_string(manifest.targets.size() - 1);
  manifest.targets.back().cubin = name;
  return addCompressed(name, elf);
}

Status PackContent::addCuda(std::span<const uint8_t> source) {
  std::string name = "cuda." + std::to_string(manifest.targets.size() - 1);
  manifest.targets.back().cuda = name;
  return addCompressed(name, source);
}

Status PackContent::addGolden(std::vector<float> values) {
  if (values.empty())
    return {};
  uint64_t bytes = values.size() * sizeof(float);
  std::string name = nextGolden();
  addBlob(name, values.data(), bytes, bytes);
  golden.emplace_back(std::move(name), std::move(values));
  return {};
}

Status PackContent::embedWeights(const Checkpoint &checkpoint) {
  for (const WeightSpec &spec : manifest.checkpoint) {
    MAMBA_ASSIGN_OR_RETURN(const TensorView *tensor, checkpoint.get(spec.name));
    if (tensor->dtype != spec.dtype || tensor->shape != spec.shape)
      return invalidData("tensor " + inQuotes(spec.name) + " of " + inQuotes(checkpoint.path()) +
                         " must be " + std::string(dtypeName(spec.dtype)) + " " +
                         formatShape(spec.shape) + ", got " + std::string(dtypeName(tensor->dtype)) +
                         " " + formatShape(tensor->shape) + ", import the checkpoint again");
    addBlob(std::string(kPackWeightPrefix) + spec.name, tensor->data, tensor->bytes,
            tensor->bytes);
    weights.push_back(tensor);
  }
  return {};
}

Status mamba::writePack(const PackContent &content, const std::string &path) {
  MAMBA_RETURN_IF_ERROR(verifyManifest(content.manifest)
                            .withContext("the plan does not make a pack, report this as a defect"));
  SafetensorsWriter writer(content.weights.empty() ? 0 : weightAlignment);
  PackMetadata metadata;
  metadata.emplace(kPackFormatKey, std::to_string(kManifestFormat));
  metadata.emplace(kPackManifestKey, writeManifest(content.manifest));
  if (content.configJson)
    metadata.emplace(kPackConfigKey, *content.configJson);
  if (content.tokenizerJson)
    metadata.emplace(kPackTokenizerKey, *content.tokenizerJson);
  MAMBA_RETURN_IF_ERROR(setPackMetadata(writer, metadata));
  for (const auto &[name, bytes] : content.code)
    MAMBA_RETURN_IF_ERROR(writer.addTensor(name, DType::U8, {int64_t(bytes.size())}, bytes.data(),
                                           bytes.size()));
  for (const auto &[name, values] : content.golden)
    MAMBA_RETURN_IF_ERROR(writer.addTensor(name, DType::F32, {int64_t(values.size())},
                                           values.data(), values.size() * sizeof(float)));
  for (const TensorView *tensor : content.weights)
    MAMBA_RETURN_IF_ERROR(writer.addTensor(std::string(kPackWeightPrefix) + tensor->name,
                                           tensor->dtype, tensor->shape, tensor->data,
                                           tensor->bytes));
  return writer.write(path);
}
