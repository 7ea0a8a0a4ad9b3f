#include "compiler/import/Mamba1Weights.h"

#include "runtime/support/Quote.h"

#include <charconv>
#include <cstring>
#include <set>
#include <system_error>

namespace mamba {
namespace {

using Shape = std::vector<int64_t>;
using Presence = Mamba1Tensor::Presence;
using Sizes = Mamba1Sizes;
using Layer = Mamba1Layer;

constexpr Mamba1Tensor kLayerTensors[] = {
    {"norm.weight", [](const Sizes &s) { return Shape{s.width}; },
     &Layer::norm},
    {"mixer.in_proj.weight",
     [](const Sizes &s) {
       return Shape{2 * s.inner, s.width};
     },
     &Layer::inProj},
    {"mixer.in_proj.bias", [](const Sizes &s) { return Shape{2 * s.inner}; },
     &Layer::inProjBias, Presence::ProjectionBias},
    {"mixer.conv1d.weight",
     [](const Sizes &s) {
       return Shape{s.inner, 1, s.conv};
     },
     &Layer::conv},
    {"mixer.conv1d.bias", [](const Sizes &s) { return Shape{s.inner}; },
     &Layer::convBias, Presence::ConvBias},
    {"mixer.x_proj.weight",
     [](const Sizes &s) {
       return Shape{s.dtRank + 2 * s.state, s.inner};
     },
     &Layer::xProj},
    {"mixer.dt_proj.weight",
     [](const Sizes &s) {
       return Shape{s.inner, s.dtRank};
     },
     &Layer::dtProj},
    {"mixer.dt_proj.bias", [](const Sizes &s) { return Shape{s.inner}; },
     &Layer::dtBias},
    {"mixer.A_log",
     [](const Sizes &s) {
       return Shape{s.inner, s.state};
     },
     &Layer::aLog},
    {"mixer.D", [](const Sizes &s) { return Shape{s.inner}; }, &Layer::d},
    {"mixer.out_proj.weight",
     [](const Sizes &s) {
       return Shape{s.width, s.inner};
     },
     &Layer::outProj},
    {"mixer.out_proj.bias", [](const Sizes &s) { return Shape{s.width}; },
     &Layer::outProjBias, Presence::ProjectionBias},
};

/// Tensors that would change what the model computes, were they ignored.
constexpr std::string_view kForeignTensors[] = {
    "norm.bias", "mixer.x_proj.bias", "mixer.dt_bias", "mixer.norm.weight"};

class Binder {
public:
  Binder(const Checkpoint &checkpoint, const ModelConfig &config)
      : checkpoint_(checkpoint), config_(config) {}

  Result<Mamba1Weights> bind() {
    MAMBA_RETURN_IF_ERROR(findRoot());
    MAMBA_RETURN_IF_ERROR(resolveSizes());
    weights_.sizes = sizes_;
    for (int64_t layer = 0; layer < sizes_.layers; ++layer)
      MAMBA_RETURN_IF_ERROR(bindLayer(layer));
    MAMBA_ASSIGN_OR_RETURN(
        weights_.finalNorm,
        require(prefix_ + "backbone.norm_f.weight", {sizes_.width}));
    MAMBA_RETURN_IF_ERROR(bindHead());
    MAMBA_RETURN_IF_ERROR(refuseForeign(prefix_ + "backbone.norm_f.bias"));
    MAMBA_RETURN_IF_ERROR(refuseForeign(prefix_ + "lm_head.bias"));
    MAMBA_RETURN_IF_ERROR(refuseMoreLayers());
    warnOfUnused();
    return std::move(weights_);
  }

private:
  Status fail(const std::string &message) const {
    return invalidData("checkpoint " + inQuotes(checkpoint_.path()) + ": " +
                       message);
  }

  std::string layerName(int64_t layer, std::string_view tensor) const {
    return prefix_ + mamba1LayerTensorName(layer, tensor);
  }

  /// The embedding tells which prefix all names have.
  Status findRoot() {
    for (const char *prefix : {"", "model."})
      for (const char *name :
           {"backbone.embeddings.weight", "backbone.embedding.weight"})
        if (checkpoint_.find(std::string(prefix) + name)) {
          prefix_ = prefix;
          embeddingName_ = std::string(prefix) + name;
          return {};
        }
    return notFound("checkpoint " + inQuotes(checkpoint_.path()) +
                    " has no tensor 'backbone.embeddings.weight' or "
                    "'backbone.embedding.weight': it is not a Mamba model");
  }

  /// The tensor of that name, of whatever shape.
  Result<const TensorView *> take(const std::string &name) {
    MAMBA_ASSIGN_OR_RETURN(const TensorView *tensor, checkpoint_.get(name));
    if (tensor->dtype != DType::F32 && tensor->dtype != DType::F16 &&
        tensor->dtype != DType::BF16)
      return fail("tensor " + inQuotes(name) + " is " +
                  std::string(dtypeName(tensor->dtype)) +
                  ", expected F32, F16 or BF16");
    used_.insert(name);
    return tensor;
  }

  Result<const TensorView *> require(const std::string &name,
                                     const Shape &shape) {
    MAMBA_ASSIGN_OR_RETURN(const TensorView *tensor, take(name));
    if (tensor->shape != shape)
      return fail("tensor " + inQuotes(name) + " must have the shape " +
                  formatShape(shape) + ", got " + formatShape(tensor->shape) +
                  "; compare config.json");
    return tensor;
  }

  /// One extent of a tensor whose shape is not known yet.
  Result<int64_t> extent(const std::string &name, size_t rank, size_t dim,
                         int64_t min, int64_t max) {
    MAMBA_ASSIGN_OR_RETURN(const TensorView *tensor, take(name));
    if (tensor->shape.size() != rank)
      return fail("tensor " + inQuotes(name) + " must have " +
                  std::to_string(rank) + " dimensions, got the shape " +
                  formatShape(tensor->shape));
    int64_t size = tensor->shape[dim];
    if (size < min || size > max)
      return fail("dimension " + std::to_string(dim) + " of tensor " +
                  inQuotes(name) + " must be between " + std::to_string(min) +
                  " and " + std::to_string(max) + ", got the shape " +
                  formatShape(tensor->shape));
    return size;
  }

  /// What the config leaves out is read off layer 0; that all tensors agree
  /// is checked when they are bound.
  Status resolveSizes() {
    sizes_.layers = config_.layers;
    sizes_.width = config_.width;
    std::string aLog = layerName(0, "mixer.A_log");
    auto resolve = [&](int64_t &size, std::optional<int64_t> configured,
                       const std::string &name, size_t rank, size_t dim,
                       int64_t min, int64_t max) -> Status {
      if (configured) {
        size = *configured;
        return {};
      }
      MAMBA_ASSIGN_OR_RETURN(size, extent(name, rank, dim, min, max));
      return {};
    };
    MAMBA_RETURN_IF_ERROR(
        resolve(sizes_.vocab, config_.vocab, embeddingName_, 2, 0,
                std::max<int64_t>(1, config_.validVocab), kMaxVocab));
    MAMBA_RETURN_IF_ERROR(
        resolve(sizes_.inner, config_.inner, aLog, 2, 0, 1, kMaxInner));
    MAMBA_RETURN_IF_ERROR(
        resolve(sizes_.state, config_.state, aLog, 2, 1, 1, kMaxState));
    MAMBA_RETURN_IF_ERROR(resolve(sizes_.conv, config_.convWidth,
                                  layerName(0, "mixer.conv1d.weight"), 3, 2, 2,
                                  kMaxConvWidth));
    MAMBA_RETURN_IF_ERROR(resolve(sizes_.dtRank, config_.dtRank,
                                  layerName(0, "mixer.dt_proj.weight"), 2, 1, 1,
                                  kMaxWidth));
    MAMBA_ASSIGN_OR_RETURN(
        weights_.embedding,
        require(embeddingName_, {sizes_.vocab, sizes_.width}));
    return {};
  }

  Status bindLayer(int64_t number) {
    for (std::string_view foreign : kForeignTensors)
      MAMBA_RETURN_IF_ERROR(refuseForeign(layerName(number, foreign)));
    Layer &layer = weights_.layers.emplace_back();
    for (const Mamba1Tensor &tensor : kLayerTensors) {
      std::string name = layerName(number, tensor.name);
      if (tensor.presence != Presence::Always) {
        MAMBA_ASSIGN_OR_RETURN(bool present, hasBias(name, tensor.presence));
        if (!present)
          continue;
      }
      MAMBA_ASSIGN_OR_RETURN(layer.*tensor.field,
                             require(name, tensor.shape(sizes_)));
    }
    return {};
  }

  /// Whether an optional bias is there; it must be as the config says, if it
  /// says anything.
  Result<bool> hasBias(const std::string &name, Presence presence) const {
    bool present = checkpoint_.find(name) != nullptr;
    bool ofConv = presence == Presence::ConvBias;
    std::optional<bool> wanted =
        ofConv ? config_.convBias : config_.projectionBias;
    if (!wanted || *wanted == present)
      return present;
    const char *key = config_.dialect == ConfigDialect::HuggingFace
                          ? (ofConv ? "use_conv_bias" : "use_bias")
                          : (ofConv ? "conv_bias" : "bias");
    return fail(std::string(present ? "has" : "lacks") + " tensor " +
                inQuotes(name) + ", but " + inQuotes(key) +
                " in config.json is " + (*wanted ? "true" : "false"));
  }

  Status bindHead() {
    std::string name = prefix_ + "lm_head.weight";
    const TensorView *head = checkpoint_.find(name);
    if (!head) {
      if (!prefix_.empty() && checkpoint_.find("lm_head.weight"))
        return fail("tensor 'lm_head.weight' lacks the prefix " +
                    inQuotes(prefix_) + " that the others have");
      if (config_.tiedHead && !*config_.tiedHead)
        return notFound("checkpoint " + inQuotes(checkpoint_.path()) +
                        " has no tensor " + inQuotes(name) +
                        ", but config.json says that the head is not tied to "
                        "the embedding");
      weights_.head = weights_.embedding;
      return {};
    }
    MAMBA_ASSIGN_OR_RETURN(head, require(name, {sizes_.vocab, sizes_.width}));
    const TensorView *embedding = weights_.embedding;
    bool tied = config_.tiedHead.value_or(false);
    if (!config_.tiedHead || tied) {
      // Tied models are often saved with both copies.
      bool equal = head->dtype == embedding->dtype &&
                   std::memcmp(head->data, embedding->data, head->bytes) == 0;
      if (tied && !equal)
        weights_.warnings.push_back(
            "tensor " + inQuotes(name) +
            " differs from the embedding and is not used: config.json says "
            "that the head is tied");
      tied |= equal;
    }
    weights_.head = tied ? embedding : head;
    return {};
  }

  Status refuseForeign(const std::string &name) const {
    if (!checkpoint_.find(name))
      return {};
    return fail("tensor " + inQuotes(name) +
                " is not one of a Mamba-1 model: models that have it are not "
                "supported yet");
  }

  Status refuseMoreLayers() const {
    std::string start = prefix_ + "backbone.layers.";
    for (auto found = checkpoint_.tensors().lower_bound(start);
         found != checkpoint_.tensors().end() &&
         found->first.starts_with(start);
         ++found) {
      const char *end = found->first.data() + found->first.size();
      uint64_t layer = 0;
      auto [stop, error] =
          std::from_chars(found->first.data() + start.size(), end, layer);
      if (error == std::errc::invalid_argument || stop == end || *stop != '.')
        continue; // No number: one of the tensors that are not used.
      if (error == std::errc::result_out_of_range ||
          layer >= uint64_t(sizes_.layers))
        return fail("has tensor " + inQuotes(found->first) +
                    ", but config.json says that there are only " +
                    std::to_string(sizes_.layers) + " layers");
    }
    return {};
  }

  void warnOfUnused() {
    constexpr size_t kNamed = 3;
    std::string named;
    size_t unused = 0;
    for (const auto &[name, tensor] : checkpoint_.tensors()) {
      if (used_.contains(name))
        continue;
      if (unused++ < kNamed)
        named += (named.empty() ? "" : ", ") + inQuotes(name);
    }
    if (unused == 0)
      return;
    weights_.warnings.push_back("checkpoint " + inQuotes(checkpoint_.path()) +
                                " has " + std::to_string(unused) +
                                (unused == 1 ? " tensor that is not used: "
                                             : " tensors that are not used: ") +
                                named + (unused > kNamed ? ", ..." : ""));
  }

  const Checkpoint &checkpoint_;
  const ModelConfig &config_;
  std::string prefix_; // "" or "model."
  std::string embeddingName_;
  Mamba1Sizes sizes_;
  Mamba1Weights weights_;
  std::set<std::string, std::less<>> used_;
};

} // namespace

std::span<const Mamba1Tensor> mamba1LayerTensors() { return kLayerTensors; }

std::string mamba1LayerTensorName(int64_t layer, std::string_view tensor) {
  return "backbone.layers." + std::to_string(layer) + "." + std::string(tensor);
}

Result<Mamba1Weights> bindMamba1Weights(const Checkpoint &checkpoint,
                                        const ModelConfig &config) {
  return Binder(checkpoint, config).bind();
}

} // namespace mamba
