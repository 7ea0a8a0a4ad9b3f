#include "compiler/tune/PredictGpu.h"

#include "compiler/pack/GoldenRanges.h"
#include "compiler/pack/PlanToManifest.h"
#include "compiler/predict/Argument.h"
#include "compiler/predict/Code.h"
#include "compiler/tune/Alone.h"
#include "passes/lowering/Rows.h"
#include "runtime/device/Device.h"

#include "mlir/Parser/Parser.h"
#include "llvm/Support/MathExtras.h"

using namespace mlir;

namespace mamba {

/// Sequences of decode steps that a server would have.
static constexpr uint64_t kManySequences = 64, kMoreSequences = 256;
/// As many times the rows of a prefill.
static constexpr uint64_t kLargerStep = 8;

namespace {

/// What the rows of a kernel's operands and results are.
class ArgumentRows {
public:
  static Result<ArgumentRows> of(ModuleOp module);

  LaunchArg argument(const plan::KernelArg &planned, ssm::KernelOp kernel) const;

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

LaunchArg ArgumentRows::argument(const plan::KernelArg &planned, ssm::KernelOp kernel) const {
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
  predict::Argument argument = predict::argumentOf(
      planned, kind, range.fill == GoldenArg::Fill::Index ? range.bound : 0);
  return {argument.rows, argument.bytes, argument.written != 0, argument.indexBelow};
}

static LaunchShape shapeOf(plan::KernelOp planned, const ArgumentRows &rows) {
  LaunchShape launch;
  ssm::KernelOp kernel = planned.getKernel();
  RowKind ofOperands = RowKind::Constant, ofResults = RowKind::Constant;
  for (const plan::KernelArg &arg : plan::kernelArgs(kernel)) {
    launch.args.push_back(rows.argument(arg, kernel));
    RowKind &first = arg.role == plan::Role::Out ? ofResults : ofOperands;
    if (first == RowKind::Constant && arg.role != plan::Role::InOut)
      first = launch.args.back().rows;
  }
  // As in a dispatch: the rows of the first result that has some.
  launch.rows = {ofResults == RowKind::Constant ? ofOperands : ofResults, 1};
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

/// The first has as many sequences as the schedule is for.
static std::vector<StepSpec> stepsOf(const Alone &alone, uint64_t length) {
  plan::KernelOp planned = alone.planned;
  if (planned.isDecodeOnly()) {
    uint64_t first = alone.othersUpTo ? kManySequences : 1;
    uint64_t other = alone.othersUpTo ? kMoreSequences : kManySequences;
    return {{first, 1}, {other, 1}};
  }
  // What has a row a sequence.
  if (length == 1)
    return {{1, 1}};
  if (llvm::is_contained(planned.getClasses().getAsValueRange<StringAttr>(), "few"))
    return {{1, length}, {1, 2 * length}};
  if (isInSlices(planned.getKernel()))
    return {{1, length}, {1, kLargerStep * length}};
  uint64_t sequences = llvm::PowerOf2Ceil(uint64_t(alone.othersUpTo) + 1);
  return {{sequences, length}, {kLargerStep * sequences, length}};
}

Result<GpuLaunch> launchOf(const Alone &alone, const std::string &module, int64_t length) {
  auto plain = parseSourceString<ModuleOp>(module, alone.context.get());
  MAMBA_ASSIGN_OR_RETURN(ArgumentRows rows, ArgumentRows::of(*plain));
  plan::KernelOp planned = alone.planned;
  GpuLaunch launch;
  launch.shape = shapeOf(planned, rows);
  launch.prediction.grid = gridOf(planned.getGridAttr(), launch.shape.rows);
  launch.prediction.steps = stepsOf(alone, uint64_t(length));
  return launch;
}

Result<predict::Figures> predictCandidate(const CandidateKernel &kernel, const Schedule &schedule,
                                          const sim::Chip &chip, predict::StepKind step) {
  Alone alone;
  MAMBA_RETURN_IF_ERROR(alone.compile(kernel, &schedule));
  MAMBA_ASSIGN_OR_RETURN(GpuLaunch launch,
                         launchOf(alone, kernel.module, kernel.lengths.front()));
  Manifest manifest;
  MAMBA_ASSIGN_OR_RETURN(std::vector<uint8_t> ptx, alone.emit(manifest));
  MAMBA_ASSIGN_OR_RETURN(predict::Code code, predict::assembleCode({ptx.begin(), ptx.end()},
                                                                   manifest.targets.front()));
  return predict::predictStep(code, launch.shape, launch.prediction, step, chip);
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
