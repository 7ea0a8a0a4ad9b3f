// JSON -> Manifest: kinds and ranges of single values. What relates two
// values is ManifestVerify.cpp's.
#include "runtime/pack/ReadParts.h"

#include "runtime/support/Quote.h"

using namespace mamba;
using Json = nlohmann::json;

Result<uint64_t> mamba::getSize(const Json &object, std::string_view key, uint64_t max) {
  MAMBA_ASSIGN_OR_RETURN(int64_t value,
                         getInt(object, key, 0, static_cast<int64_t>(max)));
  return static_cast<uint64_t>(value);
}

static Result<uint32_t> getIndex(const Json &object, std::string_view key) {
  MAMBA_ASSIGN_OR_RETURN(uint64_t value, getSize(object, key, UINT32_MAX));
  return static_cast<uint32_t>(value);
}

bool mamba::isNull(const Json &object, std::string_view key) {
  return object.is_object() && object.contains(key) && object.at(key).is_null();
}

/// Null or a number; absent is a failure.
static Result<std::optional<uint64_t>> getLimit(const Json &object,
                                                std::string_view key) {
  if (isNull(object, key))
    return std::optional<uint64_t>();
  MAMBA_ASSIGN_OR_RETURN(int64_t value,
                         getInt(object, key, 1, kMaxManifestSize));
  return std::optional<uint64_t>(value);
}

std::string mamba::placeOf(const Json &element, const char *what, size_t index) {
  for (const char *key : {"name", "symbol", "id"})
    if (element.is_object() && element.contains(key) &&
        element.at(key).is_string())
      return std::string(what) + " " +
             inQuotes(element.at(key).get_ref<const std::string &>());
  return std::string(what) + " " + std::to_string(index);
}

Status mamba::elementsOf(const Json &value, size_t count, const char *what) {
  if (value.is_array() && value.size() == count)
    return {};
  return invalidData(std::string("expected ") + what + ", got " +
                     (value.is_array()
                          ? "an array of " + std::to_string(value.size())
                          : describeJsonKind(value)));
}

Result<uint64_t> mamba::sizeAt(const Json &array, size_t index, const char *name) {
  MAMBA_ASSIGN_OR_RETURN(int64_t value,
                         asInt(array[index], name, 0, kMaxManifestSize));
  return static_cast<uint64_t>(value);
}

static Status readDType(const Json &object, DType &dtype) {
  MAMBA_ASSIGN_OR_RETURN(std::string name, getString(object, "dtype"));
  std::optional<DType> parsed = parseDType(name);
  if (!parsed)
    return invalidData("unknown dtype " + inQuotes(name) +
                       ", a newer mamba may know it");
  dtype = *parsed;
  return {};
}

static Status parseRows(const Json &value, const char *what, RowCount &rows) {
  if (isText(value, "T"))
    rows = {RowKind::T, 0};
  else if (isText(value, "S"))
    rows = {RowKind::S, 0};
  else if (value.is_number_unsigned() &&
           value.get<uint64_t>() <= kMaxManifestSize)
    rows = {RowKind::Constant, value.get<uint64_t>()};
  else
    return invalidData(
        inQuotes(what) + " must be \"T\", \"S\" or a number up to " +
        std::to_string(kMaxManifestSize) + ", got " +
        (value.is_number()   ? value.dump()
         : value.is_string() ? inQuotes(value.get_ref<const std::string &>())
                             : describeJsonKind(value)));
  return {};
}

Status mamba::readRows(const Json &object, RowCount &rows) {
  if (!object.is_object() || !object.contains("rows"))
    return invalidData("'rows' is missing");
  return parseRows(object.at("rows"), "rows", rows);
}

Status mamba::readGrid(const Json &object, Grid &grid) {
  MAMBA_ASSIGN_OR_RETURN(const Json *array, getArray(object, "grid"));
  MAMBA_RETURN_IF_ERROR(elementsOf(*array, 3, "a grid [rows, block, times]"));
  MAMBA_RETURN_IF_ERROR(parseRows((*array)[0], "grid", grid.of));
  MAMBA_ASSIGN_OR_RETURN(grid.block, sizeAt(*array, 1, "block"));
  MAMBA_ASSIGN_OR_RETURN(grid.times, sizeAt(*array, 2, "times"));
  return {};
}

Status mamba::readRowKind(const Json &object, RowKind &kind) {
  MAMBA_ASSIGN_OR_RETURN(std::string rows, getString(object, "rows"));
  if (rows != "T" && rows != "S" && rows != "1")
    return invalidData("'rows' must be \"T\", \"S\" or \"1\", got " +
                       inQuotes(rows));
  kind = rows == "T"   ? RowKind::T
         : rows == "S" ? RowKind::S
                       : RowKind::Constant;
  return {};
}

static Status readTensor(const Json &json, TensorSpec &tensor) {
  MAMBA_ASSIGN_OR_RETURN(tensor.name, getString(json, "name"));
  MAMBA_RETURN_IF_ERROR(readDType(json, tensor.dtype));
  MAMBA_RETURN_IF_ERROR(readRowKind(json, tensor.rows));
  MAMBA_ASSIGN_OR_RETURN(tensor.shape, getIntArray(json, "shape", 0));
  return {};
}

static Status readInput(const Json &json, TensorSpec &tensor) {
  MAMBA_RETURN_IF_ERROR(readTensor(json, tensor));
  MAMBA_ASSIGN_OR_RETURN(tensor.below, getSize(json, "below"));
  return {};
}

static Status readState(const Json &json, StateSpec &state) {
  MAMBA_ASSIGN_OR_RETURN(state.id, getString(json, "id"));
  MAMBA_ASSIGN_OR_RETURN(state.input, getString(json, "input"));
  MAMBA_ASSIGN_OR_RETURN(state.output, getString(json, "output"));
  MAMBA_RETURN_IF_ERROR(readDType(json, state.dtype));
  MAMBA_ASSIGN_OR_RETURN(state.shape, getIntArray(json, "shape", 0));
  MAMBA_ASSIGN_OR_RETURN(state.transposed, getBool(json, "transposed"));
  return {};
}

static Status readEntry(const Json &json, EntrySpec &entry) {
  MAMBA_ASSIGN_OR_RETURN(entry.name, getString(json, "name"));
  MAMBA_RETURN_IF_ERROR(
      readList(json, "inputs", "input", entry.inputs, readInput));
  MAMBA_RETURN_IF_ERROR(
      readList(json, "outputs", "output", entry.outputs, readTensor));
  return readList(json, "states", "state", entry.states, readState);
}

static std::optional<ArgSpace> parseSpace(const Json &value) {
  static constexpr std::pair<const char *, ArgSpace> kSpaces[] = {
      {"in", ArgSpace::In},         {"out", ArgSpace::Out},
      {"state", ArgSpace::State},   {"weight", ArgSpace::Weight},
      {"packed", ArgSpace::Packed}, {"T", ArgSpace::T},
      {"S", ArgSpace::S},           {"C", ArgSpace::C}};
  for (const auto &[name, space] : kSpaces)
    if (isText(value, name))
      return space;
  return std::nullopt;
}

static Status readArg(const Json &json, ArgRef &arg) {
  MAMBA_RETURN_IF_ERROR(elementsOf(json, 2, "[space, number]"));
  std::optional<ArgSpace> space = parseSpace(json[0]);
  if (!space)
    return invalidData("unknown space " +
                       (json[0].is_string()
                            ? inQuotes(json[0].get_ref<const std::string &>())
                            : describeJsonKind(json[0])));
  arg.space = *space;
  MAMBA_ASSIGN_OR_RETURN(arg.number, sizeAt(json, 1, "number"));
  return {};
}

static Status readVariant(const Json &json, DispatchVariant &variant) {
  MAMBA_ASSIGN_OR_RETURN(variant.maxSequences, getSize(json, "max_sequences"));
  MAMBA_ASSIGN_OR_RETURN(variant.kernel, getIndex(json, "kernel"));
  return readGrid(json, variant.grid);
}

static Status readDispatch(const Json &json, Dispatch &dispatch) {
  MAMBA_ASSIGN_OR_RETURN(dispatch.kernel, getIndex(json, "kernel"));
  MAMBA_RETURN_IF_ERROR(readRows(json, dispatch.rows));
  MAMBA_RETURN_IF_ERROR(readGrid(json, dispatch.grid));
  MAMBA_RETURN_IF_ERROR(
      readList(json, "args", "argument", dispatch.args, readArg));
  return readList(json, "variants", "variant", dispatch.variants, readVariant);
}

static Status readFill(const Json &json, GoldenArg &arg) {
  MAMBA_ASSIGN_OR_RETURN(const Json *fill, getArray(json, "fill"));
  std::string kind = !fill->empty() && (*fill)[0].is_string()
                         ? (*fill)[0].get<std::string>()
                         : std::string();
  if (kind == "uniform") {
    MAMBA_RETURN_IF_ERROR(elementsOf(*fill, 3, "[\"uniform\", lo, hi]"));
    arg.fill = GoldenArg::Fill::Uniform;
    MAMBA_ASSIGN_OR_RETURN(arg.lo, asDouble((*fill)[1], "lo"));
    MAMBA_ASSIGN_OR_RETURN(arg.hi, asDouble((*fill)[2], "hi"));
    return {};
  }
  if (kind == "index") {
    MAMBA_RETURN_IF_ERROR(elementsOf(*fill, 2, "[\"index\", bound]"));
    arg.fill = GoldenArg::Fill::Index;
    MAMBA_ASSIGN_OR_RETURN(arg.bound, sizeAt(*fill, 1, "bound"));
    return {};
  }
  if (kind == "poison") {
    arg.fill = GoldenArg::Fill::Poison;
    return {};
  }
  return invalidData("'fill' must be [\"uniform\", lo, hi], [\"index\", bound] "
                     "or [\"poison\"]");
}

static Status readGoldenArg(const Json &json, GoldenArg &arg) {
  MAMBA_RETURN_IF_ERROR(readDType(json, arg.dtype));
  MAMBA_ASSIGN_OR_RETURN(arg.count, getSize(json, "count"));
  return readFill(json, arg);
}

static Status readGoldenOutput(const Json &json, GoldenOutput &output) {
  MAMBA_ASSIGN_OR_RETURN(output.arg, getIndex(json, "arg"));
  MAMBA_ASSIGN_OR_RETURN(output.count, getSize(json, "count"));
  MAMBA_ASSIGN_OR_RETURN(output.stride, getSize(json, "stride"));
  MAMBA_ASSIGN_OR_RETURN(output.blob, getString(json, "blob"));
  MAMBA_ASSIGN_OR_RETURN(output.offset, getSize(json, "offset"));
  return {};
}

static Status readGolden(const Json &json, GoldenCase &golden) {
  MAMBA_ASSIGN_OR_RETURN(golden.rows, getSize(json, "rows"));
  MAMBA_ASSIGN_OR_RETURN(golden.lengths, getIntArray(json, "lengths", 0));
  MAMBA_ASSIGN_OR_RETURN(std::vector<int64_t> slots,
                         getIntArray(json, "slots", 0, kGuaranteedRows - 1));
  golden.slots.assign(slots.begin(), slots.end());
  MAMBA_ASSIGN_OR_RETURN(golden.positions,
                         getIntArray(json, "positions", 0, kMaxManifestSize));
  MAMBA_RETURN_IF_ERROR(readGrid(json, golden.grid));
  MAMBA_RETURN_IF_ERROR(
      readList(json, "args", "argument", golden.args, readGoldenArg));
  MAMBA_RETURN_IF_ERROR(
      readList(json, "outputs", "output", golden.outputs, readGoldenOutput));
  MAMBA_ASSIGN_OR_RETURN(golden.tolerance, getDouble(json, "tolerance"));
  return {};
}

static Status readLaunch(const Json &json, std::optional<LaunchSpec> &launch) {
  if (isNull(json, "launch"))
    return {};
  MAMBA_ASSIGN_OR_RETURN(const Json *object, getObject(json, "launch"));
  LaunchSpec spec;
  auto read = [&]() -> Status {
    MAMBA_ASSIGN_OR_RETURN(spec.threads, getIndex(*object, "threads"));
    MAMBA_ASSIGN_OR_RETURN(spec.shared, getIndex(*object, "shared"));
    MAMBA_ASSIGN_OR_RETURN(spec.overlap, getBool(*object, "overlap"));
    if (isNull(*object, "registers"))
      return {};
    MAMBA_ASSIGN_OR_RETURN(uint32_t registers, getIndex(*object, "registers"));
    spec.registers = registers;
    return {};
  };
  MAMBA_RETURN_IF_ERROR(read().withContext("launch"));
  launch = spec;
  return {};
}

static Status readKernel(const Json &json, KernelSpec &kernel) {
  MAMBA_ASSIGN_OR_RETURN(kernel.symbol, getString(json, "symbol"));
  MAMBA_ASSIGN_OR_RETURN(kernel.entry, getSize(json, "entry"));
  MAMBA_ASSIGN_OR_RETURN(kernel.scratch,
                         getSize(json, "scratch", kMaxScratchBytes));
  MAMBA_RETURN_IF_ERROR(readLaunch(json, kernel.launch));
  MAMBA_ASSIGN_OR_RETURN(kernel.ops, getString(json, "ops"));
  MAMBA_ASSIGN_OR_RETURN(kernel.schedule, getString(json, "schedule"));
  // Since 4.1.
  if (json.contains("schedule_from")) {
    MAMBA_ASSIGN_OR_RETURN(kernel.scheduleFrom,
                           getString(json, "schedule_from"));
  }
  if (json.contains("schedule_entry") && !isNull(json, "schedule_entry")) {
    MAMBA_ASSIGN_OR_RETURN(std::string entry,
                           getString(json, "schedule_entry"));
    kernel.scheduleEntry = std::move(entry);
  }
  // Since 4.2.
  if (json.contains("code_form") && !isNull(json, "code_form")) {
    MAMBA_ASSIGN_OR_RETURN(std::string form, getString(json, "code_form"));
    kernel.codeForm = std::move(form);
  }
  return readList(json, "golden", "golden case", kernel.golden, readGolden);
}

static Status readProgram(const Json &json, Program &program) {
  MAMBA_ASSIGN_OR_RETURN(program.entry, getIndex(json, "entry"));
  MAMBA_ASSIGN_OR_RETURN(program.className, getString(json, "class"));
  MAMBA_ASSIGN_OR_RETURN(program.invariant, getBool(json, "invariant"));
  StepBounds &bounds = program.bounds;
  MAMBA_ASSIGN_OR_RETURN(bounds.maxLength, getLimit(json, "max_length"));
  MAMBA_ASSIGN_OR_RETURN(bounds.maxTokens, getLimit(json, "max_tokens"));
  MAMBA_ASSIGN_OR_RETURN(bounds.minTokens, getLimit(json, "min_tokens"));
  MAMBA_ASSIGN_OR_RETURN(bounds.maxSequences, getLimit(json, "max_sequences"));
  // Since 4.2.
  if (json.contains("slices")) {
    MAMBA_ASSIGN_OR_RETURN(program.slices, getLimit(json, "slices"));
  }
  MAMBA_ASSIGN_OR_RETURN(const Json *arena, getObject(json, "arena"));
  MAMBA_ASSIGN_OR_RETURN(program.arenaT, getSize(*arena, "T"));
  MAMBA_ASSIGN_OR_RETURN(program.arenaS, getSize(*arena, "S"));
  MAMBA_ASSIGN_OR_RETURN(program.arenaC, getSize(*arena, "C"));
  return readList(json, "dispatches", "dispatch", program.dispatches,
                  readDispatch);
}

Status mamba::readTarget(const Json &json, TargetSpec &target) {
  MAMBA_ASSIGN_OR_RETURN(target.name, getString(json, "name"));
  MAMBA_ASSIGN_OR_RETURN(target.device, getString(json, "device"));
  MAMBA_ASSIGN_OR_RETURN(target.arch, getString(json, "arch"));
  MAMBA_ASSIGN_OR_RETURN(target.features, getStringArray(json, "features"));
  MAMBA_ASSIGN_OR_RETURN(target.code, getString(json, "code"));
  if (!isNull(json, "cubin")) {
    MAMBA_ASSIGN_OR_RETURN(std::string cubin, getString(json, "cubin"));
    target.cubin = std::move(cubin);
  }
  if (!isNull(json, "cuda")) {
    MAMBA_ASSIGN_OR_RETURN(std::string cuda, getString(json, "cuda"));
    target.cuda = std::move(cuda);
  }
  MAMBA_RETURN_IF_ERROR(
      readList(json, "kernels", "kernel", target.kernels, readKernel));
  MAMBA_ASSIGN_OR_RETURN(target.packedBytes, getSize(json, "packed_bytes"));
  MAMBA_RETURN_IF_ERROR(
      readList(json, "recipe", "recipe dispatch", target.recipe, readDispatch));
  return readList(json, "programs", "program", target.programs, readProgram);
}

static Status readWeight(const Json &json, WeightSpec &weight) {
  MAMBA_ASSIGN_OR_RETURN(weight.name, getString(json, "name"));
  MAMBA_RETURN_IF_ERROR(readDType(json, weight.dtype));
  MAMBA_ASSIGN_OR_RETURN(weight.shape, getIntArray(json, "shape", 0));
  return {};
}

static Status readModel(const Json &json, std::optional<ModelSpec> &model) {
  if (json.contains("model") && json.at("model").is_null())
    return {};
  MAMBA_ASSIGN_OR_RETURN(const Json *object, getObject(json, "model"));
  ModelSpec spec;
  auto read = [&]() -> Status {
    MAMBA_ASSIGN_OR_RETURN(spec.architecture,
                           getString(*object, "architecture"));
    MAMBA_ASSIGN_OR_RETURN(spec.vocabSize, getSize(*object, "vocab_size"));
    MAMBA_ASSIGN_OR_RETURN(spec.validVocabSize,
                           getSize(*object, "valid_vocab_size"));
    MAMBA_ASSIGN_OR_RETURN(spec.layers, getSize(*object, "layers"));
    MAMBA_ASSIGN_OR_RETURN(spec.signature, getString(*object, "signature"));
    return {};
  };
  MAMBA_RETURN_IF_ERROR(read().withContext("model"));
  model = std::move(spec);
  return {};
}

static Status readCheck(const Json &json, std::optional<CheckSpec> &check) {
  if (isNull(json, "check"))
    return {};
  MAMBA_ASSIGN_OR_RETURN(const Json *object, getObject(json, "check"));
  CheckSpec spec;
  auto read = [&]() -> Status {
    MAMBA_ASSIGN_OR_RETURN(spec.entry, getIndex(*object, "entry"));
    MAMBA_ASSIGN_OR_RETURN(spec.weights, getString(*object, "weights"));
    MAMBA_ASSIGN_OR_RETURN(spec.below, getSize(*object, "below"));
    MAMBA_RETURN_IF_ERROR(readList(
        *object, "steps", "step", spec.steps,
        [](const Json &step, std::vector<int64_t> &lengths) -> Status {
          if (!step.is_array())
            return invalidData("'lengths' must be an array, got " +
                               describeJsonKind(step));
          for (const Json &length : step) {
            MAMBA_ASSIGN_OR_RETURN(
                int64_t value,
                asInt(length, "lengths[" + std::to_string(lengths.size()) + "]", 1,
                      kGuaranteedRows));
            lengths.push_back(value);
          }
          return {};
        }));
    MAMBA_ASSIGN_OR_RETURN(spec.stride, getSize(*object, "stride"));
    MAMBA_ASSIGN_OR_RETURN(spec.blob, getString(*object, "blob"));
    MAMBA_ASSIGN_OR_RETURN(spec.tolerance, getDouble(*object, "tolerance"));
    return {};
  };
  MAMBA_RETURN_IF_ERROR(read().withContext("check"));
  check = std::move(spec);
  return {};
}

static Status readBlobs(const Json &json, std::vector<BlobSpec> &blobs) {
  MAMBA_ASSIGN_OR_RETURN(const Json *object, getObject(json, "blobs"));
  for (const auto &[name, value] : object->items()) {
    BlobSpec blob;
    blob.name = name;
    auto read = [&, &value = value]() -> Status {
      MAMBA_ASSIGN_OR_RETURN(blob.sha256, getString(value, "sha256"));
      MAMBA_ASSIGN_OR_RETURN(blob.rawBytes, getSize(value, "raw_bytes"));
      return {};
    };
    MAMBA_RETURN_IF_ERROR(read().withContext("blob " + inQuotes(name)));
    blobs.push_back(std::move(blob));
  }
  return {};
}

static Status readAll(const Json &json, Manifest &manifest) {
  // First of all: what follows is read as this format.
  MAMBA_ASSIGN_OR_RETURN(int64_t format, getInt(json, "format", 0));
  MAMBA_RETURN_IF_ERROR(verifyFormat(std::to_string(format)));
  manifest.minor = 0;
  if (json.contains("minor")) {
    MAMBA_ASSIGN_OR_RETURN(manifest.minor,
                           getInt(json, "minor", 0, UINT32_MAX));
  }
  MAMBA_ASSIGN_OR_RETURN(manifest.compiler, getString(json, "compiler"));
  MAMBA_ASSIGN_OR_RETURN(manifest.source, getString(json, "source"));
  MAMBA_ASSIGN_OR_RETURN(manifest.weights, getString(json, "weights"));
  MAMBA_ASSIGN_OR_RETURN(manifest.activations, getString(json, "activations"));
  MAMBA_RETURN_IF_ERROR(readModel(json, manifest.model));
  MAMBA_RETURN_IF_ERROR(readList(json, "checkpoint", "checkpoint weight",
                                 manifest.checkpoint, readWeight));
  MAMBA_RETURN_IF_ERROR(
      readList(json, "entries", "entry", manifest.entries, readEntry));
  MAMBA_RETURN_IF_ERROR(
      readList(json, "targets", "target", manifest.targets, readTarget));
  MAMBA_RETURN_IF_ERROR(readCheck(json, manifest.check));
  // Since 4.2.
  if (json.contains("tuning"))
    MAMBA_RETURN_IF_ERROR(
        readList(json, "tuning", "kernel", manifest.tuning, readTuningSpec));
  MAMBA_RETURN_IF_ERROR(readBlobs(json, manifest.blobs));
  return verifyManifest(manifest);
}

Result<Manifest> mamba::readManifest(std::string_view json,
                                     const std::string &what) {
  MAMBA_ASSIGN_OR_RETURN(Json parsed, parseJson(json, what));
  JsonScope scope(parsed);
  Manifest manifest;
  if (Status status = readAll(parsed, manifest); !status.ok())
    return invalidData(what + ": " + status.message());
  return manifest;
}

Result<GoldenCase> mamba::readGoldenCase(std::string_view json,
                                         const std::string &what) {
  MAMBA_ASSIGN_OR_RETURN(Json parsed, parseJson(json, what));
  JsonScope scope(parsed);
  GoldenCase golden;
  MAMBA_RETURN_IF_ERROR(readGolden(parsed, golden).withContext(what));
  return golden;
}
