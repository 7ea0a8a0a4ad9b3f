#include "compiler/codegen/CudaKernel.h"

#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/LLVMIR/LLVMDialect.h"
#include "mlir/Dialect/LLVMIR/NVVMDialect.h"
#include "mlir/Dialect/Math/IR/Math.h"

using namespace mlir;

namespace mamba {

CudaKernel::CudaKernel(gpu::GPUFuncOp function, plan::KernelOp planned, CudaFunctions &functions)
    : function(function), planned(planned), functions(functions), folding(function.getBody()) {}

LogicalResult CudaKernel::translate() {
  nameParameters();
  text.indent = 1;
  writeHead();
  if (failed(declareShared()))
    return failure();
  return block(function.front());
}

//===----------------------------------------------------------------------===//
// The signature
//===----------------------------------------------------------------------===//

/// What a kernel does through a memref, or through another name of it.
struct Uses {
  bool isRead = false, isWritten = false;
  bool isReadAndWritten() const { return isRead && isWritten; }
};
static Uses usesOf(Value memref) {
  Uses uses;
  for (Operation *user : memref.getUsers()) {
    Uses more{true, true};
    if (auto view = dyn_cast<ViewLikeOpInterface>(user))
      more = usesOf(view->getResult(0));
    else if (auto effects = dyn_cast<MemoryEffectOpInterface>(user))
      more = {effects.getEffectOnValue<MemoryEffects::Read>(memref).has_value(),
              effects.getEffectOnValue<MemoryEffects::Write>(memref).has_value()};
    uses.isRead |= more.isRead;
    uses.isWritten |= more.isWritten;
  }
  return uses;
}

/// The only cast of a pointer, if it makes a contiguous array of it.
static memref::ReinterpretCastOp shapeOf(BlockArgument pointer) {
  memref::ReinterpretCastOp shape;
  for (Operation *user : pointer.getUsers()) {
    auto cast = dyn_cast<memref::ReinterpretCastOp>(user);
    if (!cast || shape)
      return {};
    shape = cast;
  }
  if (!shape || shape.isDynamicOffset(0) || shape.getStaticOffset(0) != 0)
    return {};
  auto type = cast<MemRefType>(shape.getType());
  for (int64_t i = 1; i < type.getRank(); ++i)
    if (type.isDynamicDim(i))
      return {};
  int64_t stride = 1;
  for (int64_t i = type.getRank() - 1; i >= 0; --i) {
    if (shape.getStaticStrides()[i] != stride)
      return {};
    stride *= type.getDimSize(i);
  }
  return type.getRank() ? shape : memref::ReinterpretCastOp();
}

/// "[3][192]" of the dimensions from `first` on.
static std::string extents(MemRefType type, unsigned first) {
  std::string text;
  for (int64_t extent : type.getShape().drop_front(first))
    text += "[" + std::to_string(extent) + "]";
  return text;
}

void CudaKernel::nameParameters() {
  // Words of the language and of what is written beside the kernels.
  for (StringRef word : {"thread", "block", "warp", "lane", "i", "j", "k", "l", "m", "n"})
    names.unique(word);
  parameterNames = mamba::parameterNames(function, planned, names);
}

/// NVVM takes all that a select of pointers may lead to for constant if one of
/// them is restricted and only read, even where the other is written. So beside
/// memory that is read and written, what is only read is not restricted, and
/// __ldg says of each load that it is constant.
void CudaKernel::writeHead() {
  std::vector<std::string> list;
  auto arguments = function.getArguments().take_front(function.getFunctionType().getNumInputs());
  bool hasPool = llvm::any_of(arguments, [](BlockArgument argument) {
    return isa<MemRefType>(argument.getType()) && usesOf(argument).isReadAndWritten();
  });
  for (auto [i, argument] : llvm::enumerate(arguments)) {
    const std::string &name = parameterNames[i];
    auto memref = dyn_cast<MemRefType>(argument.getType());
    if (!memref) {
      exprs[argument] = {name};
      list.push_back(cudaType(argument.getType()) + " " + name);
      continue;
    }
    Uses uses = usesOf(argument);
    std::string type = (uses.isWritten ? "" : "const ") + cudaMemoryType(memref.getElementType());
    std::string pointer = "*";
    bool isNoAlias = bool(function.getArgAttr(i, LLVM::LLVMDialect::getNoAliasAttrName()));
    if (isNoAlias && !uses.isReadAndWritten() && !(hasPool && uses.isRead))
      pointer += "__restrict__ ";
    Buffer buffer{name, name, {}, memref.getElementType()};
    buffer.isConstant = isNoAlias && hasPool && !uses.isWritten;
    memref::ReinterpretCastOp shape = shapeOf(argument);
    if (shape) {
      auto shaped = cast<MemRefType>(shape.getType());
      buffer.isShaped = true;
      buffers[shape] = buffer;
      std::string inner = extents(shaped, 1);
      list.push_back(type + " " +
                     (inner.empty() ? pointer + name : "(" + pointer + name + ")" + inner));
    } else {
      buffers[argument] = buffer;
      list.push_back(type + " " + pointer + name);
    }
  }
  std::string bounds = std::to_string(planned ? planned.getThreads().value_or(1024) : 1024);
  if (auto threads = function->getAttrOfType<DenseI32ArrayAttr>("nvvm.reqntid"))
    bounds = std::to_string(threads[0]);
  if (auto blocks = function->getAttrOfType<IntegerAttr>(NVVM::NVVMDialect::getMinctasmAttrName()))
    bounds += ", " + std::to_string(blocks.getInt());
  head = "extern \"C\" __global__ void __launch_bounds__(" + bounds + ")\n";
  std::string line = function.getName().str() + "(";
  for (auto [i, parameter] : llvm::enumerate(list)) {
    if (i && line.size() + parameter.size() + 2 > CudaText::width) {
      head += line + "\n";
      line = "   ";
    }
    line += (i ? " " : "") + parameter + (i + 1 < list.size() ? "," : ")");
  }
  head += line;
}

/// The memref that a stored number is from, if it is from memory as it is.
static Value sourceOf(Value stored) {
  for (unsigned steps = 0; stored && steps < 4; ++steps) {
    Operation *op = stored.getDefiningOp();
    if (auto load = dyn_cast_if_present<memref::LoadOp>(op))
      return load.getMemRef();
    if (auto load = dyn_cast_if_present<vector::LoadOp>(op))
      return load.getBase();
    if (!isa_and_present<vector::ExtractOp, arith::SelectOp>(op))
      break;
    stored = op->getOperand(isa<arith::SelectOp>(op) ? 1 : 0);
  }
  return {};
}

LogicalResult CudaKernel::declareShared() {
  // Shared memory is called after what is first stored there.
  DenseMap<Value, Value> sources;
  function.walk([&](Operation *op) {
    if (auto store = dyn_cast<memref::StoreOp>(op))
      sources.try_emplace(store.getMemRef(), sourceOf(store.getValueToStore()));
    else if (auto store = dyn_cast<vector::StoreOp>(op))
      sources.try_emplace(store.getBase(), sourceOf(store.getValueToStore()));
  });
  for (auto [i, argument] : llvm::enumerate(function.getWorkgroupAttributions())) {
    auto type = cast<MemRefType>(argument.getType());
    std::string element = cudaMemoryType(type.getElementType());
    if (element.empty() || !type.hasStaticShape() || !type.getLayout().isIdentity())
      return function.emitError("has no CUDA C++: shared memory of type ") << type;
    std::string name = "shared", base = "v";
    if (Value source = sources.lookup(argument))
      if (auto cast = source.getDefiningOp<memref::ReinterpretCastOp>())
        if (auto parameter = dyn_cast<BlockArgument>(cast.getSource());
            parameter && parameter.getArgNumber() < parameterNames.size()) {
          base = parameterNames[parameter.getArgNumber()];
          name = base + "_tile";
        }
    name = names.unique(name);
    std::string alignment;
    if (auto align = dyn_cast_if_present<IntegerAttr>(function.getWorkgroupAttributionAttr(
            i, LLVM::LLVMDialect::getAlignAttrName())))
      alignment = "__align__(" + std::to_string(align.getInt()) + ") ";
    buffers[argument] = {name, base, {}, type.getElementType(), /*isShaped=*/true};
    text.line("__shared__ " + alignment + element + " " + name +
              (type.getRank() == 0 ? "[1]" : extents(type, 0)) + ";");
  }
  return success();
}

//===----------------------------------------------------------------------===//
// Statements
//===----------------------------------------------------------------------===//

const CudaExpr &CudaKernel::of(Value value) {
  auto found = exprs.find(value);
  if (found != exprs.end())
    return found->second;
  // A vector that is known by its elements only.
  assert(elements.contains(value) && "a use before its definition");
  return exprs[value] = vectorOf(cast<VectorType>(value.getType()), wordsOf(value));
}

StringRef CudaKernel::baseOf(Value value) const {
  auto found = bases.find(value);
  if (found != bases.end())
    return found->second;
  Operation *op = value.getDefiningOp();
  if (!op || isa<arith::ConstantOp>(op))
    return "v";
  return value.getType().isIndex() ? indexName(value) : baseName(op);
}

void CudaKernel::bindVariable(Value value, std::string name, std::string base) {
  exprs[value] = {name};
  variables[value] = std::move(name);
  bases[value] = std::move(base);
}

void CudaKernel::define(Value value, const CudaExpr &expr) {
  std::string type = expr.isSigned ? "int" : cudaType(value.getType());
  std::string base = baseOf(value).str();
  std::string name = names.next(base);
  bool changes = isContinued(value);
  bool isPointer = StringRef(type).ends_with("*");
  StringRef front = changes || isPointer ? "" : "const ", back = isPointer ? "const " : " ";
  text.line(front.str() + type + back.str() + name + " = " + expr.text + ";");
  if (changes)
    bindVariable(value, name, base);
  else
    exprs[value] = {name, CudaExpr::Atom, expr.isSigned};
}

LogicalResult CudaKernel::block(Block &block) {
  for (Operation &op : block.without_terminator())
    if (failed(statement(&op)))
      return failure();
  return success();
}

/// Whether a variable can hold the value; of long vectors, and of what the
/// matrix unit gives, there are variables of the parts.
static bool hasCudaType(Value value) {
  if (!cudaType(value.getType()).empty())
    return true;
  auto vector = dyn_cast<VectorType>(value.getType());
  return isa<LLVM::LLVMStructType>(value.getType()) ||
         (vector && !vector.isScalable() && !cudaType(vector.getElementType()).empty());
}

LogicalResult CudaKernel::statement(Operation *op) {
  for (Value result : op->getResults())
    if (!isa<MemRefType>(result.getType()) && !hasCudaType(result))
      return op->emitError("'") << op->getName() << "' has no CUDA C++: it makes a value of type "
                                << result.getType();
  if (auto cast = dyn_cast<memref::ReinterpretCastOp>(op))
    return bindBuffer(cast);
  if (auto loop = dyn_cast<scf::ForOp>(op))
    return this->loop(loop);
  if (auto branch = dyn_cast<scf::IfOp>(op))
    return this->branch(branch);
  if (auto store = dyn_cast<memref::StoreOp>(op))
    return this->store(store);
  if (auto store = dyn_cast<vector::StoreOp>(op))
    return this->store(store);
  if (auto member = dyn_cast<LLVM::ExtractValueOp>(op))
    return this->member(member);
  if (isa<gpu::GPUDialect, NVVM::NVVMDialect>(op->getDialect()))
    return device(op);
  if (isa<vector::ExtractOp>(op) ||
      (!isa<LLVM::CallIntrinsicOp>(op) &&
       llvm::any_of(op->getResultTypes(), llvm::IsaPred<VectorType>)))
    return vectorValue(op);
  return value(op);
}

/// The variable that gets the op's value: what it adds to if that has no other
/// use, or what the loop carries in the place where it yields the value.
Value CudaKernel::changedBy(Operation *op) {
  if (auto yield = dyn_cast<scf::YieldOp>(op->getBlock()->getTerminator()))
    if (auto loop = dyn_cast<scf::ForOp>(yield->getParentOp()))
      for (auto [carried, yielded] :
           llvm::zip_equal(loop.getRegionIterArgs(), yield.getOperands()))
        if (yielded == op->getResult(0) && carried.hasOneUse() &&
            *carried.user_begin() == op && variables.contains(carried))
          return carried;
  Value sum = accumulator(op);
  return sum && isContinued(sum) && variables.contains(sum) ? sum : Value();
}

LogicalResult CudaKernel::value(Operation *op) {
  std::optional<CudaExpr> expr = expression(op);
  if (!expr)
    return failure();
  Value result = op->getResult(0);
  if (Value changed = changedBy(op)) {
    std::string name = variables[changed], rest = name + " + ";
    StringRef sum = expr->text;
    if (isa<arith::AddFOp>(op) && sum.consume_front(rest))
      text.line(name + " += " + sum.str() + ";");
    else
      text.line(name + " = " + expr->text + ";");
    bindVariable(result, name, bases[changed]);
    return success();
  }
  constexpr size_t longest = 60;
  if (isFreeInCuda(op) || (folding.isFolded(op) && expr->text.size() <= longest))
    exprs[result] = std::move(*expr);
  else
    define(result, *expr);
  return success();
}

} // namespace mamba
