// Manifest -> JSON, keys in the order of FORMAT.md.
#include "runtime/pack/Manifest.h"

#include "runtime/support/JsonWriter.h"

namespace mamba { // Lists find write() of what they hold by its namespace.

static void write(JsonWriter &to, const RowCount &rows) {
  switch (rows.kind) {
  case RowKind::T:
    return to.scalar("T");
  case RowKind::S:
    return to.scalar("S");
  case RowKind::Constant:
    break;
  }
  to.scalar(rows.value);
}

static void write(JsonWriter &to, const Grid &grid) {
  writeArray(to, grid.of, grid.block, grid.times);
}

static const char *rowsName(RowKind kind) {
  return kind == RowKind::T ? "T" : kind == RowKind::S ? "S" : "1";
}

static void writeMembersOf(JsonWriter &to, const TensorSpec &tensor) {
  writeMembers(to, "name", tensor.name, "dtype", dtypeName(tensor.dtype), "rows",
               rowsName(tensor.rows), "shape", tensor.shape);
}

static void write(JsonWriter &to, const TensorSpec &tensor) {
  to.begin('{');
  writeMembersOf(to, tensor);
  to.end();
}

static void write(JsonWriter &to, const StateSpec &state) {
  writeObject(to, "id", state.id, "input", state.input, "output", state.output,
              "dtype", dtypeName(state.dtype), "shape", state.shape,
              "transposed", state.transposed);
}

static void write(JsonWriter &to, const EntrySpec &entry) {
  to.begin('{');
  writeMembers(to, "name", entry.name);
  to.key("inputs");
  to.begin('[');
  for (const TensorSpec &input : entry.inputs) {
    to.next();
    to.begin('{');
    writeMembersOf(to, input);
    writeMembers(to, "below", input.below);
    to.end();
  }
  to.end();
  writeMembers(to, "outputs", entry.outputs, "states", entry.states);
  to.end();
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

static void write(JsonWriter &to, const ArgRef &arg) {
  writeArray(to, spaceName(arg.space), arg.number);
}

static void write(JsonWriter &to, const DispatchVariant &variant) {
  writeObject(to, "max_sequences", variant.maxSequences,
              "kernel", variant.kernel, "grid", variant.grid);
}

static void write(JsonWriter &to, const Dispatch &dispatch) {
  writeObject(to, "kernel", dispatch.kernel, "rows", dispatch.rows,
              "grid", dispatch.grid, "args", dispatch.args,
              "variants", dispatch.variants);
}

static void write(JsonWriter &to, const GoldenArg &arg) {
  to.begin('{');
  writeMembers(to, "dtype", dtypeName(arg.dtype), "count", arg.count);
  to.key("fill");
  switch (arg.fill) {
  case GoldenArg::Fill::Uniform:
    writeArray(to, "uniform", arg.lo, arg.hi);
    break;
  case GoldenArg::Fill::Index:
    writeArray(to, "index", arg.bound);
    break;
  case GoldenArg::Fill::Poison:
    writeArray(to, "poison");
    break;
  }
  to.end();
}

static void write(JsonWriter &to, const GoldenOutput &output) {
  writeObject(to, "arg", output.arg, "count", output.count,
              "stride", output.stride, "blob", output.blob,
              "offset", output.offset);
}

static void write(JsonWriter &to, const GoldenCase &golden) {
  writeObject(to, "rows", golden.rows, "lengths", golden.lengths,
              "slots", golden.slots, "positions", golden.positions,
              "grid", golden.grid, "args", golden.args,
              "outputs", golden.outputs, "tolerance", golden.tolerance);
}

static void write(JsonWriter &to, const LaunchSpec &launch) {
  writeObject(to, "threads", launch.threads, "shared", launch.shared,
              "registers", launch.registers, "overlap", launch.overlap);
}

static void write(JsonWriter &to, const KernelSpec &kernel) {
  writeObject(to, "symbol", kernel.symbol, "entry", kernel.entry,
              "scratch", kernel.scratch, "launch", kernel.launch,
              "ops", kernel.ops, "schedule", kernel.schedule,
              "schedule_from", kernel.scheduleFrom,
              "schedule_entry", kernel.scheduleEntry,
              "code_form", kernel.codeForm, "golden", kernel.golden);
}

static void write(JsonWriter &to, const Program &program) {
  to.begin('{');
  writeMembers(to, "entry", program.entry, "class", program.className,
               "invariant", program.invariant, "max_length",
               program.bounds.maxLength, "max_tokens", program.bounds.maxTokens,
               "min_tokens", program.bounds.minTokens, "max_sequences",
               program.bounds.maxSequences, "slices", program.slices);
  to.key("arena");
  writeObject(to, "T", program.arenaT, "S", program.arenaS, "C", program.arenaC);
  writeMembers(to, "dispatches", program.dispatches);
  to.end();
}

static void write(JsonWriter &to, const TargetSpec &target) {
  writeObject(to, "name", target.name, "device", target.device,
              "arch", target.arch, "features", target.features,
              "code", target.code, "cubin", target.cubin, "cuda", target.cuda,
              "kernels", target.kernels, "packed_bytes", target.packedBytes,
              "recipe", target.recipe, "programs", target.programs);
}

static void write(JsonWriter &to, const LaunchArg &arg) {
  writeObject(to, "rows", rowsName(arg.rows), "bytes", arg.bytes,
              "written", arg.isWritten, "below", arg.below);
}

static void write(JsonWriter &to, const LaunchShape &launch) {
  writeObject(to, "rows", launch.rows,
              "reads_sequences", launch.readsSequences, "args", launch.args);
}

static void write(JsonWriter &to, const StepSpec &step) {
  writeArray(to, step.sequences, step.length);
}

static void write(JsonWriter &to, const PredictionSpec &prediction) {
  writeObject(to, "grid", prediction.grid, "steps", prediction.steps);
}

static void write(JsonWriter &to, const VariantSpec &variant) {
  writeObject(to, "schedule", variant.schedule,
              "predicted_us", variant.predictedUs,
              "prediction", variant.prediction, "target", variant.target);
}

static void write(JsonWriter &to, const TuningSpec &tuning) {
  writeObject(to, "key", tuning.key, "target", tuning.target,
              "launch", tuning.launch, "variants", tuning.variants);
}

static void write(JsonWriter &to, const WeightSpec &weight) {
  writeObject(to, "name", weight.name, "dtype", dtypeName(weight.dtype),
              "shape", weight.shape);
}

static void write(JsonWriter &to, const ModelSpec &model) {
  writeObject(to, "architecture", model.architecture,
              "vocab_size", model.vocabSize,
              "valid_vocab_size", model.validVocabSize, "layers", model.layers,
              "signature", model.signature);
}

static void write(JsonWriter &to, const CheckSpec &check) {
  writeObject(to, "entry", check.entry, "weights", check.weights,
              "below", check.below, "steps", check.steps,
              "stride", check.stride, "blob", check.blob,
              "tolerance", check.tolerance);
}

std::string writeManifest(const Manifest &manifest) {
  JsonWriter to;
  to.begin('{');
  writeMembers(to, "format", kManifestFormat, "minor", manifest.minor,
               "compiler", manifest.compiler, "source", manifest.source,
               "weights", manifest.weights, "activations", manifest.activations,
               "model", manifest.model, "checkpoint", manifest.checkpoint,
               "entries", manifest.entries, "targets", manifest.targets, "check",
               manifest.check, "tuning", manifest.tuning);
  to.key("blobs");
  to.begin('{');
  for (const BlobSpec &blob : manifest.blobs) {
    to.key(blob.name);
    writeObject(to, "sha256", blob.sha256, "raw_bytes", blob.rawBytes);
  }
  to.end();
  to.end();
  return to.take();
}

std::string writeGoldenCase(const GoldenCase &golden) {
  JsonWriter to;
  write(to, golden);
  return to.take();
}

} // namespace mamba
