#include "passes/lowering/Entries.h"

#include "passes/target/Target.h"

using namespace mlir;
using namespace mamba;

StringRef mamba::entryName(func::FuncOp func) {
  auto name = func->getAttrOfType<StringAttr>("ssm.entry");
  return name ? name.getValue() : func.getSymName();
}

static StringRef text(Attribute attr) {
  auto string = dyn_cast_if_present<StringAttr>(attr);
  return string ? string.getValue() : StringRef();
}

StringRef mamba::stateOfArg(func::FuncOp func, unsigned i) {
  return text(func.getArgAttr(i, "ssm.state"));
}

StringRef mamba::stateOfResult(func::FuncOp func, unsigned i) {
  return text(func.getResultAttr(i, "ssm.state"));
}

std::string mamba::nameOfArg(func::FuncOp func, unsigned i) {
  StringRef name = text(func.getArgAttr(i, "ssm.name"));
  return name.empty() ? "arg" + std::to_string(i) : name.str();
}

std::string mamba::nameOfResult(func::FuncOp func, unsigned i) {
  StringRef name = text(func.getResultAttr(i, "ssm.name"));
  return name.empty() ? "result" + std::to_string(i) : name.str();
}

static plan::RowsAttr rowsAttr(MLIRContext *context, Rows rows) {
  plan::RowKind kind = rows == Rows::Tokens      ? plan::RowKind::T
                       : rows == Rows::Sequences ? plan::RowKind::S
                                                 : plan::RowKind::Constant;
  return plan::RowsAttr::get(context, kind);
}

/// Whether a convolution advances the pool: it keeps [W-1, E] where the world
/// outside keeps [E, W-1].
static bool isConvState(Value pool) {
  for (OpOperand &use : pool.getUses()) {
    if (auto conv = dyn_cast<ssm::Conv1dOp>(use.getOwner())) {
      if (conv.getState() == pool)
        return true;
    } else if (auto kernel = dyn_cast<ssm::KernelOp>(use.getOwner())) {
      if (isConvState(kernel.getBlock().getArgument(use.getOperandNumber())))
        return true;
    }
  }
  return false;
}

/// The rows of the smallest table that the tokens index, 0 if they index none.
static int64_t boundOf(Value tokens) {
  int64_t bound = 0;
  for (OpOperand &use : tokens.getUses()) {
    int64_t rows = 0;
    if (auto embedding = dyn_cast<ssm::EmbeddingOp>(use.getOwner()))
      rows = cast<ShapedType>(embedding.getTable().getType()).getDimSize(0);
    else if (auto kernel = dyn_cast<ssm::KernelOp>(use.getOwner()))
      rows = boundOf(kernel.getBlock().getArgument(use.getOperandNumber()));
    if (rows > 0 && (bound == 0 || rows < bound))
      bound = rows;
  }
  return bound;
}

/// The name of the state's result, or the id if it has none.
static std::string stateOutput(func::FuncOp func, StringRef id) {
  for (unsigned i = 0; i < func.getNumResults(); ++i)
    if (stateOfResult(func, i) == id)
      if (StringRef name = text(func.getResultAttr(i, "ssm.name")); !name.empty())
        return name.str();
  return id.str();
}

plan::EntryOp mamba::createEntry(OpBuilder &builder, func::FuncOp func,
                                 const DenseMap<Value, Rows> &rows) {
  MLIRContext *context = builder.getContext();
  auto entry = plan::EntryOp::create(builder, func.getLoc(), builder.getStringAttr(entryName(func)));
  OpBuilder inner = OpBuilder::atBlockEnd(&entry.getBody().emplaceBlock());
  for (BlockArgument arg : func.getArguments()) {
    unsigned i = arg.getArgNumber();
    auto type = dyn_cast<RankedTensorType>(arg.getType());
    if (!type) // the batch
      continue;
    if (StringRef id = stateOfArg(func, i); !id.empty()) {
      StringRef name = text(func.getArgAttr(i, "ssm.name"));
      plan::PoolOp::create(inner, arg.getLoc(), id, name.empty() ? id : name,
                           stateOutput(func, id), isConvState(arg), type);
    } else {
      int64_t bound = boundOf(arg);
      plan::ArgumentOp::create(inner, arg.getLoc(), builder.getStringAttr(nameOfArg(func, i)),
                               rowsAttr(context, rows.lookup(arg)),
                               bound ? builder.getI64IntegerAttr(bound) : IntegerAttr(),
                               TypeAttr::get(type));
    }
  }
  Operation *terminator = func.getBody().front().getTerminator();
  for (auto [i, value] : llvm::enumerate(terminator->getOperands()))
    if (stateOfResult(func, i).empty())
      plan::ResultOp::create(inner, func.getLoc(), nameOfResult(func, i),
                             rowsAttr(context, rows.lookup(value)),
                             cast<RankedTensorType>(value.getType()));
  return entry;
}

LogicalResult mamba::checkEntry(plan::EntryOp entry, func::FuncOp func,
                                const DenseMap<Value, Rows> &rows) {
  OpBuilder detached(func.getContext());
  OwningOpRef<plan::EntryOp> own = createEntry(detached, func, rows);
  bool oneToken = tokenClassOf(func) == TokenClass::Decode;
  auto same = [&](Operation &a, Operation &b) {
    if (oneToken && a.getName() == b.getName() && a.hasAttr("rows"))
      b.setAttr("rows", a.getAttr("rows"));
    return a.getName() == b.getName() && a.getPropertiesAsAttribute() == b.getPropertiesAsAttribute();
  };
  Block &expected = entry.getBody().front(), &found = own->getBody().front();
  if (expected.getOperations().size() != found.getOperations().size() ||
      !llvm::all_of(llvm::zip_equal(expected, found),
                    [&](auto pair) { return same(std::get<0>(pair), std::get<1>(pair)); }))
    return func.emitOpError("must have the arguments, results and states of entry '")
           << entry.getSymName() << "' that its other functions have";
  return success();
}
