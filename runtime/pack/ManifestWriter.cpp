// Manifest -> JSON, keys in the order of FORMAT.md.
#include "runtime/pack/Manifest.h"

#include <nlohmann/json.hpp>

using Json = nlohmann::ordered_json;

namespace mamba { // listToJson finds toJson by the argument's namespace.

static Json toJson(const RowCount &rows) {
  switch (rows.kind) {
  case RowKind::T:
    return "T";
  case RowKind::S:
    return "S";
  case RowKind::Constant:
    break;
  }
  return rows.value;
}

static Json toJson(const Grid &grid) {
  return Json::array({toJson(grid.of), grid.block, grid.times});
}

template <typename T> static Json toJson(const std::optional<T> &value) {
  return value ? Json(*value) : Json(nullptr);
}

template <typename T> static Json listToJson(const std::vector<T> &items) {
  Json list = Json::array();
  for (const T &item : items)
    list.push_back(toJson(item));
  return list;
}

static const char *rowsName(RowKind kind) {
  return kind == RowKind::T ? "T" : kind == RowKind::S ? "S" : "1";
}

static Json toJson(const TensorSpec &tensor) {
  return {{"name", tensor.name},
          {"dtype", dtypeName(tensor.dtype)},
          {"rows", rowsName(tensor.rows)},
          {"shape", tensor.shape}};
}

static Json toJson(const StateSpec &state) {
  return {{"id", state.id},         {"input", state.input},
          {"output", state.output}, {"dtype", dtypeName(state.dtype)},
          {"shape", state.shape},   {"transposed", state.transposed}};
}

static Json toJson(const EntrySpec &entry) {
  Json inputs = listToJson(entry.inputs);
  for (size_t i = 0; i < entry.inputs.size(); ++i)
    inputs[i]["below"] = entry.inputs[i].below;
  return {{"name", entry.name},
          {"inputs", inputs},
          {"outputs", listToJson(entry.outputs)},
          {"states", listToJson(entry.states)}};
}

static const char *spaceName(ArgSpace space) {
  switch (space) {
  case ArgSpace::In:
    return "in";
  case ArgSpace::Out:
    return "out";
  case ArgSpace::State:
    return "state";
  case ArgSpace::Weight:
    return "weight";
  case ArgSpace::Packed:
    return "packed";
  case ArgSpace::T:
    return "T";
  case ArgSpace::S:
    return "S";
  case ArgSpace::C:
    break;
  }
  return "C";
}

static Json toJson(const ArgRef &arg) {
  return Json::array({spaceName(arg.space), arg.number});
}

static Json toJson(const DispatchVariant &variant) {
  return {{"max_sequences", variant.maxSequences},
          {"kernel", variant.kernel},
          {"grid", toJson(variant.grid)}};
}

static Json toJson(const Dispatch &dispatch) {
  return {{"kernel", dispatch.kernel},
          {"rows", toJson(dispatch.rows)},
          {"grid", toJson(dispatch.grid)},
          {"args", listToJson(dispatch.args)},
          {"variants", listToJson(dispatch.variants)}};
}

static Json toJson(const GoldenArg &arg) {
  Json fill;
  switch (arg.fill) {
  case GoldenArg::Fill::Uniform:
    fill = Json::array({"uniform", arg.lo, arg.hi});
    break;
  case GoldenArg::Fill::Index:
    fill = Json::array({"index", arg.bound});
    break;
  case GoldenArg::Fill::Poison:
    fill = Json::array({"poison"});
    break;
  }
  return {{"dtype", dtypeName(arg.dtype)},
          {"count", arg.count},
          {"fill", std::move(fill)}};
}

static Json toJson(const GoldenOutput &output) {
  return {{"arg", output.arg},
          {"count", output.count},
          {"stride", output.stride},
          {"blob", output.blob},
          {"offset", output.offset}};
}

static Json toJson(const GoldenCase &golden) {
  return {{"rows", golden.rows},
          {"lengths", golden.lengths},
          {"slots", golden.slots},
          {"positions", golden.positions},
          {"grid", toJson(golden.grid)},
          {"args", listToJson(golden.args)},
          {"outputs", listToJson(golden.outputs)},
          {"tolerance", golden.tolerance}};
}

static Json toJson(const std::optional<LaunchSpec> &launch) {
  if (!launch)
    return nullptr;
  return {{"threads", launch->threads},
          {"shared", launch->shared},
          {"registers", toJson(launch->registers)},
          {"overlap", launch->overlap}};
}

static Json toJson(const KernelSpec &kernel) {
  return {{"symbol", kernel.symbol},
          {"entry", kernel.entry},
          {"scratch", kernel.scratch},
          {"launch", toJson(kernel.launch)},
          {"ops", kernel.ops},
          {"schedule", kernel.schedule},
          {"schedule_from", kernel.scheduleFrom},
          {"schedule_entry", toJson(kernel.scheduleEntry)},
          {"code_form", toJson(kernel.codeForm)},
          {"golden", listToJson(kernel.golden)}};
}

static Json toJson(const Program &program) {
  return {
      {"entry", program.entry},
      {"class", program.className},
      {"invariant", program.invariant},
      {"max_length", toJson(program.bounds.maxLength)},
      {"max_tokens", toJson(program.bounds.maxTokens)},
      {"min_tokens", toJson(program.bounds.minTokens)},
      {"max_sequences", toJson(program.bounds.maxSequences)},
      {"slices", toJson(program.slices)},
      {"arena",
       {{"T", program.arenaT}, {"S", program.arenaS}, {"C", program.arenaC}}},
      {"dispatches", listToJson(program.dispatches)}};
}

static Json toJson(const TargetSpec &target) {
  return {{"name", target.name},
          {"device", target.device},
          {"arch", target.arch},
          {"features", target.features},
          {"code", target.code},
          {"cubin", toJson(target.cubin)},
          {"cuda", toJson(target.cuda)},
          {"kernels", listToJson(target.kernels)},
          {"packed_bytes", target.packedBytes},
          {"recipe", listToJson(target.recipe)},
          {"programs", listToJson(target.programs)}};
}

static Json toJson(const LaunchArg &arg) {
  return {{"rows", rowsName(arg.rows)},
          {"bytes", arg.bytes},
          {"written", arg.isWritten},
          {"below", arg.below}};
}

static Json toJson(const LaunchShape &launch) {
  return {{"rows", toJson(launch.rows)},
          {"reads_sequences", launch.readsSequences},
          {"args", listToJson(launch.args)}};
}

static Json toJson(const StepSpec &step) { return Json::array({step.sequences, step.length}); }

static Json toJson(const PredictionSpec &prediction) {
  return {{"grid", toJson(prediction.grid)}, {"steps", listToJson(prediction.steps)}};
}

static Json toJson(const VariantSpec &variant) {
  return {{"schedule", variant.schedule},
          {"predicted_us", variant.predictedUs},
          {"prediction", variant.prediction ? toJson(*variant.prediction) : Json(nullptr)},
          {"target", toJson(variant.target)}};
}

static Json toJson(const TuningSpec &tuning) {
  return {{"key", tuning.key},
          {"target", tuning.target},
          {"launch", tuning.launch ? toJson(*tuning.launch) : Json(nullptr)},
          {"variants", listToJson(tuning.variants)}};
}

static Json toJson(const WeightSpec &weight) {
  return {{"name", weight.name},
          {"dtype", dtypeName(weight.dtype)},
          {"shape", weight.shape}};
}

static Json toJson(const std::optional<ModelSpec> &model) {
  if (!model)
    return nullptr;
  return {{"architecture", model->architecture},
          {"vocab_size", model->vocabSize},
          {"valid_vocab_size", model->validVocabSize},
          {"layers", model->layers},
          {"signature", model->signature}};
}

static Json toJson(const std::optional<CheckSpec> &check) {
  if (!check)
    return nullptr;
  return {{"entry", check->entry},   {"weights", check->weights},
          {"below", check->below},   {"steps", check->steps},
          {"stride", check->stride}, {"blob", check->blob},
          {"tolerance", check->tolerance}};
}

/// Text that is not UTF-8 is replaced: dump() would throw.
static std::string toText(const Json &json) {
  return json.dump(-1, ' ', false, Json::error_handler_t::replace);
}

std::string writeManifest(const Manifest &manifest) {
  Json blobs = Json::object();
  for (const BlobSpec &blob : manifest.blobs)
    blobs[blob.name] = {{"sha256", blob.sha256}, {"raw_bytes", blob.rawBytes}};
  Json json = {{"format", kManifestFormat},
               {"minor", manifest.minor},
               {"compiler", manifest.compiler},
               {"source", manifest.source},
               {"weights", manifest.weights},
               {"activations", manifest.activations},
               {"model", toJson(manifest.model)},
               {"checkpoint", listToJson(manifest.checkpoint)},
               {"entries", listToJson(manifest.entries)},
               {"targets", listToJson(manifest.targets)},
               {"check", toJson(manifest.check)},
               {"tuning", listToJson(manifest.tuning)},
               {"blobs", std::move(blobs)}};
  return toText(json);
}

std::string writeGoldenCase(const GoldenCase &golden) {
  return toText(toJson(golden));
}

} // namespace mamba
