#include "compiler/tune/PredictGpu.h"

#include "compiler/pack/GoldenRanges.h"
#include "compiler/pack/PlanToManifest.h"
#include "compiler/predict/Argument.h"
#include "compiler/predict/Code.h"
#include "compiler/predict/Runner.h"
#include "compiler/tune/Alone.h"
#include "passes/lowering/Rows.h"
#include "runtime/device/Device.h"
#include "runtime/support/Json.h"

#include "mlir/Parser/Parser.h"
#include "llvm/Support/MathExtras.h"

#include <optional>

using namespace mlir;

namespace mamba {

/// Sequences of decode steps that a server would have.
static constexpr uint64_t kManySequences = 64, kMoreSequences = 256;
/// As many times the rows of a prefill.
static constexpr uint64_t kLargerStep = 8;

std::string GpuFigures::json() const {
  return nlohmann::ordered_json{{"us", us},
                                {"rows", rows},
                                {"limit", limit},
                                {"registers", registers},
                                {"spills", spills},
                                {"occupancy", occupancy}}
      .dump();
}

Result<GpuFigures> GpuFigures::parse(const std::string &text) {
  MAMBA_ASSIGN_OR_RETURN(nlohmann::json json, parseJson(text, "a prediction"));
  GpuFigures figures;
  MAMBA_ASSIGN_OR_RETURN(figures.us, getDouble(json, "us"));
  MAMBA_ASSIGN_OR_RETURN(figures.rows, getInt(json, "rows", 0));
  MAMBA_ASSIGN_OR_RETURN(figures.limit, getString(json, "limit"));
  MAMBA_ASSIGN_OR_RETURN(figures.registers, getInt(json, "registers", 0));
  MAMBA_ASSIGN_OR_RETURN(figures.spills, getInt(json, "spills", 0));
  MAMBA_ASSIGN_OR_RETURN(figures.occupancy, getDouble(json, "occupancy"));
  return figures;
}

namespace {

/// What the rows of a kernel's operands and results are.
class ArgumentRows {
public:
  static Result<ArgumentRows> of(ModuleOp module);

  predict::Argument argument(const plan::KernelArg &planned, ssm::KernelOp kernel) const;

private:
  SmallVector<Rows> operands, results;
};

} // namespace

Result<ArgumentRows> ArgumentRows::of(ModuleOp module) {
  auto func = *module.getOps<func::FuncOp>().begin();
  FailureOr<DenseMap<Value, Rows>> rows = rowsOf(func);
  if (failed(rows))
    return invalidData("rows of tokens and of sequences are mixed");
  ArgumentRows found;
  module.walk([&](ssm::KernelOp kernel) {
    for (Value operand : kernel.getInputs())
      found.operands.push_back(rows->lookup(operand));
    for (Value result : kernel.getResults())
      found.results.push_back(rows->lookup(result));
  });
  return found;
}

predict::Argument ArgumentRows::argument(const plan::KernelArg &planned,
                                         ssm::KernelOp kernel) const {
  Rows rows = planned.operand ? operands[*planned.operand] : results[*planned.result];
  RowKind kind = rows == Rows::Sequences ? RowKind::S : RowKind::T;
  if (planned.type.hasStaticShape())
    kind = RowKind::Constant;
  GoldenArg range;
  range.dtype = dtypeOf(planned.type.getElementType());
  range.fill = GoldenArg::Fill::Uniform;
  if (planned.operand) {
    BlockArgument inside = kernel.getBlock().getArgument(*planned.operand);
    if (isPool(inside))
      kind = RowKind::S;
    setRange(range, inside);
  }
  return predict::argumentOf(planned, kind,
                             range.fill == GoldenArg::Fill::Index ? range.bound : 0);
}

/// The launch of a kernel that is compiled.
static predict::Launch launchOf(plan::KernelOp planned, const ArgumentRows &rows) {
  predict::Launch launch;
  ssm::KernelOp kernel = planned.getKernel();
  RowKind ofOperands = RowKind::Constant, ofResults = RowKind::Constant;
  for (const plan::KernelArg &arg : plan::kernelArgs(kernel)) {
    launch.arguments.push_back(rows.argument(arg, kernel));
    RowKind &first = arg.role == plan::Role::Out ? ofResults : ofOperands;
    if (first == RowKind::Constant && arg.role != plan::Role::InOut)
      first = launch.arguments.back().rows;
  }
  // As in a dispatch: the rows of the first result that has some.
  RowCount count{ofResults == RowKind::Constant ? ofOperands : ofResults, 1};
  launch.dispatch = {0, count, gridOf(planned.getGridAttr(), count), {}};
  launch.readsSequences = predict::readsSequences(kernel);
  return launch;
}

/// Whether time is cut into slices: for few sequences.
static bool isInSlices(ssm::KernelOp kernel) {
  bool found = false;
  kernel.walk([&](Operation *op) {
    auto scan = dyn_cast<ssm::SelectiveScanOp>(op);
    found |= isa<ssm::ScanSlicesOp>(op) || (scan && scan.getSlices());
  });
  return found;
}

/// The first has as many sequences as the schedule is for; none if there is no other.
static std::optional<predict::Step> stepOf(const Alone &alone, uint64_t length, GpuStep step) {
  bool isFirst = step == GpuStep::First;
  plan::KernelOp planned = alone.planned;
  if (planned.isDecodeOnly()) {
    uint64_t first = alone.othersUpTo ? kManySequences : 1;
    uint64_t other = alone.othersUpTo ? kMoreSequences : kManySequences;
    return predict::Step{isFirst ? first : other, 1};
  }
  // What has a row a sequence.
  if (length == 1)
    return isFirst ? std::optional(predict::Step{1, 1}) : std::nullopt;
  if (llvm::is_contained(planned.getClasses().getAsValueRange<StringAttr>(), "few"))
    return predict::Step{1, isFirst ? length : 2 * length};
  if (isInSlices(planned.getKernel()))
    return predict::Step{1, isFirst ? length : kLargerStep * length};
  uint64_t sequences = llvm::PowerOf2Ceil(uint64_t(alone.othersUpTo) + 1);
  return predict::Step{isFirst ? sequences : kLargerStep * sequences, length};
}

Result<GpuFigures> predictCandidate(const CandidateKernel &kernel, const Schedule &schedule,
                                    const sim::Chip &chip, GpuStep which) {
  Alone alone;
  MAMBA_RETURN_IF_ERROR(alone.compile(kernel, &schedule));
  std::optional<predict::Step> step = stepOf(alone, uint64_t(kernel.lengths.front()), which);
  if (!step)
    return GpuFigures();
  auto plain = parseSourceString<ModuleOp>(kernel.module, alone.context.get());
  MAMBA_ASSIGN_OR_RETURN(ArgumentRows rows, ArgumentRows::of(*plain));
  Manifest manifest;
  MAMBA_ASSIGN_OR_RETURN(std::vector<uint8_t> ptx, alone.emit(manifest));
  MAMBA_ASSIGN_OR_RETURN(predict::Code code,
                         predict::readCode({ptx.begin(), ptx.end()}, manifest.targets.front()));
  MAMBA_ASSIGN_OR_RETURN(
      predict::Counted counted,
      predict::Runner(/*threads=*/1).count(code, launchOf(alone.planned, rows), *step));
  sim::Prediction prediction = counted.predict(chip);
  if (prediction.residentBlocks == 0)
    return unavailable("its blocks do not fit " + std::string(chip.name));
  auto largest = std::max_element(prediction.parts.begin(), prediction.parts.end() - 1);
  return GpuFigures{prediction.kernelSeconds * 1e6,
                    step->tokens(),
                    sim::nameOf(sim::Limit(largest - prediction.parts.begin())),
                    counted.kernel->registers,
                    counted.kernel->spills(),
                    prediction.occupancy};
}

Status checkCandidate(const CandidateKernel &kernel, const Schedule &schedule,
                      const std::string &folder) {
  std::string path = folder + "/checked.mpk";
  MAMBA_RETURN_IF_ERROR(buildCandidate(kernel, schedule, path));
  MAMBA_ASSIGN_OR_RETURN(std::shared_ptr<const Pack> pack, Pack::open(path));
  DeviceOptions options;
  options.threads = 1;
  options.target = kernel.target;
  MAMBA_ASSIGN_OR_RETURN(std::unique_ptr<Executable> executable,
                         loadOnDevice(pack, "sim", options));
  return executable->selfTest(nullptr);
}

} // namespace mamba
