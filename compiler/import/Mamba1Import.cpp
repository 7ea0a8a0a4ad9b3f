// One function a paragraph of the paper: names as in arXiv 2312.00752.
#include "compiler/import/Mamba1Import.h"

#include "compiler/import/FunctionBuilder.h"
#include "dialects/ssm/SSMDialect.h"

#include <optional>

using namespace mlir;

namespace mamba {
namespace {

/// A layer's weights as f32 values; biases may be null.
struct LayerValues {
  Value norm, inProj, inProjBias, conv, convBias, xProj, dtProj, dtBias, aLog,
      d, outProj, outProjBias;
};

struct LayerState {
  Value conv, ssm;
};

class Mamba1Function {
public:
  Mamba1Function(ModuleOp module, llvm::StringRef name,
                 const Mamba1Weights &weights, NormEps eps)
      : function(module, name), weights_(weights), sizes_(weights.sizes),
        eps_(eps) {}

  /// Values named from now on belong to this layer: `%x.3`.
  void enterLayer(int64_t layer) {
    suffix_ = "." + std::to_string(layer);
    scope_ = "layers." + std::to_string(layer);
  }
  void leaveLayers() { suffix_ = scope_ = ""; }

  /// A checkpoint's tensor in f32, or null if the model has none.
  Value weight(const std::string &name, const TensorView *tensor) {
    if (!tensor)
      return {};
    auto load = [&](const std::string &name, Type element) -> Value {
      return ssm::WeightOp::create(
          builder(), at(name), RankedTensorType::get(tensor->shape, element),
          tensor->name);
    };
    auto loadAndWiden = [&](const char *suffix, Type element) -> Value {
      return ssm::CastOp::create(builder(), at(name),
                                 function.fixed(tensor->shape),
                                 load(name + suffix, element));
    };
    OpBuilder &b = builder();
    switch (tensor->dtype) {
    case DType::F16:
      return loadAndWiden("_f16", b.getF16Type());
    case DType::BF16:
      return loadAndWiden("_bf16", b.getBF16Type());
    default: // Binding lets nothing else pass.
      return load(name, b.getF32Type());
    }
  }

  LayerValues layerWeights(const Mamba1Layer &layer) {
    LayerValues values;
    values.norm = weight("norm", layer.norm);
    values.inProj = weight("in_proj", layer.inProj);
    values.inProjBias = weight("in_proj_bias", layer.inProjBias);
    values.conv = ssm::ReshapeOp::create(
        builder(), at("conv"), function.fixed({sizes_.inner, sizes_.conv}),
        weight("conv1d", layer.conv));
    values.convBias = weight("conv_bias", layer.convBias);
    values.xProj = weight("x_proj", layer.xProj);
    values.dtProj = weight("dt_proj", layer.dtProj);
    values.dtBias = weight("dt_bias", layer.dtBias);
    values.aLog = weight("A_log", layer.aLog);
    values.d = weight("D", layer.d);
    values.outProj = weight("out_proj", layer.outProj);
    values.outProjBias = weight("out_proj_bias", layer.outProjBias);
    return values;
  }

  Value rmsNorm(const char *name, Value x, Value weight) {
    return rmsNorm(name, x, weight, eps_.layers);
  }

  /// The norm of d, B or C, of a model that has such.
  Value mixerNorm(const char *name, Value x) {
    return eps_.mixer ? rmsNorm(name, x, /*weight=*/{}, *eps_.mixer) : x;
  }

  Value linear(const char *name, Value x, Value w, Value bias = {}) {
    int64_t width = cast<RankedTensorType>(w.getType()).getDimSize(0);
    return ssm::LinearOp::create(builder(), at(name), function.rows({width}), x,
                                 w, bias);
  }

  /// r + mixer(rms(r)), for the layer entered last; the state is replaced by
  /// the new one.
  Value layer(Value r, int64_t number, LayerState &state, Value batch) {
    LayerValues w = layerWeights(weights_.layers[number]);
    int64_t e = sizes_.inner, n = sizes_.state;
    OpBuilder &b = builder();
    auto inner = function.rows({e});

    Value u = rmsNorm("u", r, w.norm);
    scope_ += ".mixer";
    Value xz = linear("xz", u, w.inProj, w.inProjBias);
    auto split =
        ssm::SplitOp::create(b, at("x", "z"), TypeRange{inner, inner}, xz);
    Value x = split.getParts()[0], z = split.getParts()[1];
    auto conv = ssm::Conv1dOp::create(b, at("conv_out", "conv_next"),
                                      TypeRange{inner, state.conv.getType()}, x,
                                      w.conv, w.convBias, state.conv, batch);
    Value c = ssm::SiluOp::create(b, at("c"), inner, conv.getY());

    Value dBC = linear("dBC", c, w.xProj);
    auto selected =
        ssm::SplitOp::create(b, at("d", "B", "C"),
                             TypeRange{function.rows({sizes_.dtRank}),
                                       function.rows({n}), function.rows({n})},
                             dBC);
    Value d = mixerNorm("d_norm", selected.getParts()[0]);
    Value B = mixerNorm("B_norm", selected.getParts()[1]);
    Value C = mixerNorm("C_norm", selected.getParts()[2]);
    Value delta = linear("delta", d, w.dtProj, w.dtBias);
    Value dt = ssm::SoftplusOp::create(b, at("dt"), inner, delta);
    Value A = ssm::DecayOp::create(b, at("A"), w.aLog.getType(), w.aLog);
    auto scan = ssm::SelectiveScanOp::create(
        b, at("y", "ssm_next"), TypeRange{inner, state.ssm.getType()}, c, dt,
        /*delta_bias=*/Value(), /*softplus=*/false, A, /*log2_decay=*/false, B,
        C, w.d, /*z=*/Value(), state.ssm, /*slices=*/Value(), batch);
    Value gated = ssm::GateOp::create(b, at("gated"), inner, scan.getY(), z);
    Value out = linear("out", gated, w.outProj, w.outProjBias);
    state = {conv.getNewState(), scan.getNewState()};

    Location sum = function.location("r." + std::to_string(number + 1), scope_);
    return ssm::AddOp::create(b, sum, r.getType(), r, out);
  }

  RankedTensorType convState() const {
    return function.rows({sizes_.conv - 1, sizes_.inner});
  }
  RankedTensorType ssmState() const {
    return function.rows({sizes_.inner, sizes_.state});
  }
  OpBuilder &builder() { return function.builder(); }

  /// The location of an op whose results are called so in this layer.
  template <typename... Names> Location at(Names... names) const {
    return function.location({(names + suffix_)...}, scope_);
  }

  FunctionBuilder function;

private:
  Value rmsNorm(const char *name, Value x, Value weight, double eps) {
    return ssm::RMSNormOp::create(builder(), at(name), x.getType(), x, weight,
                                  builder().getF64FloatAttr(eps));
  }

  const Mamba1Weights &weights_;
  const Mamba1Sizes &sizes_;
  NormEps eps_;
  std::string suffix_, scope_;
};

/// What a model's entry gives: the logits of all tokens or of the last ones, or
/// a token that is drawn from these, too.
enum class ModelEntry { Logits, Next, Sample };

/// What a token is drawn with, a row a sequence.
struct SampleOptions {
  SampleOptions(FunctionBuilder &function) {
    Type numbers = function.rows({1});
    u = function.addInputOfSequences("u", numbers);
    temperature = function.addInputOfSequences("temperature", numbers);
    topK = function.addInputOfSequences("top_k", function.tokens());
    topP = function.addInputOfSequences("top_p", numbers);
    minP = function.addInputOfSequences("min_p", numbers);
  }
  Value u, temperature, topK, topP, minP;
};

/// Adds the results `token` and `largest`, of the columns below `valid`.
void addSample(Mamba1Function &model, Value logits, const SampleOptions &options,
               int64_t valid) {
  FunctionBuilder &function = model.function;
  auto drawn = ssm::SampleOp::create(
      function.builder(), model.at("token", "largest"),
      TypeRange{function.tokens(), function.rows({1})}, logits, options.u,
      options.temperature, options.topK, options.topP, options.minP, valid);
  function.addResult("token", drawn.getToken());
  function.addResult("largest", drawn.getLargest());
}

void buildModelEntry(ModuleOp module, const Mamba1Weights &weights, NormEps eps,
                     llvm::StringRef name, ModelEntry kind, int64_t valid) {
  const Mamba1Sizes &sizes = weights.sizes;
  Mamba1Function model(module, name, weights, eps);
  FunctionBuilder &function = model.function;
  OpBuilder &b = function.builder();

  Value tokens = function.addInput("input_ids", function.tokens());
  std::optional<SampleOptions> options;
  if (kind == ModelEntry::Sample)
    options.emplace(function);
  Value batch = function.addBatch();
  auto convName = [](int64_t i) { return "conv_state." + std::to_string(i); };
  auto ssmName = [](int64_t i) { return "ssm_state." + std::to_string(i); };
  SmallVector<LayerState> states;
  for (int64_t i = 0; i < sizes.layers; ++i) {
    Value conv = function.addState(convName(i), convName(i), model.convState());
    Value ssm = function.addState(ssmName(i), ssmName(i), model.ssmState());
    states.push_back({conv, ssm});
  }

  Value embedding = model.weight("embedding", weights.embedding);
  model.enterLayer(0);
  Value r = ssm::EmbeddingOp::create(
      b, model.at("r"), function.rows({sizes.width}), embedding, tokens);
  for (int64_t i = 0; i < sizes.layers; ++i) {
    model.enterLayer(i);
    r = model.layer(r, i, states[i], batch);
  }
  model.leaveLayers();
  if (kind != ModelEntry::Logits)
    r = ssm::LastRowsOp::create(b, model.at("last"), r.getType(), r, batch);
  Value norm = model.weight("norm_f", weights.finalNorm);
  Value head = weights.head == weights.embedding
                   ? embedding
                   : model.weight("lm_head", weights.head);
  Value logits = model.linear("logits", model.rmsNorm("u", r, norm), head);

  if (options)
    addSample(model, logits, *options, valid);
  function.addResult("logits", logits);
  for (int64_t i = 0; i < sizes.layers; ++i) {
    function.addNewState(convName(i), convName(i), states[i].conv);
    function.addNewState(ssmName(i), ssmName(i), states[i].ssm);
  }
  function.finish();
}

void buildScanEntry(ModuleOp module, const Mamba1Weights &weights,
                    int64_t layer, bool gated) {
  const Mamba1Sizes &sizes = weights.sizes;
  Mamba1Function model(module, gated ? "scan_gated" : "scan", weights, {});
  FunctionBuilder &function = model.function;
  OpBuilder &b = function.builder();
  auto inner = function.rows({sizes.inner}),
       states = function.rows({sizes.state});
  Value u = function.addInput("u", inner);
  Value delta = function.addInput("delta", inner);
  Value B = function.addInput("B", states);
  Value C = function.addInput("C", states);
  Value z = gated ? function.addInput("z", inner) : Value();
  Value batch = function.addBatch();
  Value h0 = function.addState("h0", "h", model.ssmState());

  model.enterLayer(layer);
  const Mamba1Layer &tensors = weights.layers[layer];
  Value bias = model.weight("dt_bias", tensors.dtBias);
  Value aLog = model.weight("A_log", tensors.aLog);
  Value D = model.weight("D", tensors.d);
  Value A = ssm::DecayOp::create(b, model.at("A"), aLog.getType(), aLog);
  model.leaveLayers();
  auto scan = ssm::SelectiveScanOp::create(
      b, model.at("y", "h_last"), TypeRange{inner, h0.getType()}, u, delta,
      bias,
      /*softplus=*/true, A, /*log2_decay=*/false, B, C, D, z, h0,
      /*slices=*/Value(), batch);
  function.addResult("y", scan.getY());
  function.addNewState("h_last", "h", scan.getNewState());
  function.finish();
}

} // namespace

void buildMamba1Model(ModuleOp module, const Mamba1Weights &weights,
                      NormEps eps, int64_t validVocab) {
  int64_t valid =
      validVocab ? std::min(validVocab, weights.sizes.vocab) : weights.sizes.vocab;
  auto build = [&](llvm::StringRef name, ModelEntry kind) {
    buildModelEntry(module, weights, eps, name, kind, valid);
  };
  build("next", ModelEntry::Next);
  build("logits", ModelEntry::Logits);
  build("sample", ModelEntry::Sample);
}

void buildMamba1Block(ModuleOp module, const Mamba1Weights &weights, NormEps eps,
                      int64_t layer) {
  Mamba1Function model(module, "block", weights, eps);
  FunctionBuilder &function = model.function;
  Value x = function.addInput("x", function.rows({weights.sizes.width}));
  Value batch = function.addBatch();
  LayerState state;
  state.conv = function.addState("conv_state", "conv_state", model.convState());
  state.ssm = function.addState("ssm_state", "ssm_state", model.ssmState());
  model.enterLayer(layer);
  Value y = model.layer(x, layer, state, batch);
  function.addResult("y", y);
  function.addNewState("conv_state", "conv_state", state.conv);
  function.addNewState("ssm_state", "ssm_state", state.ssm);
  function.finish();
}

void buildMamba1Scan(ModuleOp module, const Mamba1Weights &weights,
                     int64_t layer) {
  buildScanEntry(module, weights, layer, /*gated=*/false);
  buildScanEntry(module, weights, layer, /*gated=*/true);
}

} // namespace mamba
