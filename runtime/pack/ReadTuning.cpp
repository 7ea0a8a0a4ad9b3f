// JSON -> the kernels of a tuning pack.
#include "runtime/pack/ReadParts.h"

using namespace mamba;
using Json = nlohmann::json;

static Status readArg(const Json &json, LaunchArg &arg) {
  MAMBA_RETURN_IF_ERROR(readRowKind(json, arg.rows));
  MAMBA_ASSIGN_OR_RETURN(arg.bytes, getSize(json, "bytes"));
  MAMBA_ASSIGN_OR_RETURN(arg.isWritten, getBool(json, "written"));
  MAMBA_ASSIGN_OR_RETURN(arg.below, getSize(json, "below"));
  return {};
}

/// Since 4.3.
static Status readLaunch(const Json &json, std::optional<LaunchShape> &launch) {
  if (!json.contains("launch") || isNull(json, "launch"))
    return {};
  MAMBA_ASSIGN_OR_RETURN(const Json *object, getObject(json, "launch"));
  LaunchShape shape;
  auto read = [&]() -> Status {
    MAMBA_RETURN_IF_ERROR(readRows(*object, shape.rows));
    MAMBA_ASSIGN_OR_RETURN(shape.readsSequences, getBool(*object, "reads_sequences"));
    return readList(*object, "args", "argument", shape.args, readArg);
  };
  MAMBA_RETURN_IF_ERROR(read().withContext("launch"));
  launch = std::move(shape);
  return {};
}

static Status readStep(const Json &json, StepSpec &step) {
  MAMBA_RETURN_IF_ERROR(elementsOf(json, 2, "[sequences, length]"));
  MAMBA_ASSIGN_OR_RETURN(step.sequences, sizeAt(json, 0, "sequences"));
  MAMBA_ASSIGN_OR_RETURN(step.length, sizeAt(json, 1, "length"));
  return {};
}

/// Since 4.3.
static Status readPrediction(const Json &json, std::optional<PredictionSpec> &prediction) {
  if (!json.contains("prediction") || isNull(json, "prediction"))
    return {};
  MAMBA_ASSIGN_OR_RETURN(const Json *object, getObject(json, "prediction"));
  PredictionSpec spec;
  auto read = [&]() -> Status {
    MAMBA_RETURN_IF_ERROR(readGrid(*object, spec.grid));
    return readList(*object, "steps", "step", spec.steps, readStep);
  };
  MAMBA_RETURN_IF_ERROR(read().withContext("prediction"));
  prediction = std::move(spec);
  return {};
}

static Status readVariant(const Json &json, VariantSpec &variant) {
  MAMBA_ASSIGN_OR_RETURN(variant.schedule, getString(json, "schedule"));
  MAMBA_ASSIGN_OR_RETURN(variant.predictedUs, getDouble(json, "predicted_us"));
  MAMBA_RETURN_IF_ERROR(readPrediction(json, variant.prediction));
  MAMBA_ASSIGN_OR_RETURN(const Json *target, getObject(json, "target"));
  return readTarget(*target, variant.target);
}

Status mamba::readTuningSpec(const Json &json, TuningSpec &tuning) {
  MAMBA_ASSIGN_OR_RETURN(tuning.key, getString(json, "key"));
  MAMBA_ASSIGN_OR_RETURN(tuning.target, getString(json, "target"));
  MAMBA_RETURN_IF_ERROR(readLaunch(json, tuning.launch));
  return readList(json, "variants", "variant", tuning.variants, readVariant);
}
