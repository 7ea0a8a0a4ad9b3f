#include "compiler/import/RandomWeights.h"

#include "compiler/import/Config.h"
#include "compiler/import/Mamba1Weights.h"
#include "runtime/support/CheckedMath.h"
#include "runtime/support/File.h"
#include "runtime/support/Quote.h"
#include "runtime/support/SafetensorsWriter.h"
#include "runtime/support/SystemError.h"

#include <algorithm>
#include <cerrno>
#include <cmath>
#include <functional>
#include <span>
#include <vector>

#include <sys/stat.h>

namespace mamba {
namespace {

uint64_t splitmix64(uint64_t state) {
  state += 0x9e3779b97f4a7c15;
  state = (state ^ state >> 30) * 0xbf58476d1ce4e5b9;
  state = (state ^ state >> 27) * 0x94d049bb133111eb;
  return state ^ state >> 31;
}

/// The stream of one tensor: depends on the seed and the name alone, so that
/// neither the order of the tensors nor the size of pieces matters.
uint64_t streamOf(uint64_t seed, const std::string &name) {
  uint64_t hash = splitmix64(seed);
  for (unsigned char byte : name)
    hash = splitmix64(hash ^ byte);
  return hash;
}

/// Nearly normal, mean 0 and deviation 1: the sum of four uniform numbers,
/// scaled. Never beyond 3.5.
float normal(uint64_t stream, uint64_t index) {
  uint64_t bits = splitmix64(stream + index);
  int32_t sum = int32_t(bits & 0xffff) + int32_t(bits >> 16 & 0xffff) +
                int32_t(bits >> 32 & 0xffff) + int32_t(bits >> 48);
  constexpr float kScale = 1.7320508f / 65536.0f;
  return float(sum - 2 * 65535) * kScale;
}

/// Between 0 and 1.
double uniform(uint64_t stream, uint64_t index) {
  return double(splitmix64(stream + index) >> 11) * 0x1p-53;
}

/// Fills `out` with elements `first`, `first + 1`, ... of a tensor.
using Fill =
    std::function<void(uint64_t stream, uint64_t first, std::span<float> out)>;

Fill constant(float value) {
  return [=](uint64_t, uint64_t, std::span<float> out) {
    std::fill(out.begin(), out.end(), value);
  };
}

Fill normalOf(double deviation) {
  return [scale = float(deviation)](uint64_t stream, uint64_t first,
                                    std::span<float> out) {
    for (size_t i = 0; i < out.size(); ++i)
      out[i] = scale * normal(stream, first + i);
  };
}

/// A = -1, -2, ... -N in each channel (S4D-real, section 3.6 of the paper).
Fill logOfState(int64_t states) {
  return [=](uint64_t, uint64_t first, std::span<float> out) {
    for (size_t i = 0; i < out.size(); ++i)
      out[i] = float(std::log(double((first + i) % uint64_t(states) + 1)));
  };
}

/// The inverse of softplus at time steps that are log-uniform in [0.001, 0.1].
void fillDtBias(uint64_t stream, uint64_t first, std::span<float> out) {
  for (size_t i = 0; i < out.size(); ++i) {
    double dt = 0.001 * std::pow(100.0, uniform(stream, first + i));
    out[i] = float(dt + std::log(-std::expm1(-dt)));
  }
}

/// As mamba_ssm initialises, but with normal where it has uniform numbers.
Fill initialValues(std::string_view tensor, const Mamba1Sizes &sizes) {
  if (tensor == "norm.weight" || tensor == "mixer.D")
    return constant(1);
  if (tensor == "mixer.A_log")
    return logOfState(sizes.state);
  if (tensor == "mixer.dt_proj.bias")
    return fillDtBias;
  if (tensor == "mixer.out_proj.weight") // The residual sums all layers.
    return normalOf(1 / std::sqrt(double(sizes.inner * sizes.layers)));
  if (tensor.ends_with(".bias"))
    return normalOf(0.02);
  std::vector<int64_t> shape;
  for (const Mamba1Tensor &spec : mamba1LayerTensors())
    if (spec.name == tensor)
      shape = spec.shape(sizes);
  return normalOf(1 / std::sqrt(double(shape.back())));
}

Status add(SafetensorsWriter &writer, uint64_t seed, const std::string &name,
           std::vector<int64_t> shape, Fill fill) {
  auto count = elementCount(shape);
  if (!count)
    return invalidArgument("tensor " + inQuotes(name) + " is too large");
  auto produce = [=](const TensorSink &sink) -> Status {
    uint64_t stream = streamOf(seed, name);
    std::vector<float> piece(std::min<uint64_t>(*count, 1 << 16));
    for (uint64_t first = 0; first < *count; first += piece.size()) {
      std::span<float> out(piece.data(),
                           std::min<uint64_t>(piece.size(), *count - first));
      fill(stream, first, out);
      MAMBA_RETURN_IF_ERROR(sink(out.data(), out.size_bytes()));
    }
    return {};
  };
  return writer.addTensor(name, DType::F32, std::move(shape), produce);
}

/// The config's sizes, mamba_ssm's defaults where it is silent.
Mamba1Sizes completeSizes(const ModelConfig &config) {
  constexpr int64_t kPadding = 8;
  Mamba1Sizes sizes;
  sizes.layers = config.layers;
  sizes.width = config.width;
  sizes.vocab = config.vocab.value_or((config.validVocab + kPadding - 1) /
                                      kPadding * kPadding);
  sizes.inner = config.inner.value_or(2 * config.width);
  sizes.state = config.state.value_or(16);
  sizes.conv = config.convWidth.value_or(4);
  sizes.dtRank = config.dtRank.value_or((config.width + 15) / 16);
  return sizes;
}

Status addModel(SafetensorsWriter &writer, const ModelConfig &config,
                uint64_t seed) {
  using Presence = Mamba1Tensor::Presence;
  Mamba1Sizes sizes = completeSizes(config);
  std::vector<int64_t> table{sizes.vocab, sizes.width};
  MAMBA_RETURN_IF_ERROR(add(writer, seed,
                            config.dialect == ConfigDialect::HuggingFace
                                ? "backbone.embeddings.weight"
                                : "backbone.embedding.weight",
                            table, normalOf(0.02)));
  for (int64_t layer = 0; layer < sizes.layers; ++layer)
    for (const Mamba1Tensor &tensor : mamba1LayerTensors()) {
      if ((tensor.presence == Presence::ProjectionBias &&
           !config.projectionBias.value_or(false)) ||
          (tensor.presence == Presence::ConvBias &&
           !config.convBias.value_or(true)))
        continue;
      MAMBA_RETURN_IF_ERROR(
          add(writer, seed, mamba1LayerTensorName(layer, tensor.name),
              tensor.shape(sizes), initialValues(tensor.name, sizes)));
    }
  MAMBA_RETURN_IF_ERROR(
      add(writer, seed, "backbone.norm_f.weight", {sizes.width}, constant(1)));
  if (!config.tiedHead.value_or(true))
    return add(writer, seed, "lm_head.weight", table, normalOf(0.02));
  return {};
}

Status makeFolder(const std::string &dir) {
  if (::mkdir(dir.c_str(), 0777) == 0)
    return {};
  int error = errno;
  struct stat info;
  if (error == EEXIST && ::stat(dir.c_str(), &info) == 0 &&
      S_ISDIR(info.st_mode))
    return {};
  return systemError("make folder", dir, error);
}

bool exists(const std::string &path) {
  struct stat info;
  return ::stat(path.c_str(), &info) == 0;
}

} // namespace

Status writeRandomCheckpoint(const std::string &configPath,
                             const std::string &dir,
                             const RandomWeightsOptions &options) {
  MAMBA_ASSIGN_OR_RETURN(std::string text, readFile(configPath));
  MAMBA_ASSIGN_OR_RETURN(ModelConfig config,
                         parseModelConfig(text, inQuotes(configPath)));
  std::string weightsPath = dir + "/model.safetensors";
  std::string copyPath = dir + "/config.json";
  if (!options.overwrite && exists(weightsPath))
    return invalidArgument(inQuotes(weightsPath) +
                           " exists already, --force replaces it");
  if (!options.overwrite && exists(copyPath)) {
    MAMBA_ASSIGN_OR_RETURN(std::string present, readFile(copyPath));
    if (present != text)
      return invalidArgument(inQuotes(copyPath) +
                             " is there and differs from " +
                             inQuotes(configPath) + ", --force replaces it");
  }
  MAMBA_RETURN_IF_ERROR(makeFolder(dir));
  SafetensorsWriter writer;
  MAMBA_RETURN_IF_ERROR(writer.setMetadata("format", "pt"));
  MAMBA_RETURN_IF_ERROR(addModel(writer, config, options.seed));
  MAMBA_RETURN_IF_ERROR(writer.write(weightsPath));
  return writeFileAtomically(copyPath, text);
}

} // namespace mamba
