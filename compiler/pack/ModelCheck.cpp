#include "compiler/pack/ModelCheck.h"

#include "compiler/reference/Reference.h"
#include "dialects/ssm/SSMDialect.h"
#include "runtime/pack/Check.h"
#include "runtime/support/Float16.h"
#include "runtime/support/Quote.h"

#include "mlir/Dialect/Func/IR/FuncOps.h"

#include <algorithm>
#include <bit>
#include <cmath>
#include <cstring>
#include <functional>
#include <numeric>

using namespace mlir;

namespace mamba {

/// A prompt for the programs of many tokens, a piece of one for those of few,
/// and two decode steps: a GPU captures the first and replays it in the second.
static const std::vector<std::vector<int64_t>> checkSteps = {{19, 6}, {2, 3}, {1, 1}, {1, 1}};
/// Samples of a row of logits, about.
static constexpr uint64_t samplesOfRow = 128;

/// Of a row's samples, for what float32 sums and short exponentials do.
static constexpr double f32Tolerance = 2e-4;

uint64_t modelCheckProducts(const Manifest &manifest) {
  uint64_t elements = 0, tokens = 0;
  for (const WeightSpec &weight : manifest.checkpoint)
    if (unsigned bytes = dtypeBytes(weight.dtype))
      elements += tensorBytes(weight.dtype, weight.shape).value_or(0) / bytes;
  for (const std::vector<int64_t> &lengths : checkSteps)
    for (int64_t length : lengths)
      tokens += length;
  return elements * tokens;
}

static reference::Tensor toTensor(const TensorView &view) {
  reference::Tensor tensor(view.shape);
  unsigned bytes = dtypeBytes(view.dtype);
  for (size_t i = 0; i < tensor.values.size(); ++i) {
    uint32_t bits = 0;
    std::memcpy(&bits, view.data + i * bytes, bytes);
    tensor.values[i] = view.dtype == DType::F16    ? f16ToF32(uint16_t(bits))
                       : view.dtype == DType::BF16 ? bf16ToF32(uint16_t(bits))
                                                   : std::bit_cast<float>(bits);
  }
  return tensor;
}

/// Everything that the checkpoint holds and a model reads is F32, F16 or BF16.
static std::optional<reference::Tensor> findWeight(const Checkpoint &checkpoint, StringRef name) {
  const TensorView *view = checkpoint.find(name.str());
  if (!view || dtypeBytes(view->dtype) == 0 || dtypeBytes(view->dtype) > 4)
    return std::nullopt;
  return toTensor(*view);
}

/// Logits of the last tokens [S, V] of each step.
static FailureOr<std::vector<reference::Tensor>>
evaluateSteps(func::FuncOp entry, const CheckSpec &check, const Checkpoint &checkpoint) {
  int64_t sequences = int64_t(checkSequences(check));
  // Tokens, batch, states; the results are the logits and the states.
  std::vector<reference::Value> inputs(2);
  for (Type type : entry.getArgumentTypes().drop_front(2)) {
    std::vector<int64_t> shape = cast<RankedTensorType>(type).getShape().vec();
    shape[0] = int64_t(checkSlots(check));
    inputs.push_back(reference::Tensor(std::move(shape)));
  }
  std::vector<int64_t> positions(sequences, 0);
  std::vector<reference::Tensor> logits;
  for (const std::vector<int64_t> &lengths : check.steps) {
    reference::BatchValue batch = reference::makeBatch(lengths);
    batch.position = positions;
    std::vector<double> tokens;
    for (int64_t s = 0; s < sequences; ++s) {
      batch.slot[s] = sequences - s;
      for (int64_t i = 0; i < lengths[s]; ++i)
        tokens.push_back(checkToken(check, s, positions[s]++));
    }
    inputs[0] = reference::Tensor({int64_t(tokens.size())}, std::move(tokens));
    inputs[1] = std::move(batch);
    auto results = reference::evaluate(entry.getBody(), inputs, [&](StringRef name) {
      return findWeight(checkpoint, name);
    });
    if (failed(results))
      return failure();
    logits.push_back(std::get<reference::Tensor>(std::move(results->front())));
    std::move(results->begin() + 1, results->end(), inputs.begin() + 2);
  }
  return logits;
}

/// Column 0, stride, 2 stride, ... of each row.
static std::vector<float> sampleRows(const std::vector<reference::Tensor> &steps,
                                     uint64_t stride) {
  std::vector<float> samples;
  for (const reference::Tensor &rows : steps)
    for (int64_t row = 0; row < rows.rows(); ++row)
      for (int64_t column = 0; column < rows.rowSize(); column += int64_t(stride))
        samples.push_back(float(rows.row(row)[column]));
  return samples;
}

/// The largest relative L2 error of a row, of so many samples each.
static double largestError(ArrayRef<float> got, ArrayRef<float> wanted, uint64_t rowSamples) {
  double largest = 0;
  auto distance = [](double a, double b) { return (a - b) * (a - b); };
  auto square = [](double a) { return a * a; };
  for (size_t i = 0; i < wanted.size(); i += rowSamples) {
    const float *row = wanted.data() + i, *end = row + rowSamples;
    double error = std::transform_reduce(row, end, got.data() + i, 0.0, std::plus<>(), distance);
    double norm = std::transform_reduce(row, end, 0.0, std::plus<>(), square);
    largest = std::max(largest, std::sqrt(error / (norm > 0 ? norm : 1)));
  }
  return largest;
}

/// The entry `next`, of a class if there are several.
static func::FuncOp findNext(ModuleOp module, StringRef tokenClass) {
  for (func::FuncOp func : module.getOps<func::FuncOp>()) {
    auto entry = func->getAttrOfType<StringAttr>("ssm.entry");
    auto itsClass = func->getAttrOfType<StringAttr>("ssm.class");
    if (entry && entry == "next" && (itsClass ? itsClass.getValue() : "") == tokenClass)
      return func;
  }
  return {};
}

static Result<std::string> fingerprintOf(const Manifest &manifest, const Checkpoint &checkpoint) {
  Fingerprint fingerprint;
  for (const WeightSpec &weight : manifest.checkpoint) {
    MAMBA_ASSIGN_OR_RETURN(const TensorView *view, checkpoint.get(weight.name));
    fingerprint.add(weight, {view->data, view->bytes});
  }
  return fingerprint.finish();
}

Result<CheckSpec> describeModelCheck(const Manifest &manifest, const Checkpoint &checkpoint) {
  CheckSpec check;
  while (check.entry < manifest.entries.size() && manifest.entries[check.entry].name != "next")
    ++check.entry;
  if (check.entry == manifest.entries.size())
    return notFound("the model has no entry 'next'");
  check.below = manifest.model->validVocabSize;
  if (check.below == 0)
    check.below = manifest.model->vocabSize;
  check.steps = checkSteps;
  // Odd, so that the samples wander through the tiles of a kernel.
  check.stride = (checkColumns(manifest, check) - 1) / samplesOfRow + 1 | 1;
  MAMBA_ASSIGN_OR_RETURN(check.weights, fingerprintOf(manifest, checkpoint));
  return check;
}

/// Few rows, where many are rounded less.
static StringRef roundedClass(const PipelineOptions &options) {
  return options.activations == "int8" ? "few" : "prefill";
}

static std::string textOf(func::FuncOp program) {
  std::string text;
  llvm::raw_string_ostream os(text);
  program.print(os);
  return text;
}

Result<RoundedRows> roundRows(ModuleOp imported, const std::vector<PipelineOptions> &targets) {
  RoundedRows rounded;
  for (const PipelineOptions &options : targets) {
    if (options.activations == "f32")
      continue;
    OwningOpRef<ModuleOp> module = imported.clone();
    if (failed(runPipeline(*module, options, Phase::Fused)))
      return internalError("rows cannot be rounded to " + options.activations);
    func::FuncOp program = findNext(*module, roundedClass(options));
    if (!program)
      return internalError("the rounded module has no entry 'next'");
    rounded.programs.insert(textOf(program));
    // Schedules round nothing that the reference sees.
    program.walk([](ssm::KernelOp kernel) {
      kernel.removeScheduleAttr();
      kernel->removeAttr("ssm.schedule_from");
    });
    rounded.kinds.try_emplace(textOf(program), std::move(module));
  }
  return rounded;
}

Result<ModelCheckValues> computeModelCheck(const Manifest &manifest, const CheckSpec &check,
                                           ModuleOp imported, const PipelineOptions &options,
                                           const RoundedRows &rounded,
                                           const Checkpoint &checkpoint) {
  ModelCheckValues values;
  auto evaluate = [&](ModuleOp module, StringRef tokenClass) -> Result<std::vector<float>> {
    func::FuncOp next = findNext(module, tokenClass);
    auto steps = next ? evaluateSteps(next, check, checkpoint)
                      : FailureOr<std::vector<reference::Tensor>>(failure());
    if (failed(steps))
      return internalError("the reference cannot evaluate entry 'next'");
    return sampleRows(*steps, check.stride);
  };
  OwningOpRef<ModuleOp> module = imported.clone();
  if (failed(roundWeights(*module, options)))
    return internalError("the matrices cannot be rounded to " + options.weights);
  MAMBA_ASSIGN_OR_RETURN(values.samples, evaluate(*module, ""));
  values.tolerance = f32Tolerance;
  // Twice what the rounding of rows does to this very model.
  double largest = 0;
  for (const auto &[text, kind] : rounded.kinds) {
    MAMBA_ASSIGN_OR_RETURN(std::vector<float> got, evaluate(*kind, roundedClass(options)));
    largest = std::max(
        largest, largestError(got, values.samples, checkSamples(manifest, check)));
  }
  values.tolerance += 2 * largest;
  return values;
}

} // namespace mamba
