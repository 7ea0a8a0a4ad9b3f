// What ops without effects are worth in CUDA C++.
#include "compiler/codegen/CudaKernel.h"

#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/LLVMIR/LLVMDialect.h"
#include "mlir/Dialect/Math/IR/Math.h"

using namespace mlir;

namespace mamba {

static CudaExpr binary(const CudaExpr &x, StringRef sign, const CudaExpr &y,
                       CudaExpr::Strength strength, CudaExpr::Strength left,
                       CudaExpr::Strength right) {
  return {within(x, left) + " " + sign.str() + " " + within(y, right), strength};
}

static CudaExpr asSigned(const CudaExpr &x, Type type) {
  if (x.isSigned || type.isIndex() || type.isInteger(64))
    return x;
  CudaExpr result = castTo(type.isInteger(8)    ? "signed char"
                           : type.isInteger(16) ? "short"
                                                : "int",
                           x);
  result.isSigned = true;
  return result;
}

static CudaExpr asUnsigned(const CudaExpr &x, Type type) {
  if (type.isIndex() || type.isInteger(64))
    return castTo("unsigned long long", x);
  return x.isSigned ? castTo(cudaType(type), x) : x;
}

std::string CudaKernel::call(StringRef function, ArrayRef<CudaExpr> arguments) {
  std::string text;
  for (const CudaExpr &argument : arguments)
    text += (text.empty() ? "" : ", ") + argument.text;
  return function.str() + "(" + text + ")";
}

CudaExpr CudaKernel::callOurs(StringRef function, ArrayRef<CudaExpr> arguments) {
  functions.insert(&cudaFunction(function));
  return {call(function, arguments)};
}

CudaExpr CudaKernel::constant(TypedAttr value) {
  if (auto number = dyn_cast<FloatAttr>(value)) {
    if (number.getType().isF32())
      return {cudaFloat(number.getValue()),
              number.getValue().isNegative() ? CudaExpr::Unary : CudaExpr::Atom};
    llvm::APInt bits = number.getValue().bitcastToAPInt();
    return {cudaInteger(bits, IntegerType())};
  }
  auto number = cast<IntegerAttr>(value);
  std::string text = cudaInteger(number.getValue(), number.getType());
  return {text, text[0] == '-' ? CudaExpr::Unary : CudaExpr::Atom};
}

/// Indices of a kernel do not overflow, so sums and products of numbers that are
/// not negative are not.
bool CudaKernel::isNonNegative(Value value, unsigned depth) {
  if (depth > 8)
    return false;
  APInt number;
  if (matchPattern(value, m_ConstantInt(&number)))
    return number.isNonNegative();
  if (auto argument = dyn_cast<BlockArgument>(value)) {
    if (argument.getOwner() == &function.front())
      return argument.getArgNumber() < 2; // rows, sequences
    auto loop = dyn_cast<scf::ForOp>(argument.getOwner()->getParentOp());
    return loop && argument == loop.getInductionVar() &&
           isNonNegative(loop.getLowerBound(), depth + 1) &&
           isNonNegative(loop.getStep(), depth + 1);
  }
  Operation *op = value.getDefiningOp();
  if (isa<gpu::ThreadIdOp, gpu::BlockIdOp>(op))
    return true;
  auto of = [&](Value operand) { return isNonNegative(operand, depth + 1); };
  if (isa<arith::RemUIOp, arith::RemSIOp, arith::DivUIOp, arith::AddIOp, arith::MulIOp,
          arith::MinSIOp, arith::IndexCastOp>(op))
    return llvm::all_of(op->getOperands(), of);
  if (isa<arith::MaxSIOp>(op))
    return llvm::any_of(op->getOperands(), of);
  if (auto select = dyn_cast<arith::SelectOp>(op))
    return of(select.getTrueValue()) && of(select.getFalseValue());
  return false;
}

static std::optional<CudaExpr> compare(arith::CmpIOp op, const CudaExpr &x, const CudaExpr &y) {
  using P = arith::CmpIPredicate;
  Type type = getElementTypeOrSelf(op.getLhs().getType());
  StringRef sign;
  bool isSigned = false, isUnsigned = false;
  switch (op.getPredicate()) {
  case P::eq: sign = "=="; break;
  case P::ne: sign = "!="; break;
  case P::slt: sign = "<"; isSigned = true; break;
  case P::sle: sign = "<="; isSigned = true; break;
  case P::sgt: sign = ">"; isSigned = true; break;
  case P::sge: sign = ">="; isSigned = true; break;
  case P::ult: sign = "<"; isUnsigned = true; break;
  case P::ule: sign = "<="; isUnsigned = true; break;
  case P::ugt: sign = ">"; isUnsigned = true; break;
  case P::uge: sign = ">="; isUnsigned = true; break;
  }
  bool isWide = type.isIndex() || type.isInteger(64);
  auto side = [&](const CudaExpr &e) {
    return isSigned ? asSigned(e, type) : isUnsigned || !isWide ? asUnsigned(e, type) : e;
  };
  return binary(side(x), sign, side(y), CudaExpr::Compare, CudaExpr::Sum, CudaExpr::Sum);
}

static std::optional<CudaExpr> compare(arith::CmpFOp op, const CudaExpr &x, const CudaExpr &y) {
  using P = arith::CmpFPredicate;
  auto with = [&](StringRef sign) {
    return binary(x, sign, y, CudaExpr::Compare, CudaExpr::Sum, CudaExpr::Sum);
  };
  auto no = [&](StringRef sign) { return CudaExpr{"!(" + with(sign).text + ")", CudaExpr::Unary}; };
  switch (op.getPredicate()) {
  case P::OEQ: return with("==");
  case P::OGT: return with(">");
  case P::OGE: return with(">=");
  case P::OLT: return with("<");
  case P::OLE: return with("<=");
  case P::UNE: return with("!=");
  case P::ULE: return no(">");
  case P::ULT: return no(">=");
  case P::UGE: return no("<");
  case P::UGT: return no("<=");
  case P::UNO:
    if (op.getLhs() == op.getRhs())
      return with("!=");
    [[fallthrough]];
  default:
    op.emitError("'arith.cmpf' has no CUDA C++: its predicate is ")
        << arith::stringifyCmpFPredicate(op.getPredicate());
    return std::nullopt;
  }
}

/// Ops of integers. A narrow one is cut back to its width.
std::optional<CudaExpr> CudaKernel::integer(Operation *op, ArrayRef<CudaExpr> x) {
  Type type = getElementTypeOrSelf(op->getResult(0).getType());
  bool isWide = type.isIndex() || type.isInteger(64), isBool = type.isInteger(1);
  auto raw = [&](unsigned i) { return isWide ? x[i] : asUnsigned(x[i], type); };
  auto cut = [&](CudaExpr e) {
    return type.isInteger(8) || type.isInteger(16) ? castTo(cudaType(type), e) : e;
  };
  using S = CudaExpr;
  if (isa<arith::AddIOp>(op))
    return cut(binary(raw(0), "+", raw(1), S::Sum, S::Sum, S::Sum));
  if (isa<arith::SubIOp>(op))
    return cut(binary(raw(0), "-", raw(1), S::Sum, S::Sum, S::Product));
  if (isa<arith::MulIOp>(op))
    return cut(binary(raw(0), "*", raw(1), S::Product, S::Product, S::Product));
  if (isa<arith::DivUIOp, arith::RemUIOp>(op)) {
    bool isDiv = isa<arith::DivUIOp>(op);
    if (isWide && !(isNonNegative(op->getOperand(0)) && isNonNegative(op->getOperand(1)))) {
      StringRef name = isDiv ? "divideUnsigned" : "remainderUnsigned";
      return callOurs(name, {x[0], x[1]});
    }
    return binary(raw(0), isDiv ? "/" : "%", raw(1), S::Product, S::Product, S::Unary);
  }
  if (isa<arith::DivSIOp, arith::RemSIOp>(op)) {
    CudaExpr e = binary(asSigned(x[0], type), isa<arith::DivSIOp>(op) ? "/" : "%",
                        asSigned(x[1], type), S::Product, S::Product, S::Unary);
    e.isSigned = !isWide;
    return e;
  }
  // Of numbers of the same width: a shorter shift of a word is that of a word.
  if (isa<arith::ShLIOp>(op))
    return cut(binary(raw(0), "<<", raw(1), S::Compare, S::Sum, S::Sum));
  if (isa<arith::ShRUIOp>(op))
    return binary(isWide ? asUnsigned(x[0], type) : raw(0), ">>", raw(1), S::Compare, S::Sum,
                  S::Sum);
  if (isa<arith::ShRSIOp>(op)) {
    CudaExpr e = binary(asSigned(x[0], type), ">>", raw(1), S::Compare, S::Sum, S::Sum);
    e.isSigned = !isWide;
    return e;
  }
  if (isa<arith::AndIOp>(op))
    return binary(raw(0), isBool ? "&&" : "&", raw(1), S::Logic, S::Compare, S::Compare);
  if (isa<arith::OrIOp>(op))
    return binary(raw(0), isBool ? "||" : "|", raw(1), S::Logic, S::Compare, S::Compare);
  if (isa<arith::XOrIOp>(op)) {
    if (isBool && matchPattern(op->getOperand(1), m_One()))
      return CudaExpr{"!" + within(x[0], S::Unary), S::Unary};
    return binary(raw(0), isBool ? "!=" : "^", raw(1), isBool ? S::Compare : S::Logic, S::Sum,
                  S::Sum);
  }
  bool isMin = isa<arith::MinSIOp, arith::MinUIOp>(op);
  if (isMin || isa<arith::MaxSIOp, arith::MaxUIOp>(op)) {
    bool isSigned = isa<arith::MinSIOp, arith::MaxSIOp>(op);
    auto side = [&](unsigned i) {
      CudaExpr e = isSigned ? asSigned(x[i], type) : asUnsigned(x[i], type);
      // Of two types min would be two.
      if (isWide && isSigned && matchPattern(op->getOperand(i), m_Constant()))
        e.text += "LL";
      return e;
    };
    return CudaExpr{call(isMin ? "min" : "max", {side(0), side(1)}), S::Atom, isSigned && !isWide};
  }
  return std::nullopt;
}

std::optional<CudaExpr> CudaKernel::convert(Operation *op, const CudaExpr &x) {
  Type from = getElementTypeOrSelf(op->getOperand(0).getType());
  Type to = getElementTypeOrSelf(op->getResult(0).getType());
  auto function = [&](StringRef name) { return callOurs(name, {x}); };
  if (isa<arith::ExtFOp>(op) && to.isF32())
    return function(from.isF16() ? "fromHalf" : "fromBfloat");
  if (isa<arith::TruncFOp>(op) && from.isF32())
    return function(to.isF16() ? "toHalf" : "toBfloat");
  if (isa<arith::BitcastOp>(op)) {
    if (from.isF32())
      return CudaExpr{call("__float_as_uint", {x})};
    if (to.isF32())
      return CudaExpr{call("__uint_as_float", {asUnsigned(x, from)})};
    if (cudaType(from) == cudaType(to))
      return x;
  }
  bool isWide = to.isIndex() || to.isInteger(64);
  if (isa<arith::IndexCastOp, arith::ExtSIOp>(op) && !from.isInteger(1)) {
    bool isNarrower = to.isInteger(32) || to.isInteger(16) || to.isInteger(8);
    if (isa<arith::IndexCastOp>(op) && isNarrower) {
      CudaExpr cut = castTo("int", x);
      cut.isSigned = true;
      return cut;
    }
    CudaExpr wide = castTo(isWide ? "long long" : "int", asSigned(x, from));
    wide.isSigned = !isWide;
    return wide;
  }
  if (isa<arith::IndexCastUIOp, arith::ExtUIOp>(op))
    return castTo(isWide ? "long long" : cudaType(to), asUnsigned(x, from));
  if (isa<arith::TruncIOp>(op))
    return castTo(cudaType(to), x);
  if (isa<arith::FPToSIOp>(op) && to.isInteger(32) && from.isF32()) {
    CudaExpr cut = castTo("int", x);
    cut.isSigned = true;
    return cut;
  }
  if (isa<arith::SIToFPOp>(op) && to.isF32() && !from.isInteger(1))
    return castTo("float", asSigned(x, from));
  if (isa<arith::UIToFPOp>(op) && to.isF32())
    return castTo("float", asUnsigned(x, from));
  if (isa<arith::FPToSIOp>(op) && from.isF32() && to.isInteger(32)) {
    CudaExpr cut = castTo("int", x);
    cut.isSigned = true;
    return cut;
  }
  return std::nullopt;
}

/// Ops of single numbers.
std::optional<CudaExpr> CudaKernel::elementwise(Operation *op, ArrayRef<CudaExpr> x) {
  using S = CudaExpr;
  if (auto cmp = dyn_cast<arith::CmpIOp>(op))
    return compare(cmp, x[0], x[1]);
  if (auto cmp = dyn_cast<arith::CmpFOp>(op))
    return compare(cmp, x[0], x[1]);
  if (auto select = dyn_cast<arith::SelectOp>(op)) {
    Type type = getElementTypeOrSelf(select.getType());
    auto side = [&](const CudaExpr &e) {
      return within(isa<IntegerType>(type) ? asUnsigned(e, type) : e, S::Logic);
    };
    return CudaExpr{within(x[0], S::Logic) + " ? " + side(x[1]) + " : " + side(x[2]), S::Weak};
  }
  if (op->getNumOperands() == 1)
    if (std::optional<CudaExpr> converted = convert(op, x[0]))
      return converted;
  Type element = getElementTypeOrSelf(op->getResult(0).getType());
  if (!isa<FloatType>(element))
    return integer(op, x);
  if (!element.isF32())
    return std::nullopt;
  if (isa<arith::AddFOp>(op))
    return binary(x[0], "+", x[1], S::Sum, S::Sum, S::Product);
  if (isa<arith::SubFOp>(op))
    return binary(x[0], "-", x[1], S::Sum, S::Sum, S::Product);
  if (isa<arith::MulFOp>(op))
    return binary(x[0], "*", x[1], S::Product, S::Product, S::Unary);
  if (isa<arith::DivFOp>(op))
    return binary(x[0], "/", x[1], S::Product, S::Product, S::Unary);
  if (isa<arith::NegFOp>(op))
    return CudaExpr{"-" + within(x[0], S::Atom), S::Unary};
  if (isa<arith::MaxNumFOp>(op))
    return CudaExpr{call("fmaxf", x)};
  if (isa<arith::MinNumFOp>(op))
    return CudaExpr{call("fminf", x)};
  if (isa<math::FmaOp>(op))
    return CudaExpr{call("fmaf", x)};
  if (isa<math::AbsFOp>(op))
    return CudaExpr{call("fabsf", x)};
  if (isa<math::SqrtOp>(op))
    return CudaExpr{call("sqrtf", x)};
  return std::nullopt;
}

std::optional<CudaExpr> CudaKernel::expression(Operation *op) {
  if (auto load = dyn_cast<memref::LoadOp>(op))
    return this->load(load);
  if (auto constant = dyn_cast<arith::ConstantOp>(op))
    return this->constant(constant.getValue());
  if (isFreeInCuda(op) && isa<arith::IndexCastOp>(op))
    return of(op->getOperand(0));
  if (isa<LLVM::CallIntrinsicOp>(op))
    return intrinsic(op);
  // A pair is known by its word.
  if (isa<LLVM::BitcastOp>(op) && isa<VectorType>(op->getOperand(0).getType()) &&
      op->getResult(0).getType().isInteger(32))
    return of(op->getOperand(0));
  if (std::optional<CudaExpr> address = pointer(op))
    return address;
  std::optional<CudaExpr> expr;
  if (op->getNumResults() == 1 && op->getNumRegions() == 0 &&
      llvm::none_of(op->getOperandTypes(), llvm::IsaPred<VectorType>)) {
    SmallVector<CudaExpr> operands;
    for (Value operand : op->getOperands())
      operands.push_back(of(operand));
    expr = elementwise(op, operands);
  }
  if (!expr)
    op->emitError("'") << op->getName() << "' has no CUDA C++";
  return expr;
}

} // namespace mamba
