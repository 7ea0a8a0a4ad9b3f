#include "compiler/pack/PlanToManifest.h"

#include "runtime/support/Quote.h"

#include "llvm/ADT/DenseMap.h"

#include <map>
#include <string>

using namespace mlir;

namespace mamba {

DType dtypeOf(Type elementType) {
  if (elementType.isF16())
    return DType::F16;
  if (elementType.isBF16())
    return DType::BF16;
  if (elementType.isInteger(8))
    return DType::I8;
  if (elementType.isInteger(32))
    return DType::I32;
  return DType::F32;
}

static RowCount rowCount(plan::RowsAttr rows) {
  switch (rows.getKind()) {
  case plan::RowKind::T:
    return {RowKind::T, 1};
  case plan::RowKind::S:
    return {RowKind::S, 1};
  case plan::RowKind::Constant:
    break;
  }
  return {RowKind::Constant, uint64_t(rows.getCount())};
}

Grid gridOf(plan::GridAttr grid, RowCount rows) {
  Grid result;
  switch (grid.getOf()) {
  case plan::GridOf::Rows:
    result.of = rows;
    break;
  case plan::GridOf::Sequences:
    result.of = {RowKind::S, 1};
    break;
  case plan::GridOf::Constant:
    result.of = {RowKind::Constant, uint64_t(grid.getCount())};
    break;
  }
  result.block = grid.getBlock();
  result.times = grid.getTimes();
  return result;
}

/// The dimensions after the rows; all of them if the type is static.
static std::vector<int64_t> shapeOfRow(RankedTensorType type) {
  ArrayRef<int64_t> shape = type.getShape();
  return (type.hasStaticShape() ? shape : shape.drop_front()).vec();
}

static EntrySpec entrySpec(plan::EntryOp entry) {
  EntrySpec spec;
  spec.name = entry.getSymName().str();
  auto tensor = [](auto op) {
    auto type = cast<RankedTensorType>(op.getType());
    return TensorSpec{op.getName().str(), dtypeOf(type.getElementType()),
                      rowCount(op.getRows()).kind, shapeOfRow(type), 0};
  };
  for (Operation &op : entry.getBody().front()) {
    if (auto argument = dyn_cast<plan::ArgumentOp>(op)) {
      spec.inputs.push_back(tensor(argument));
      spec.inputs.back().below = uint64_t(argument.getBelow().value_or(0));
    } else if (auto result = dyn_cast<plan::ResultOp>(op)) {
      spec.outputs.push_back(tensor(result));
    } else {
      auto pool = cast<plan::PoolOp>(op);
      auto type = cast<RankedTensorType>(pool.getType());
      spec.states.push_back({pool.getId().str(), pool.getInput().str(), pool.getOutput().str(),
                             dtypeOf(type.getElementType()), shapeOfRow(type),
                             pool.getTransposed()});
    }
  }
  return spec;
}

/// The ops of the kernel's region, "ssm.rms_norm ssm.linear".
static std::string opsText(ssm::KernelOp kernel) {
  std::string text;
  for (Operation &op : kernel.getBlock().without_terminator())
    text += (text.empty() ? "" : " ") + op.getName().getStringRef().str();
  return text;
}

/// "lanes = 16, row_block = 96".
static std::string scheduleText(ssm::KernelOp kernel) {
  std::string text;
  if (ssm::ScheduleAttr schedule = kernel.getScheduleAttr()) {
    llvm::raw_string_ostream stream(text);
    Attribute(schedule).print(stream);
  }
  StringRef inner = StringRef(text).split('<').second;
  inner.consume_back(">");
  return inner.str();
}

static int indexOfName(StringRef name, const auto &specs) {
  for (size_t i = 0; i < specs.size(); ++i)
    if (specs[i].name == name)
      return int(i);
  return -1;
}

namespace {
/// Adds one target.
class TargetWriter {
public:
  TargetWriter(Manifest &manifest, TargetSpec &spec) : manifest(manifest), spec(spec) {}

  Status addKernel(plan::KernelOp op);
  void addWeights(Block &body);
  Status addDispatches(Block &body, const EntrySpec *entry, std::vector<Dispatch> &list);
  Status addProgram(plan::ProgramOp op);
  std::optional<uint64_t> slicesOf(plan::ProgramOp op) const;

private:
  Result<ArgRef> argument(Value buffer, const EntrySpec *entry);

  Manifest &manifest;
  TargetSpec &spec;
  std::map<std::string, std::pair<uint32_t, plan::KernelOp>> kernels;
  std::map<std::string, size_t> weights;
};
} // namespace

/// Who chose the kernel's schedule: what is noted on it, "given" or "database:
/// which entry", else the generator.
static void noteOrigin(plan::KernelOp op, KernelSpec &kernel) {
  auto noted = op->getAttrOfType<StringAttr>("ssm.schedule_from");
  if (!noted)
    return;
  auto [from, entry] = noted.getValue().split(": ");
  kernel.scheduleFrom = from.str();
  if (!entry.empty())
    kernel.scheduleEntry = entry.str();
  // On a GPU, what was measured had a form of its code.
  auto [chip, form] = entry.rsplit(", code ");
  if (kernel.launch && !form.empty())
    kernel.codeForm = form.str();
}

Status TargetWriter::addKernel(plan::KernelOp op) {
  std::string symbol = op.getSymName().str();
  bool isGpu = spec.device == "cuda";
  if (!op.getGridAttr() || !op.getScratch())
    return internalError("kernel " + inQuotes(symbol) +
                         " has no grid or scratch: it was not generated");
  if (isGpu && (!op.getThreads() || !op.getShared()))
    return internalError("kernel " + inQuotes(symbol) + " has no threads or shared memory");
  kernels[symbol] = {uint32_t(spec.kernels.size()), op};
  KernelSpec kernel;
  kernel.symbol = symbol;
  kernel.entry = 0;
  kernel.scratch = uint64_t(*op.getScratch());
  kernel.ops = opsText(op.getKernel());
  kernel.schedule = scheduleText(op.getKernel());
  if (isGpu)
    kernel.launch = LaunchSpec{uint32_t(*op.getThreads()), uint32_t(*op.getShared()), std::nullopt,
                               op.getOverlap()};
  noteOrigin(op, kernel);
  spec.kernels.push_back(std::move(kernel));
  return {};
}

/// Notes what the body reads of the checkpoint.
void TargetWriter::addWeights(Block &body) {
  if (weights.empty())
    for (size_t i = 0; i < manifest.checkpoint.size(); ++i)
      weights[manifest.checkpoint[i].name] = i;
  for (auto op : body.getOps<plan::WeightOp>()) {
    if (!weights.try_emplace(op.getName().str(), manifest.checkpoint.size()).second)
      continue;
    RankedTensorType type = op.getStoredType();
    manifest.checkpoint.push_back(
        {op.getName().str(), dtypeOf(type.getElementType()), type.getShape().vec()});
  }
}

Result<ArgRef> TargetWriter::argument(Value buffer, const EntrySpec *entry) {
  Operation *op = buffer.getDefiningOp();
  if (auto weight = dyn_cast<plan::WeightOp>(op))
    return ArgRef{ArgSpace::Weight, weights.at(weight.getName().str())};
  if (auto packed = dyn_cast<plan::PackedOp>(op))
    return ArgRef{ArgSpace::Packed, uint64_t(packed.getOffset())};
  if (auto arena = dyn_cast<plan::BufferOp>(op)) {
    ArgSpace space = arena.getArena() == plan::Arena::T   ? ArgSpace::T
                     : arena.getArena() == plan::Arena::S ? ArgSpace::S
                                                          : ArgSpace::C;
    return ArgRef{space, uint64_t(arena.getOffset())};
  }
  if (auto input = dyn_cast<plan::InputOp>(op))
    return ArgRef{ArgSpace::In, uint64_t(indexOfName(input.getName(), entry->inputs))};
  if (auto output = dyn_cast<plan::OutputOp>(op))
    return ArgRef{ArgSpace::Out, uint64_t(indexOfName(output.getName(), entry->outputs))};
  if (auto state = dyn_cast<plan::StateOp>(op))
    for (size_t i = 0; i < entry->states.size(); ++i)
      if (entry->states[i].id == state.getName())
        return ArgRef{ArgSpace::State, i};
  return internalError("a dispatch reads what no op of the plan gives: " +
                       op->getName().getStringRef().str());
}

Status TargetWriter::addDispatches(Block &body, const EntrySpec *entry,
                                   std::vector<Dispatch> &list) {
  for (auto op : body.getOps<plan::DispatchOp>()) {
    auto [kernel, planned] = kernels.at(op.getKernel().str());
    RowCount rows = rowCount(op.getRows());
    Dispatch dispatch{kernel, rows, gridOf(planned.getGridAttr(), rows), {}};
    if (planned.getVariants())
      for (auto variant : planned.getVariantsAttr().getAsRange<plan::VariantAttr>()) {
        auto [other, plannedOther] = kernels.at(variant.getKernel().getValue().str());
        dispatch.variants.push_back({uint64_t(variant.getMaxSequences()), other,
                                     gridOf(plannedOther.getGridAttr(), rows)});
      }
    for (Value buffer : op.getArgs()) {
      MAMBA_ASSIGN_OR_RETURN(ArgRef arg, argument(buffer, entry));
      dispatch.args.push_back(arg);
    }
    list.push_back(std::move(dispatch));
  }
  return {};
}

/// The most slices of time that a scan of the program is cut into.
std::optional<uint64_t> TargetWriter::slicesOf(plan::ProgramOp op) const {
  int64_t most = 0;
  for (auto dispatch : op.getBody().front().getOps<plan::DispatchOp>()) {
    plan::KernelOp kernel = kernels.at(dispatch.getKernel().str()).second;
    kernel.walk([&](ssm::ScanSlicesOp found) {
      most = std::max(most, found.getP().getType().getDimSize(0));
    });
  }
  return most ? std::optional<uint64_t>(most) : std::nullopt;
}

Status TargetWriter::addProgram(plan::ProgramOp op) {
  int entry = indexOfName(op.getEntry(), manifest.entries);
  Program program;
  program.entry = uint32_t(entry);
  program.className = op.getClassName().str();
  program.invariant = op.getInvariant();
  program.bounds = {op.getMaxLength(), op.getMaxTokens(), op.getMinTokens(), op.getMaxSequences()};
  program.slices = slicesOf(op);
  program.arenaT = op.getArenaT();
  program.arenaS = op.getArenaS();
  program.arenaC = op.getArenaC();
  MAMBA_RETURN_IF_ERROR(
      addDispatches(op.getBody().front(), &manifest.entries[entry], program.dispatches));
  spec.programs.push_back(std::move(program));
  return {};
}

Status addTarget(Manifest &manifest, ModuleOp plan, const Target &target) {
  for (auto op : plan.getOps<plan::EntryOp>())
    if (indexOfName(op.getSymName(), manifest.entries) < 0)
      manifest.entries.push_back(entrySpec(op));

  TargetSpec spec;
  spec.name = target.name;
  spec.device = target.device;
  spec.arch = target.arch;
  spec.features = target.features;
  TargetWriter writer(manifest, spec);
  for (auto op : plan.getOps<plan::KernelOp>())
    MAMBA_RETURN_IF_ERROR(writer.addKernel(op));
  for (auto op : plan.getOps<plan::RecipeOp>()) {
    writer.addWeights(op.getBody().front());
    spec.packedBytes = op.getBytes();
    MAMBA_RETURN_IF_ERROR(writer.addDispatches(op.getBody().front(), nullptr, spec.recipe));
  }
  for (auto op : plan.getOps<plan::ProgramOp>()) {
    writer.addWeights(op.getBody().front());
    MAMBA_RETURN_IF_ERROR(writer.addProgram(op));
  }
  manifest.targets.push_back(std::move(spec));
  return {};
}

} // namespace mamba
