// plan.kernel and plan.dispatch: syntax, the arguments of machine code.
#include "dialects/plan/PlanDialect.h"

#include "mlir/IR/Builders.h"

using namespace mlir;
using namespace mamba;
using namespace mamba::plan;

SmallVector<KernelArg> plan::kernelArgs(ssm::KernelOp kernel) {
  SmallVector<KernelArg> args;
  SmallVector<int> argOfOperand;
  for (auto [i, type] : llvm::enumerate(kernel.getInputs().getTypes())) {
    auto tensor = dyn_cast<RankedTensorType>(type);
    argOfOperand.push_back(tensor ? int(args.size()) : -1);
    if (tensor)
      args.push_back({tensor, Role::In, unsigned(i), std::nullopt});
  }
  for (auto [i, type] : llvm::enumerate(kernel.getResultTypes())) {
    if (std::optional<unsigned> tied = kernel.getTiedInput(i)) {
      KernelArg &state = args[argOfOperand[*tied]];
      state.role = Role::InOut;
      state.result = i;
    } else {
      args.push_back({cast<RankedTensorType>(type), Role::Out, std::nullopt,
                      unsigned(i)});
    }
  }
  return args;
}

//===----------------------------------------------------------------------===//
// plan.kernel
//===----------------------------------------------------------------------===//

ssm::KernelOp KernelOp::getKernel() {
  return cast<ssm::KernelOp>(getBody().front().front());
}

bool KernelOp::isDecodeOnly() {
  return getClasses().size() == 1 &&
         cast<StringAttr>(getClasses()[0]).getValue() == "decode";
}

LogicalResult KernelOp::verifyRegions() {
  // kernel_c2
  if (IntegerAttr scratch = getScratchAttr(); scratch && scratch.getInt() < 0)
    return emitOpError("scratch must not be negative, got ") << scratch.getInt();
  if (IntegerAttr shared = getSharedAttr(); shared && shared.getInt() < 0)
    return emitOpError("shared must not be negative, got ") << shared.getInt();
  if (IntegerAttr threads = getThreadsAttr(); threads && threads.getInt() < 1)
    return emitOpError("threads must be positive, got ") << threads.getInt();

  // kernel_c1
  Block &body = getBody().front();
  auto yield = dyn_cast<YieldOp>(body.back());
  auto kernel = dyn_cast<ssm::KernelOp>(body.front());
  if (!yield || !kernel || kernel->getNextNode() != yield)
    return emitOpError("must hold one 'ssm.kernel' and its yield");
  if (!llvm::equal(kernel.getInputs(), body.getArguments()))
    return kernel.emitOpError("must take the arguments of the 'plan.kernel' in order");
  if (!llvm::equal(yield.getValues(), kernel.getOutputs()))
    return yield.emitOpError("must yield the results of the 'ssm.kernel' in order");
  return success();
}

LogicalResult KernelOp::verifySymbolUses(SymbolTableCollection &symbols) {
  // kernel_c3
  int64_t last = 0;
  for (auto variant : getVariantsAttr() ? getVariantsAttr().getAsRange<VariantAttr>()
                                        : ArrayAttr::get(getContext(), {}).getAsRange<VariantAttr>()) {
    auto kernel = symbols.lookupNearestSymbolFrom<KernelOp>(*this, variant.getKernel());
    if (!kernel)
      return emitOpError("variant ") << variant.getKernel() << " is no 'plan.kernel'";
    if (kernel.getBody().front().getArgumentTypes() != getBody().front().getArgumentTypes())
      return emitOpError("variant ") << variant.getKernel() << " has other arguments";
    if (variant.getMaxSequences() <= last)
      return emitOpError("max_sequences of the variants must rise, got ")
             << variant.getMaxSequences() << " after " << last;
    last = variant.getMaxSequences();
  }
  return success();
}

// (%x: tensor<...>, %w: tensor<...>) { ... }
static ParseResult parseKernelBody(OpAsmParser &parser, Region &body) {
  SmallVector<OpAsmParser::Argument> args;
  return failure(parser.parseArgumentList(args, OpAsmParser::Delimiter::Paren,
                                          /*allowType=*/true) ||
                 parser.parseRegion(body, args));
}

static void printKernelBody(OpAsmPrinter &printer, Operation *, Region &body) {
  printer << "(";
  llvm::interleaveComma(body.getArguments(), printer,
                        [&](BlockArgument arg) { printer.printRegionArgument(arg); });
  printer << ") ";
  printer.printRegion(body, /*printEntryBlockArgs=*/false);
}

//===----------------------------------------------------------------------===//
// plan.dispatch
//===----------------------------------------------------------------------===//

static ParseResult parseRows(OpAsmParser &parser, RowsAttr &rows) {
  rows = dyn_cast_if_present<RowsAttr>(RowsAttr::parse(parser, Type()));
  return success(bool(rows));
}

static void printRows(OpAsmPrinter &printer, Operation *, RowsAttr rows) {
  if (rows.getKind() == RowKind::Constant)
    printer << rows.getCount();
  else
    printer << stringifyRowKind(rows.getKind());
}

// %x, inout %state, out %y
static ParseResult
parseRoles(OpAsmParser &parser,
           SmallVectorImpl<OpAsmParser::UnresolvedOperand> &args,
           DenseI32ArrayAttr &roles) {
  SmallVector<int32_t> values;
  auto parseOne = [&]() -> ParseResult {
    Role role = Role::In;
    if (succeeded(parser.parseOptionalKeyword("inout")))
      role = Role::InOut;
    else if (succeeded(parser.parseOptionalKeyword("out")))
      role = Role::Out;
    values.push_back(int32_t(role));
    return parser.parseOperand(args.emplace_back());
  };
  if (parser.parseCommaSeparatedList(parseOne))
    return failure();
  roles = parser.getBuilder().getDenseI32ArrayAttr(values);
  return success();
}

static void printRoles(OpAsmPrinter &printer, Operation *, OperandRange args,
                       DenseI32ArrayAttr roles) {
  llvm::interleaveComma(llvm::zip_equal(args, roles.asArrayRef()), printer,
                        [&](auto pair) {
                          auto [arg, role] = pair;
                          if (Role(role) == Role::InOut)
                            printer << "inout ";
                          else if (Role(role) == Role::Out)
                            printer << "out ";
                          printer << arg;
                        });
}

KernelOp DispatchOp::getKernelOp() {
  return SymbolTable::lookupNearestSymbolFrom<KernelOp>(*this, getKernelAttr());
}

static StringRef roleName(Role role) {
  return role == Role::In ? "in" : role == Role::InOut ? "inout" : "out";
}

LogicalResult DispatchOp::verifySymbolUses(SymbolTableCollection &symbols) {
  // dispatch_c1
  auto kernel = symbols.lookupNearestSymbolFrom<KernelOp>(*this, getKernelAttr());
  if (!kernel)
    return emitOpError("names ") << getKernelAttr() << ", which is no 'plan.kernel'";
  // dispatch_c2
  SmallVector<KernelArg> expected = kernelArgs(kernel.getKernel());
  if (expected.size() != getArgs().size())
    return emitOpError("must have the ") << expected.size()
           << " arguments of kernel " << getKernelAttr() << ", got "
           << getArgs().size();
  if (getRoles().size() != getArgs().size())
    return emitOpError("must have a role for each of its arguments");
  for (auto [i, arg] : llvm::enumerate(expected)) {
    auto type = cast<MemRefType>(getArgs()[i].getType());
    if (type.getShape() != arg.type.getShape() ||
        type.getElementType() != arg.type.getElementType())
      return emitOpError("argument ") << i << " must be of kernel "
             << getKernelAttr() << "'s type " << arg.type << ", got " << type;
    // dispatch_c3
    if (getRole(i) != arg.role)
      return emitOpError("argument ") << i << " must be '" << roleName(arg.role)
             << "' as in kernel " << getKernelAttr() << ", got '"
             << roleName(getRole(i)) << "'";
  }
  return success();
}

#define GET_OP_CLASSES
#include "dialects/plan/PlanOps.cpp.inc"
