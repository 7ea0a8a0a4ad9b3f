// What FORMAT.md promises of a manifest, checked once at load.
#include "runtime/pack/Check.h"
#include "runtime/pack/VerifyParts.h"

#include "runtime/support/CheckedMath.h"
#include "runtime/support/Quote.h"

#include <algorithm>

using namespace mamba;

static Status verifyShape(DType dtype, const std::vector<int64_t> &shape) {
  std::optional<uint64_t> bytes = tensorBytes(dtype, shape);
  if (!bytes || *bytes > kMaxManifestSize)
    return invalidData(
        "shape " + formatShape(shape) + " of " + std::string(dtypeName(dtype)) +
        " is not a tensor of at most " + text(kMaxManifestSize) + " bytes");
  return {};
}

static Status verifyEntry(const EntrySpec &entry) {
  Names inputs("input"), outputs("output"), ids("state");
  for (const auto *tensors : {&entry.inputs, &entry.outputs})
    for (const TensorSpec &tensor : *tensors) {
      MAMBA_RETURN_IF_ERROR(
          (tensors == &entry.inputs ? inputs : outputs).add(tensor.name));
      MAMBA_RETURN_IF_ERROR(
          verifyShape(tensor.dtype, tensor.shape)
              .withContext("tensor " + inQuotes(tensor.name)));
      if (tensor.below != 0 && tensor.dtype != DType::I32)
        return invalidData("tensor " + inQuotes(tensor.name) +
                           ": 'below' needs dtype I32, got " +
                           std::string(dtypeName(tensor.dtype)));
    }
  for (const StateSpec &state : entry.states) {
    MAMBA_RETURN_IF_ERROR(ids.add(state.id));
    MAMBA_RETURN_IF_ERROR(inputs.add(state.input));
    MAMBA_RETURN_IF_ERROR(outputs.add(state.output));
    std::string context = "state " + inQuotes(state.id);
    MAMBA_RETURN_IF_ERROR(
        verifyShape(state.dtype, state.shape).withContext(context));
    if (state.transposed && state.shape.size() < 2)
      return invalidData(context + ": a transposed state needs two " +
                         "dimensions, got shape " + formatShape(state.shape));
  }
  return {};
}

static Status verifyEntries(const Manifest &manifest) {
  Names names("entry");
  std::map<std::string_view, const StateSpec *> pools;
  for (const EntrySpec &entry : manifest.entries) {
    MAMBA_RETURN_IF_ERROR(names.add(entry.name));
    std::string context = "entry " + inQuotes(entry.name);
    MAMBA_RETURN_IF_ERROR(verifyEntry(entry).withContext(context));
    for (const StateSpec &state : entry.states) {
      const StateSpec &pool = *pools.emplace(state.id, &state).first->second;
      if (pool.dtype != state.dtype || pool.shape != state.shape ||
          pool.transposed != state.transposed)
        return invalidData(context + ": state " + inQuotes(state.id) +
                           " differs from the one of that name in an " +
                           "entry before");
    }
  }
  return {};
}

static Status verifyModel(const ModelSpec &model) {
  if (model.vocabSize == 0 || model.validVocabSize > model.vocabSize)
    return invalidData("model: valid_vocab_size " + text(model.validVocabSize) +
                       " does not fit vocab_size " + text(model.vocabSize));
  return {};
}

/// The names of precisions; `what` holds the key's value.
static Status verifyPrecision(const char *key, const std::string &what,
                              std::initializer_list<std::string_view> known) {
  if (std::find(known.begin(), known.end(), what) != known.end())
    return {};
  return invalidData("unknown precision " + inQuotes(what) + " of " + key +
                     ", a newer mamba may know it");
}

Status mamba::verifyManifest(const Manifest &manifest) {
  MAMBA_RETURN_IF_ERROR(verifyPrecision(
      "weights", manifest.weights, {"f32", "bf16", "f16", "int8", "int4"}));
  MAMBA_RETURN_IF_ERROR(verifyPrecision("activations", manifest.activations,
                                        {"f32", "bf16", "f16", "int8"}));
  if (manifest.model)
    MAMBA_RETURN_IF_ERROR(verifyModel(*manifest.model));
  Names weights("checkpoint weight"), blobNames("blob"), targets("target");
  for (const WeightSpec &weight : manifest.checkpoint) {
    MAMBA_RETURN_IF_ERROR(weights.add(weight.name));
    MAMBA_RETURN_IF_ERROR(
        verifyShape(weight.dtype, weight.shape)
            .withContext("checkpoint weight " + inQuotes(weight.name)));
  }
  MAMBA_RETURN_IF_ERROR(verifyEntries(manifest));
  BlobTable blobs;
  for (const BlobSpec &blob : manifest.blobs) {
    MAMBA_RETURN_IF_ERROR(blobNames.add(blob.name));
    blobs.emplace(blob.name, &blob);
    if (!isSha256Hex(blob.sha256))
      return invalidData("blob " + inQuotes(blob.name) +
                         ": 'sha256' must be 64 lower-case hexadecimal digits");
  }
  for (const TargetSpec &target : manifest.targets) {
    MAMBA_RETURN_IF_ERROR(targets.add(target.name));
    MAMBA_RETURN_IF_ERROR(verifyTarget(manifest, target, blobs)
                              .withContext("target " + inQuotes(target.name)));
  }
  MAMBA_RETURN_IF_ERROR(verifyTuning(manifest, blobs));
  if (manifest.check)
    MAMBA_RETURN_IF_ERROR(
        verifyCheck(manifest, *manifest.check).withContext("check"));
  return {};
}
