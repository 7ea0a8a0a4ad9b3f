#include "passes/lowering/KernelTable.h"

using namespace mlir;
using namespace mamba;

//===----------------------------------------------------------------------===//
// Names
//===----------------------------------------------------------------------===//

/// How much an op says about the kernel that it stands in.
static int weightInName(Operation &op) {
  if (isa<ssm::SelectiveScanOp, ssm::ScanSlicesOp>(op))
    return 6;
  if (isa<ssm::Conv1dOp>(op))
    return 5;
  if (isa<ssm::LinearOp, ssm::EmbeddingOp>(op))
    return 4;
  if (isa<ssm::ArgmaxOp, ssm::SampleOp>(op))
    return 4;
  if (isa<ssm::PackOp, ssm::RMSNormOp, ssm::LastRowsOp>(op))
    return 3;
  if (isa<ssm::SplitOp, ssm::ReshapeOp, ssm::UnpackOp>(op))
    return 1;
  return 2;
}

static StringRef shortName(Operation &op) {
  if (isa<ssm::SelectiveScanOp>(op))
    return "scan";
  if (isa<ssm::ScanSlicesOp>(op))
    return "slices";
  if (isa<ssm::Conv1dOp>(op))
    return "conv";
  if (isa<ssm::RMSNormOp>(op))
    return "norm";
  return op.getName().stripDialect();
}

/// Static extents of a type, joined by x.
static std::string extents(Type type) {
  std::string text;
  for (int64_t extent : cast<RankedTensorType>(type).getShape())
    if (!ShapedType::isDynamic(extent))
      text += (text.empty() ? "" : "x") + std::to_string(extent);
  return text;
}

/// "768x3072" of a projection, "1536x16" of a scan, else the result's widths.
static std::string sizes(Operation &op) {
  if (auto linear = dyn_cast<ssm::LinearOp>(op))
    return extents(linear.getX().getType()) + "x" + extents(linear.getType());
  if (auto scan = dyn_cast<ssm::SelectiveScanOp>(op))
    return extents(scan.getA().getType());
  if (auto slices = dyn_cast<ssm::ScanSlicesOp>(op))
    return extents(slices.getA().getType());
  if (auto conv = dyn_cast<ssm::Conv1dOp>(op))
    return extents(conv.getW().getType());
  if (auto pack = dyn_cast<ssm::PackOp>(op))
    return extents(pack.getX().getType()) + "_by" + std::to_string(pack.getBlock());
  if (isa<ssm::ArgmaxOp, ssm::SampleOp>(op))
    return extents(op.getOperand(0).getType());
  return op.getNumResults() ? extents(op.getResult(0).getType()) : "";
}

std::string mamba::kernelName(ssm::KernelOp kernel) {
  auto ops = kernel.getBlock().without_terminator();
  if (ops.empty())
    return "copy";
  auto main = llvm::max_element(
      ops, [](Operation &a, Operation &b) { return weightInName(a) < weightInName(b); });
  std::string name = (shortName(*main) + "_" + sizes(*main)).str();
  for (Operation &op : ops)
    if (&op != &*main && weightInName(op) > 1)
      name += ("_" + shortName(op)).str();
  if (ssm::ScheduleAttr schedule = kernel.getScheduleAttr())
    if (schedule.getRowBlock() > 0)
      name += "_r" + std::to_string(schedule.getRowBlock());
  return name;
}

//===----------------------------------------------------------------------===//
// Outlining
//===----------------------------------------------------------------------===//

/// A kernel without a place, around a copy of `kernel`.
static plan::KernelOp wrap(OpBuilder builder, ssm::KernelOp kernel) {
  builder.clearInsertionPoint();
  Location loc = kernel.getLoc();
  auto outlined = plan::KernelOp::create(builder, loc, builder.getStringAttr("kernel"),
                                         builder.getStrArrayAttr({}), plan::GridAttr(),
                                         IntegerAttr(), IntegerAttr(), IntegerAttr(), UnitAttr(), ArrayAttr());
  Block &body = outlined.getBody().emplaceBlock();
  SmallVector<Location> locs(kernel.getInputs().size(), loc);
  auto args = body.addArguments(kernel.getInputs().getTypes(), locs);
  builder.setInsertionPointToEnd(&body);
  auto copy = cast<ssm::KernelOp>(builder.clone(*kernel));
  copy->setOperands(ValueRange(args));
  copy->setDiscardableAttrs(DictionaryAttr::get(builder.getContext()));
  plan::YieldOp::create(builder, loc, copy.getOutputs());
  // Locations name values of one layer, and so would its text.
  outlined->walk([&](Operation *op) { op->setLoc(builder.getUnknownLoc()); });
  outlined->setLoc(loc);
  return outlined;
}

static void noteClass(plan::KernelOp kernel, StringRef className) {
  auto name = StringAttr::get(kernel.getContext(), className);
  if (llvm::is_contained(kernel.getClasses(), name))
    return;
  SmallVector<Attribute> classes(kernel.getClasses().getValue());
  classes.push_back(name);
  kernel.setClassesAttr(ArrayAttr::get(kernel.getContext(), classes));
}

plan::KernelOp KernelTable::outline(ssm::KernelOp kernel, StringRef className) {
  OwningOpRef<plan::KernelOp> candidate = wrap(builder, kernel);
  std::string text;
  llvm::raw_string_ostream stream(text);
  candidate.get()->print(stream, OpPrintingFlags().useLocalScope());

  plan::KernelOp &known = byText[text];
  if (!known) {
    std::string name = kernelName(kernel);
    int count = ++uses[name];
    while (count > 1 && uses.contains(name + "_" + std::to_string(count)))
      ++count;
    if (count > 1)
      uses[name += "_" + std::to_string(count)] = 1;
    known = candidate.release();
    known.setSymName(name);
    builder.insert(known);
  }
  // Who chose the schedule is no part of the kernel.
  if (Attribute from = kernel->getAttr("ssm.schedule_from"))
    known->setAttr("ssm.schedule_from", from);
  noteClass(known, className);
  return known;
}
