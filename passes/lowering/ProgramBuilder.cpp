#include "passes/lowering/ProgramBuilder.h"

#include "passes/lowering/Entries.h"
#include "passes/target/Target.h"

using namespace mlir;
using namespace mamba;

/// The largest T of class few.
static constexpr int64_t fewTokens = 16;

static MemRefType memrefOf(Type type) {
  auto tensor = cast<RankedTensorType>(type);
  return MemRefType::get(tensor.getShape(), tensor.getElementType());
}

static Value withoutReshapes(Value value) {
  while (auto reshape = value.getDefiningOp<ssm::ReshapeOp>())
    value = reshape.getX();
  return value;
}

//===----------------------------------------------------------------------===//
// The recipe
//===----------------------------------------------------------------------===//

bool mamba::isRecipeKernel(ssm::KernelOp kernel) {
  return kernel.getNumResults() == 1 && !kernel.getInputs().empty() &&
         llvm::all_of(kernel.getInputs(), [](Value input) {
           return withoutReshapes(input).getDefiningOp<ssm::WeightOp>();
         });
}

static Value createWeight(OpBuilder &builder, Value value) {
  auto weight = withoutReshapes(value).getDefiningOp<ssm::WeightOp>();
  TypeAttr stored;
  if (weight.getType() != value.getType())
    stored = TypeAttr::get(weight.getType());
  return plan::WeightOp::create(builder, weight.getLoc(), memrefOf(value.getType()),
                                weight.getNameAttr(), stored);
}

int64_t RecipeBuilder::packedOffset(ssm::KernelOp kernel) {
  plan::KernelOp outlined = kernels.outline(kernel, "recipe");
  std::string key = outlined.getSymName().str();
  for (Value input : kernel.getInputs())
    key += '\0' + withoutReshapes(input).getDefiningOp<ssm::WeightOp>().getName().str();
  auto [known, isNew] = offsets.try_emplace(key, recipe.getBytes());
  if (!isNew)
    return known->second;

  OpBuilder builder = OpBuilder::atBlockEnd(&recipe.getBody().front());
  SmallVector<Value> args;
  SmallVector<int32_t> roles;
  for (Value input : kernel.getInputs()) {
    args.push_back(createWeight(builder, input));
    roles.push_back(int32_t(plan::Role::In));
  }
  auto type = cast<RankedTensorType>(kernel.getResult(0).getType());
  args.push_back(plan::PackedOp::create(builder, kernel.getLoc(), memrefOf(type), known->second));
  roles.push_back(int32_t(plan::Role::Out));
  plan::DispatchOp::create(builder, kernel.getLoc(), outlined.getSymName(),
                           plan::RowsAttr::get(builder.getContext(), plan::RowKind::Constant),
                           args, roles);

  int64_t bytes = llvm::divideCeil(type.getNumElements() * type.getElementTypeBitWidth(), 8);
  recipe.setBytes(known->second + int64_t(llvm::alignTo(bytes, 64)));
  return known->second;
}

//===----------------------------------------------------------------------===//
// Arguments and results
//===----------------------------------------------------------------------===//

void ProgramBuilder::bindArguments() {
  for (BlockArgument arg : func.getArguments()) {
    if (isa<ssm::BatchType>(arg.getType()))
      continue;
    unsigned i = arg.getArgNumber();
    MemRefType type = memrefOf(arg.getType());
    StringRef state = stateOfArg(func, i);
    if (state.empty()) {
      buffers[arg] = plan::InputOp::create(body, arg.getLoc(), type, nameOfArg(func, i));
    } else {
      buffers[arg] = plan::StateOp::create(body, arg.getLoc(), type, state);
      pools[arg] = state;
      newest[state] = arg;
    }
  }
}

void ProgramBuilder::bindResults() {
  Operation *terminator = func.getBody().front().getTerminator();
  for (auto [i, value] : llvm::enumerate(terminator->getOperands())) {
    if (!stateOfResult(func, i).empty())
      continue;
    buffers[value] = plan::OutputOp::create(body, func.getLoc(), memrefOf(value.getType()),
                                             nameOfResult(func, i));
  }
}

LogicalResult ProgramBuilder::checkStates() {
  Operation *terminator = func.getBody().front().getTerminator();
  for (auto [i, value] : llvm::enumerate(terminator->getOperands())) {
    StringRef state = stateOfResult(func, i);
    if (!state.empty() && newest.lookup(state) != value)
      return func.emitOpError("result ")
             << i << " must be the last version of state '" << state << "'";
  }
  return success();
}

/// Checks that the kernel reads the newest version of a state: there is only
/// one at a time.
LogicalResult ProgramBuilder::useState(ssm::KernelOp kernel, Value pool) {
  auto state = pools.find(pool);
  if (state == pools.end())
    return kernel.emitOpError("must read a state pool that is an argument with 'ssm.state'");
  if (newest.lookup(state->second) != pool)
    return kernel.emitOpError("reads state '")
           << state->second << "' after it was replaced";
  return success();
}

//===----------------------------------------------------------------------===//
// Buffers
//===----------------------------------------------------------------------===//

/// The same memory under another shape.
Value ProgramBuilder::reshaped(Value buffer, MemRefType type) {
  Operation *copy = body.clone(*buffer.getDefiningOp());
  copy->getResult(0).setType(type);
  if (auto op = dyn_cast<plan::BufferOp>(copy)) {
    size_t i = memoryOf.lookup(buffer);
    memory[i].ops.push_back(op);
    memoryOf[op.getBuffer()] = i;
  }
  return copy->getResult(0);
}

Value ProgramBuilder::operandBuffer(Value value) {
  if (Value known = buffers.lookup(value))
    return known;
  Value origin = withoutReshapes(value);
  Value buffer;
  if (origin.getDefiningOp<ssm::WeightOp>())
    buffer = createWeight(body, value);
  else if (Value known = buffers.lookup(origin))
    buffer = reshaped(known, memrefOf(value.getType()));
  return buffers[value] = buffer;
}

Value ProgramBuilder::resultBuffer(Value value) {
  if (Value known = buffers.lookup(value))
    return known; // an output
  Rows own = rows.lookup(value);
  plan::Arena arena = own == Rows::Tokens      ? plan::Arena::T
                      : own == Rows::Sequences ? plan::Arena::S
                                               : plan::Arena::C;
  auto buffer = plan::BufferOp::create(body, value.getLoc(), memrefOf(value.getType()), arena, 0);
  memoryOf[buffer.getBuffer()] = memory.size();
  memory.push_back({{buffer.getBytes(), dispatches, dispatches}, {buffer}});
  return buffers[value] = buffer.getBuffer();
}

void ProgramBuilder::noteUse(Value buffer) {
  if (auto known = memoryOf.find(buffer); known != memoryOf.end())
    memory[known->second].lifetime.last = dispatches;
}

void ProgramBuilder::placeBuffers() {
  auto place = [&](plan::Arena arena) {
    SmallVector<Lifetime> lifetimes;
    SmallVector<Memory *> placed;
    for (Memory &entry : memory) {
      if (entry.ops.front().getArena() != arena)
        continue;
      lifetimes.push_back(entry.lifetime);
      placed.push_back(&entry);
    }
    MemoryPlan plan = planMemory(lifetimes);
    for (auto [entry, offset] : llvm::zip_equal(placed, plan.offsets))
      for (plan::BufferOp op : entry->ops)
        op.setOffset(offset);
    return plan.bytes;
  };
  program.setArenaT(place(plan::Arena::T));
  program.setArenaS(place(plan::Arena::S));
  program.setArenaC(place(plan::Arena::C));
}

//===----------------------------------------------------------------------===//
// Dispatches
//===----------------------------------------------------------------------===//

plan::RowsAttr ProgramBuilder::dispatchRows(ssm::KernelOp kernel) {
  auto attr = [&](Value value) -> plan::RowsAttr {
    Rows own = rows.lookup(value);
    if (own == Rows::Tokens)
      return plan::RowsAttr::get(func.getContext(), plan::RowKind::T);
    if (own == Rows::Sequences)
      return plan::RowsAttr::get(func.getContext(), plan::RowKind::S);
    return {};
  };
  for (Value value : kernel.getResults())
    if (plan::RowsAttr own = attr(value))
      return own;
  for (Value value : kernel.getInputs())
    if (plan::RowsAttr own = attr(value))
      return own;
  return plan::RowsAttr::get(func.getContext(), plan::RowKind::Constant);
}

LogicalResult ProgramBuilder::buildDispatch(ssm::KernelOp kernel) {
  if (isRecipeKernel(kernel) && !buffers.contains(kernel.getResult(0))) {
    Value result = kernel.getResult(0);
    buffers[result] = plan::PackedOp::create(body, kernel.getLoc(), memrefOf(result.getType()),
                                             recipe.packedOffset(kernel));
    return success();
  }

  plan::KernelOp outlined = kernels.outline(kernel, tokenClassName(tokenClassOf(func)));
  SmallVector<Value> args;
  SmallVector<int32_t> roles;
  for (const plan::KernelArg &arg : plan::kernelArgs(kernel)) {
    if (arg.operand) {
      Value operand = kernel.getInputs()[*arg.operand];
      if (rows.lookup(operand) == Rows::Slots && failed(useState(kernel, operand)))
        return failure();
      args.push_back(operandBuffer(operand));
      if (!args.back())
        return kernel.emitOpError("operand ")
               << *arg.operand << " is made by an op outside of kernels: run "
               << "'ssm-form-kernels' and 'ssm-form-recipes' first";
    } else {
      Value result = kernel.getResult(*arg.result);
      if (rows.lookup(result) == Rows::Slots)
        return kernel.emitOpError("result ")
               << *arg.result << " must replace a state pool that is an operand";
      args.push_back(resultBuffer(result));
    }
    noteUse(args.back());
    roles.push_back(int32_t(arg.role));
  }
  // Only now: the kernel may read a pool twice.
  for (const plan::KernelArg &arg : plan::kernelArgs(kernel)) {
    if (arg.role != plan::Role::InOut)
      continue;
    Value before = kernel.getInputs()[*arg.operand], after = kernel.getResult(*arg.result);
    buffers[after] = buffers.lookup(before);
    StringRef state = pools.lookup(before);
    pools[after] = state;
    newest[state] = after;
  }
  plan::DispatchOp::create(body, kernel.getLoc(), outlined.getSymName(), dispatchRows(kernel), args,
                           roles);
  ++dispatches;
  return success();
}

LogicalResult ProgramBuilder::build(OpBuilder &builder) {
  TokenClass tokens = tokenClassOf(func);
  IntegerAttr maxLength, maxTokens;
  if (tokens == TokenClass::Decode)
    maxLength = builder.getI64IntegerAttr(1);
  if (tokens == TokenClass::Few)
    maxTokens = builder.getI64IntegerAttr(fewTokens);
  program = plan::ProgramOp::create(
      builder, func.getLoc(), entry.getSymName(), tokenClassName(tokens),
      tokens == TokenClass::Invariant, maxLength, maxTokens,
      func->getAttrOfType<IntegerAttr>("ssm.min_tokens"),
      func->getAttrOfType<IntegerAttr>("ssm.max_sequences"), 0, 0, 0);
  body.setInsertionPointToEnd(&program.getBody().emplaceBlock());

  bindArguments();
  bindResults();
  for (Operation &op : func.getBody().front().without_terminator()) {
    if (auto kernel = dyn_cast<ssm::KernelOp>(op)) {
      if (failed(buildDispatch(kernel)))
        return failure();
    } else if (!isa<ssm::WeightOp, ssm::ReshapeOp>(op)) {
      return op.emitOpError("must not stand outside of a kernel: run 'ssm-form-kernels' and "
                            "'ssm-form-recipes' first");
    }
  }
  if (failed(checkStates()))
    return failure();
  placeBuffers();
  return success();
}
