#include "bench/PredictModel.h"

#include "compiler/codegen/Codegen.h"
#include "compiler/import/Config.h"
#include "compiler/import/Import.h"
#include "compiler/import/Mamba1Import.h"
#include "compiler/pack/PlanToManifest.h"
#include "compiler/pipeline/Pipeline.h"
#include "compiler/predict/Argument.h"
#include "compiler/predict/Code.h"
#include "dialects/plan/PlanDialect.h"
#include "runtime/support/Quote.h"

#include "mlir/Dialect/Func/IR/FuncOps.h"
#include "mlir/IR/MLIRContext.h"
#include "mlir/IR/OwningOpRef.h"

#include <deque>

using namespace mlir;

namespace mamba::bench {
namespace {

/// Tensors with shapes and no data.
class Tensors {
public:
  const TensorView *add(const std::string &name, std::vector<int64_t> shape) {
    views.push_back({name, DType::BF16, std::move(shape), nullptr, 0});
    return &views.back();
  }

private:
  std::deque<TensorView> views;
};

Mamba1Weights weightsOf(const Widths &w, Tensors &tensors) {
  Mamba1Weights weights;
  weights.sizes = {w.layers, w.vocab, w.width, w.inner, w.states, w.conv, w.dtRank};
  weights.embedding = weights.head = tensors.add("backbone.embedding.weight", {w.vocab, w.width});
  weights.finalNorm = tensors.add("backbone.norm_f.weight", {w.width});
  for (int64_t i = 0; i < w.layers; ++i) {
    Mamba1Layer layer;
    for (const Mamba1Tensor &tensor : mamba1LayerTensors())
      if (tensor.presence != Mamba1Tensor::Presence::ProjectionBias)
        layer.*tensor.field = tensors.add(mamba1LayerTensorName(i, tensor.name),
                                          tensor.shape(weights.sizes));
    weights.layers.push_back(layer);
  }
  return weights;
}

/// Who reads the value, behind a change of its precision.
void readersOf(Value value, SmallVectorImpl<Operation *> &readers) {
  for (Operation *user : value.getUsers())
    if (isa<ssm::CastOp, ssm::DequantizeOp>(user))
      readersOf(user->getResult(0), readers);
    else
      readers.push_back(user);
}

/// What the ops of a kernel read of a row of that operand, and of how many rows.
void narrow(Value operand, predict::Argument &argument) {
  SmallVector<Operation *> readers;
  readersOf(operand, readers);
  if (readers.empty())
    return;
  if (llvm::all_of(readers, [](Operation *op) { return isa<ssm::EmbeddingOp>(op); }) &&
      argument.rows == RowKind::Constant) {
    argument.read /= uint64_t(cast<RankedTensorType>(operand.getType()).getDimSize(0));
    argument.neededRows = RowKind::T;
  }
  if (llvm::all_of(readers, [](Operation *op) { return isa<ssm::LastRowsOp>(op); }))
    argument.neededRows = RowKind::S;
  // A scan in slices has the state from the kernel before it.
  if (llvm::all_of(readers, [&](Operation *op) {
        auto scan = dyn_cast<ssm::SelectiveScanOp>(op);
        return scan && scan.getSlices() && scan.getState() == operand;
      }))
    argument.read = 0;
  if (!llvm::all_of(readers, [](Operation *op) { return isa<ssm::SplitOp>(op); }))
    return;
  int64_t all = 0, read = 0;
  for (Value part : readers.front()->getResults())
    all += cast<RankedTensorType>(part.getType()).getShape().back();
  for (unsigned i = 0; i < readers.front()->getNumResults(); ++i)
    if (llvm::any_of(readers, [&](Operation *op) { return !op->getResult(i).use_empty(); }))
      read += cast<RankedTensorType>(readers.front()->getResult(i).getType()).getShape().back();
  argument.read = argument.read * uint64_t(read) / uint64_t(all);
}

/// What a row of the kernel is: its place in the model and its work.
void describe(ssm::KernelOp kernel, const Widths &w, PredictLaunch &launch) {
  std::string other;
  kernel.walk([&](Operation *op) {
    if (auto linear = dyn_cast<ssm::LinearOp>(op)) {
      int64_t to = cast<RankedTensorType>(linear.getY().getType()).getShape().back();
      int64_t from = cast<RankedTensorType>(linear.getX().getType()).getShape().back();
      launch.matrixFlops += 2.0 * double(from) * double(to);
      if (launch.family == Family::Scan)
        return;
      launch.family = Family::Projection;
      launch.role = to == w.vocab                    ? "head"
                    : from == w.width                ? "in_proj"
                    : from == w.inner && to == w.width ? "out_proj"
                    : from == w.inner                ? "x_proj"
                                                     : "dt_proj";
    } else if (isa<ssm::ScanSlicesOp>(op)) {
      launch.family = Family::Scan;
      launch.role = "slices";
    } else if (isa<ssm::SelectiveScanOp>(op)) {
      launch.family = Family::Scan;
      launch.role = "scan";
      launch.specialLanes = double(w.inner) * double(w.states + 4);
    } else if (isa<ssm::Conv1dOp>(op) && launch.family == Family::Other) {
      launch.family = Family::Convolution;
      launch.role = "conv";
    } else if (isa<ssm::EmbeddingOp>(op)) {
      other = "embedding";
    } else if (isa<ssm::LastRowsOp>(op)) {
      other = "last_rows";
    } else if (isa<ssm::RMSNormOp>(op) && other.empty()) {
      other = "norm";
    }
  });
  if (launch.family == Family::Other)
    launch.role = other.empty() ? "rows" : other;
  launch.readsSequences = predict::readsSequences(kernel);
}

RowKind rowsOf(const ArgRef &arg, const EntrySpec &entry) {
  switch (arg.space) {
  case ArgSpace::In:
    return entry.inputs[arg.number].rows;
  case ArgSpace::Out:
    return entry.outputs[arg.number].rows;
  case ArgSpace::T:
    return RowKind::T;
  case ArgSpace::State:
  case ArgSpace::S:
    return RowKind::S;
  case ArgSpace::Weight:
  case ArgSpace::Packed:
  case ArgSpace::C:
    break;
  }
  return RowKind::Constant;
}

PredictLaunch launchOf(plan::DispatchOp op, const Dispatch &dispatch, const EntrySpec &entry,
                       const Widths &widths) {
  PredictLaunch launch;
  launch.dispatch = dispatch;
  launch.dispatch.args.clear();
  ssm::KernelOp kernel = op.getKernelOp().getKernel();
  describe(kernel, widths, launch);
  for (auto [arg, planned] : llvm::zip_equal(dispatch.args, plan::kernelArgs(kernel))) {
    predict::Argument argument =
        predict::argumentOf(planned, rowsOf(arg, entry), uint64_t(widths.vocab));
    if (planned.operand)
      narrow(kernel.getBlock().getArgument(*planned.operand), argument);
    launch.arguments.push_back(argument);
  }
  return launch;
}

bool areEqual(const PredictLaunch &a, const PredictLaunch &b) {
  auto same = [](const predict::Argument &x, const predict::Argument &y) {
    return x.rows == y.rows && x.bytes == y.bytes && x.neededRows == y.neededRows &&
           x.read == y.read && x.written == y.written;
  };
  return a.dispatch.kernel == b.dispatch.kernel && a.dispatch.rows.kind == b.dispatch.rows.kind &&
         llvm::equal(a.arguments, b.arguments, same);
}

PredictProgram programOf(plan::ProgramOp op, const Program &program, const EntrySpec &entry,
                         const Widths &widths) {
  PredictProgram result{program.className, program.bounds, {}};
  auto planned = op.getBody().getOps<plan::DispatchOp>();
  for (auto [dispatch, spec] : llvm::zip(planned, program.dispatches)) {
    PredictLaunch launch = launchOf(dispatch, spec, entry, widths);
    auto same = llvm::find_if(result.launches,
                              [&](const PredictLaunch &other) { return areEqual(launch, other); });
    if (same == result.launches.end())
      result.launches.push_back(std::move(launch));
    else
      ++same->times;
  }
  return result;
}

} // namespace

Result<Widths> widthsOf(const std::string &text) {
  auto mamba = [](const std::string &name, int64_t width, int64_t layers, int64_t vocab) {
    return Widths{name, width, 2 * width, 16, 4, (width + 15) / 16, vocab, layers};
  };
  constexpr int64_t vocab = 50280;
  for (auto [name, width, layers] : {std::tuple("130m", 768, 24), {"370m", 1024, 48},
                                     {"790m", 1536, 48}, {"1.4b", 2048, 48}, {"2.8b", 2560, 64}})
    if (text == name)
      return mamba(name, width, layers, vocab);
  std::string error;
  FailureOr<NamedSizes> sizes = parseSizes(text, error);
  if (failed(sizes))
    return invalidArgument("unknown model " + inQuotes(text) +
                           ": use 130m, 370m, 790m, 1.4b, 2.8b or D=64,layers=2,V=200");
  int64_t width = 0, layers = 1, V = vocab;
  for (auto &[name, value] : *sizes)
    if (name == "D")
      width = value;
    else if (name == "layers")
      layers = value;
    else if (name == "V")
      V = value;
    else
      return invalidArgument("unknown size " + inQuotes(name) + ": use D, layers and V");
  if (width <= 0 || layers <= 0 || V <= 0)
    return invalidArgument("model " + inQuotes(text) + " needs a positive D, layers and V");
  if (width > kMaxWidth || layers > kMaxLayers || V > kMaxVocab)
    return invalidArgument("model " + inQuotes(text) + " is too large: D is at most " +
                           std::to_string(kMaxWidth) + ", layers " + std::to_string(kMaxLayers) +
                           ", V " + std::to_string(kMaxVocab));
  return mamba(text, width, layers, V);
}

const PredictProgram *PredictModel::programFor(const Step &step) const {
  for (const PredictProgram &program : programs)
    if (program.bounds.hold(step.tokens(), step.sequences, step.length, step.length))
      return &program;
  return nullptr;
}

namespace {

/// A context that knows all that the compiler needs.
class Compiler {
public:
  Compiler() {
    registerCompiler(registry);
    registerCodegen(registry);
    context.emplace(registry, MLIRContext::Threading::DISABLED);
    context->loadAllAvailableDialects();
  }
  MLIRContext &get() { return *context; }

private:
  DialectRegistry registry;
  std::optional<MLIRContext> context;
};

/// Of the module with the only entry `entry`; `what` is for messages.
Result<PredictModel> compile(ModuleOp module, StringRef entry, const Widths &widths,
                             const Precisions &precisions, const std::string &arch,
                             const std::string &what) {
  for (auto func : llvm::make_early_inc_range(module.getOps<func::FuncOp>()))
    if (func.getName() != entry)
      func.erase();
  std::string error, name = "cuda:" + arch;
  FailureOr<Target> target = parseTarget(name, error);
  if (failed(target))
    return invalidArgument(error);
  PipelineOptions options;
  options.target = name;
  options.weights = precisions.weights;
  options.activations = precisions.activations;
  std::string where = what + " for " + name;
  FailureOr<std::string> ptx = failure();
  if (succeeded(runPipeline(module, options, Phase::NVVM)))
    ptx = emitPtx(module);
  if (failed(ptx))
    return internalError(where + " does not compile");

  Manifest manifest;
  MAMBA_RETURN_IF_ERROR(addTarget(manifest, module, *target));
  const TargetSpec &spec = manifest.targets.back();
  PredictModel model;
  model.widths = widths;
  model.precisions = precisions;
  Result<predict::Code> code = predict::assembleCode(*ptx, spec);
  if (!code.ok())
    return code.status().withContext(where);
  static_cast<predict::Code &>(model) = std::move(*code);
  for (auto [op, program] : llvm::zip(module.getOps<plan::ProgramOp>(), spec.programs))
    model.programs.push_back(programOf(op, program, manifest.entries[program.entry], widths));
  return std::move(model);
}

} // namespace

Result<PredictModel> compileForPrediction(const Widths &widths, const Precisions &precisions,
                                          const std::string &arch) {
  Compiler compiler;
  OwningOpRef<ModuleOp> module = ModuleOp::create(UnknownLoc::get(&compiler.get()));
  Tensors tensors;
  buildMamba1Model(*module, weightsOf(widths, tensors), {.layers = 1e-5, .mixer = {}}, /*validVocab=*/0);
  return compile(*module, "next", widths, precisions, arch,
                 "model " + widths.name + ", weights " + precisions.weights + ", activations " +
                     precisions.activations);
}

Result<PredictModel> compileScanAlone(const Widths &widths, const std::string &arch) {
  Compiler compiler;
  std::string error;
  auto module = importOperator("scan", {{"E", widths.inner}, {"N", widths.states}},
                               compiler.get(), error);
  if (failed(module))
    return internalError(error);
  return compile(**module, "scan", widths, {"f32", "f32"}, arch, "a scan of " + widths.name);
}

double decodeBytes(const Widths &w, const std::string &weights, uint64_t batch) {
  double D = double(w.width), E = double(w.inner), R = double(w.dtRank), N = double(w.states);
  double ofWeight = weights == "int8" ? 1.0625 : weights == "int4" ? 0.5625
                    : weights == "f32" ? 4 : 2;
  double layer = ofWeight * (2 * D * E + E * (R + 2 * N) + R * E + E * D) +
                 4 * (E * double(w.conv) + 2 * E + D + E * N) +
                 double(batch) * (2 * 4 * E * N + 12 * E);
  return double(w.layers) * layer + double(w.vocab) * D * ofWeight;
}

} // namespace mamba::bench
