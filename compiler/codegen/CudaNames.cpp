#include "compiler/codegen/CudaNames.h"

#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/LLVMIR/LLVMDialect.h"
#include "mlir/Dialect/Math/IR/Math.h"
#include "mlir/Dialect/MemRef/IR/MemRef.h"
#include "mlir/Dialect/Vector/IR/VectorOps.h"
#include "llvm/ADT/StringExtras.h"
#include "llvm/ADT/TypeSwitch.h"

using namespace mlir;

namespace mamba {

std::string CudaNames::unique(StringRef name) {
  if (taken.insert(name).second)
    return name.str();
  for (unsigned i = 2;; ++i)
    if (std::string numbered = name.str() + std::to_string(i); taken.insert(numbered).second)
      return numbered;
}

std::string CudaNames::next(StringRef base) {
  // Behind a digit the number of x2 would be one of x.
  std::string stem = base.str() + (llvm::isDigit(base.back()) ? "_" : "");
  for (;;) {
    std::string numbered = stem + std::to_string(counts[base]++);
    if (!taken.contains(numbered))
      return numbered;
  }
}

/// What an op of the model calls one of its operands.
static StringRef roleOf(Operation *op, Value operand) {
  auto pick = [&](std::initializer_list<std::pair<Value, StringRef>> roles) {
    for (auto [value, name] : roles)
      if (value == operand)
        return name;
    return StringRef("x");
  };
  return llvm::TypeSwitch<Operation *, StringRef>(op)
      .Case([&](ssm::LinearOp o) {
        return pick({{o.getX(), "x"}, {o.getW(), "w"}, {o.getBias(), "bias"}});
      })
      .Case([&](ssm::RMSNormOp o) { return pick({{o.getX(), "x"}, {o.getWeight(), "weight"}}); })
      .Case([&](ssm::EmbeddingOp o) {
        return pick({{o.getTable(), "table"}, {o.getTokens(), "tokens"}});
      })
      .Case([&](ssm::Conv1dOp o) {
        return pick(
            {{o.getX(), "x"}, {o.getW(), "w"}, {o.getBias(), "bias"}, {o.getState(), "state"}});
      })
      .Case([&](ssm::SelectiveScanOp o) {
        return pick({{o.getU(), "u"},
                     {o.getDelta(), "delta"},
                     {o.getDeltaBias(), "delta_bias"},
                     {o.getA(), "A"},
                     {o.getB(), "B"},
                     {o.getC(), "C"},
                     {o.getD(), "D"},
                     {o.getZ(), "z"},
                     {o.getState(), "state"},
                     {o.getSlices(), "slices"}});
      })
      .Case([&](ssm::ScanSlicesOp o) {
        return pick({{o.getU(), "u"},
                     {o.getDelta(), "delta"},
                     {o.getDeltaBias(), "delta_bias"},
                     {o.getA(), "A"},
                     {o.getB(), "B"},
                     {o.getState(), "state"}});
      })
      .Case([&](ssm::GateOp o) { return pick({{o.getX(), "x"}, {o.getZ(), "z"}}); })
      .Case([&](ssm::AddOp o) { return pick({{o.getA(), "a"}, {o.getB(), "b"}}); })
      .Case([&](ssm::ScaleColumnsOp o) { return pick({{o.getX(), "x"}, {o.getS(), "scale"}}); })
      .Case([&](ssm::DecayOp) { return StringRef("A_log"); })
      .Default([](Operation *) { return StringRef("x"); });
}

/// The first op that reads a value says what it is; a part of a split counts as
/// the whole.
static StringRef roleOf(Value value) {
  if (value.use_empty())
    return "x";
  Operation *user = *value.user_begin();
  for (Operation *other : value.getUsers())
    if (other->isBeforeInBlock(user))
      user = other;
  if (auto split = dyn_cast<ssm::SplitOp>(user)) {
    // Parts of one buffer: x beside z, or dt beside B and C.
    for (Value part : split.getParts())
      if (!part.use_empty())
        return roleOf(part);
  }
  return roleOf(user, value);
}

std::vector<std::string> parameterNames(gpu::GPUFuncOp function, plan::KernelOp planned,
                                        CudaNames &names) {
  std::vector<std::string> result;
  unsigned count = function.getFunctionType().getNumInputs();
  SmallVector<plan::KernelArg> args;
  if (planned)
    args = plan::kernelArgs(planned.getKernel());
  constexpr StringRef first[] = {"rows", "sequences", "seq_start", "slot"};
  if (count != args.size() + std::size(first)) {
    for (unsigned i = 0; i < count; ++i)
      result.push_back(names.unique("a" + std::to_string(i)));
    return result;
  }
  for (StringRef name : first)
    result.push_back(names.unique(name));
  for (const plan::KernelArg &arg : args) {
    StringRef name = "y";
    if (arg.operand)
      name = roleOf(planned.getKernel().getBlock().getArgument(*arg.operand));
    result.push_back(names.unique(name));
  }
  return result;
}

StringRef baseName(Operation *op) {
  if (op->getResult(0).getType().isInteger(1))
    return isa<arith::CmpIOp>(op) ? "inside" : "is";
  if (auto call = dyn_cast<LLVM::CallIntrinsicOp>(op)) {
    StringRef name = call.getIntrin();
    return name.contains(".ex2.")     ? "power"
           : name.contains(".rsqrt.") ? "inverse_root"
           : name.contains(".rcp.")   ? "inverse"
                                      : "v";
  }
  return llvm::TypeSwitch<Operation *, StringRef>(op)
      .Case<math::FmaOp, arith::AddFOp>([](Operation *) { return "sum"; })
      .Case<arith::MulFOp>([](Operation *) { return "product"; })
      .Case<gpu::ShuffleOp>([](Operation *) { return "other"; })
      .Default([&](Operation *) { return "v"; });
}

/// Where an op reads or writes by the index, and as which of its subscripts.
static StringRef subscriptName(Operation *op, Value index) {
  Value memory;
  OperandRange subscripts(nullptr, 0);
  llvm::TypeSwitch<Operation *>(op)
      .Case<memref::LoadOp, memref::StoreOp>([&](auto access) {
        memory = access.getMemRef();
        subscripts = access.getIndices();
      })
      .Case<vector::LoadOp, vector::StoreOp>([&](auto access) {
        memory = access.getBase();
        subscripts = access.getIndices();
      });
  if (!memory || !llvm::is_contained(subscripts, index))
    return "";
  size_t place = llvm::find(subscripts, index) - subscripts.begin();
  auto type = cast<MemRefType>(memory.getType());
  if (type.getElementType().isInteger(64))
    return "sequence";
  if (place + 1 == subscripts.size() && (place > 0 || !type.isDynamicDim(0)))
    return "column";
  if (place > 0)
    return "line";
  return type.getRank() == 3 && type.isDynamicDim(0) ? "slot" : "row";
}

StringRef indexName(Value index) {
  for (unsigned steps = 0; steps < 3; ++steps) {
    for (Operation *user : index.getUsers())
      if (StringRef name = subscriptName(user, index); !name.empty())
        return name;
    // A part of what is one.
    auto sum = llvm::find_if(index.getUsers(), [](Operation *user) {
      return isa<arith::AddIOp, arith::MinSIOp>(user);
    });
    if (sum == index.user_end())
      break;
    index = (*sum)->getResult(0);
  }
  return "at";
}

} // namespace mamba
