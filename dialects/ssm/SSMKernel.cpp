// ssm.kernel: building, syntax, and what its region may hold.
#include "dialects/ssm/SSMDialect.h"

#include "mlir/IR/Builders.h"

using namespace mlir;
using namespace mamba::ssm;

void KernelOp::build(OpBuilder &builder, OperationState &state,
                     TypeRange results, ValueRange inputs) {
  state.addTypes(results);
  state.addOperands(inputs);
  Region *body = state.addRegion();
  Block &block = body->emplaceBlock();
  for (Value input : inputs)
    block.addArgument(input.getType(), input.getLoc());
}

// ssm.kernel (%a = %x, %b = %w) schedule <...> attributes
//   : (types) -> types { ... }
ParseResult KernelOp::parse(OpAsmParser &parser, OperationState &result) {
  SmallVector<OpAsmParser::Argument> args;
  SmallVector<OpAsmParser::UnresolvedOperand> operands;
  if (parser.parseAssignmentList(args, operands))
    return failure();
  if (succeeded(parser.parseOptionalKeyword("schedule"))) {
    auto schedule = dyn_cast_if_present<ScheduleAttr>(ScheduleAttr::parse(parser, {}));
    if (!schedule)
      return failure();
    result.getOrAddProperties<Properties>().schedule = schedule;
  }
  FunctionType type;
  SMLoc typeLoc;
  if (parser.parseOptionalAttrDict(result.attributes) || parser.parseColon() ||
      parser.getCurrentLocation(&typeLoc) || parser.parseType(type))
    return failure();
  if (type.getNumInputs() != operands.size())
    return parser.emitError(typeLoc) << "expected " << operands.size()
                                     << " operand types, got "
                                     << type.getNumInputs();
  for (auto [arg, argType] : llvm::zip_equal(args, type.getInputs()))
    arg.type = argType;
  result.addTypes(type.getResults());
  if (parser.resolveOperands(operands, type.getInputs(), typeLoc,
                             result.operands))
    return failure();
  Region *body = result.addRegion();
  if (parser.parseRegion(*body, args, /*enableNameShadowing=*/true))
    return failure();
  ensureTerminator(*body, parser.getBuilder(), result.location);
  return success();
}

void KernelOp::print(OpAsmPrinter &p) {
  p << " (";
  llvm::interleaveComma(
      llvm::zip_equal(getBlock().getArguments(), getInputs()), p,
      [&](auto pair) { p << std::get<0>(pair) << " = " << std::get<1>(pair); });
  p << ")";
  if (ScheduleAttr schedule = getScheduleAttr()) {
    p << " schedule ";
    schedule.print(p);
  }
  p.printOptionalAttrDict((*this)->getAttrs(), {getScheduleAttrName()});
  p << " : ";
  p.printFunctionalType(getOperation());
  p << " ";
  p.printRegion(getBody(), /*printEntryBlockArgs=*/false);
}

LogicalResult KernelOp::verify() {
  // kernel_c1
  if (getBlock().getArgumentTypes() != getInputs().getTypes())
    return emitOpError("region arguments must have the types of the operands");
  return success();
}

LogicalResult KernelOp::verifyRegions() {
  auto yield = cast<YieldOp>(getBlock().getTerminator());
  // kernel_c2
  if (yield.getOperandTypes() != getResultTypes())
    return yield.emitOpError("values must have the types of the kernel's results, got ")
           << yield.getOperandTypes() << " and " << getResultTypes();
  // kernel_c3
  for (Operation &op : getBlock()) {
    if (!isa<SSMDialect>(op.getDialect()))
      return op.emitOpError("must not stand in an 'ssm.kernel': only ssm ops may");
    if (isa<WeightOp>(op))
      return op.emitOpError("must not stand in an 'ssm.kernel': pass it as an operand");
    if (isa<KernelOp>(op))
      return op.emitOpError("must not stand in an 'ssm.kernel': kernels do not nest");
  }
  return success();
}

std::optional<unsigned> KernelOp::getTiedInput(unsigned result) {
  Value value = getBlock().getTerminator()->getOperand(result);
  Value pool;
  if (auto conv = value.getDefiningOp<Conv1dOp>()) {
    if (value == conv.getNewState())
      pool = conv.getState();
  } else if (auto scan = value.getDefiningOp<SelectiveScanOp>()) {
    if (value == scan.getNewState())
      pool = scan.getState();
  }
  if (auto arg = dyn_cast_if_present<BlockArgument>(pool))
    return arg.getArgNumber();
  return std::nullopt;
}
