// Loops and branches of a kernel in CUDA C++.
//
// What a loop carries are variables, assigned at the end of its body; one that
// comes from a variable without another use goes on in it. A branch that only
// chooses a value is a conditional expression.
#include "compiler/codegen/CudaKernel.h"

#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/LLVMIR/LLVMDialect.h"

#include <map>

using namespace mlir;

namespace mamba {

/// Whether the loop must stay one, as its generator said.
static bool isKeptRolled(scf::ForOp loop) {
  auto annotation = loop->getAttrOfType<LLVM::LoopAnnotationAttr>("llvm.loop_annotation");
  LLVM::LoopUnrollAttr unroll = annotation ? annotation.getUnroll() : nullptr;
  return unroll && unroll.getDisable() && unroll.getDisable().getValue();
}

/// A vector that no variable holds: each element has one.
static bool isLong(Value value) {
  return isa<VectorType>(value.getType()) && cudaType(value.getType()).empty();
}

std::vector<CudaExpr> CudaKernel::partsOf(Value value) {
  return isLong(value) ? elementsOf(value) : std::vector<CudaExpr>{of(value)};
}

/// What the i-th carried value is called after: what it starts as, or what is
/// done with it.
std::string CudaKernel::carried(scf::ForOp loop, unsigned i) {
  Value init = loop.getInitArgs()[i];
  if (!init.getDefiningOp<arith::ConstantOp>())
    return baseOf(init).str();
  Value yielded = loop.getYieldedValues()[i];
  for (unsigned steps = 0; steps < 4; ++steps) {
    auto inner = yielded.getDefiningOp<scf::ForOp>();
    if (!inner)
      break;
    yielded = inner.getYieldedValues()[cast<OpResult>(yielded).getResultNumber()];
  }
  return baseOf(yielded).str();
}

LogicalResult CudaKernel::loop(scf::ForOp loop) {
  SmallVector<std::string> carriedNames;
  std::map<std::string, std::vector<std::string>> started; // by type
  for (auto [i, init] : llvm::enumerate(loop.getInitArgs())) {
    std::string base = carried(loop, i);
    std::string name;
    if (isLong(init)) {
      std::vector<CudaExpr> parts = elementsOf(init);
      std::string type = cudaType(getElementTypeOrSelf(init.getType()));
      for (CudaExpr &part : parts) {
        name = names.next(base);
        started[type].push_back(name + " = " + part.text);
        part = {name};
        carriedNames.push_back(name);
      }
      elements[loop.getRegionIterArg(i)] = parts;
      elements[loop.getResult(i)] = std::move(parts);
      bases[loop.getRegionIterArg(i)] = base;
      continue;
    }
    if (variables.contains(init) && isContinued(init)) {
      name = variables[init];
      base = bases[init];
    } else {
      name = names.next(base);
      started[cudaType(init.getType())].push_back(name + " = " + of(init).text);
    }
    carriedNames.push_back(name);
    bindVariable(loop.getRegionIterArg(i), name, base);
  }
  for (const auto &[type, list] : started)
    text.line(type + " " + listed(list) + ";");
  std::string name = depth < 6 ? std::string(1, "ijklmn"[depth]) : names.next("i");
  exprs[loop.getInductionVar()] = {name};
  std::string type = cudaType(loop.getInductionVar().getType());
  std::string step = of(loop.getStep()).text;
  if (isKeptRolled(loop))
    text.line("#pragma unroll 1");
  std::string next = step == "1" ? "++" + name : name + " += " + step;
  text.open("for (" + type + " " + name + " = " + of(loop.getLowerBound()).text + "; " + name +
            " < " + within(of(loop.getUpperBound()), CudaExpr::Sum) + "; " + next + ")");
  ++depth;
  {
    CudaNames::Scope scope(names);
    if (failed(block(*loop.getBody())))
      return failure();
    std::vector<std::string> targets(carriedNames.begin(), carriedNames.end());
    assign(targets, loop.getYieldedValues());
  }
  --depth;
  text.close();
  for (auto [carried, result] : llvm::zip_equal(loop.getRegionIterArgs(), loop.getResults())) {
    if (isLong(result))
      bases[result] = std::string(bases[carried]);
    else
      bindVariable(result, variables[carried], bases[carried]);
  }
  return success();
}

void CudaKernel::assign(ArrayRef<std::string> targets, ValueRange values) {
  // A value that reads a variable which is assigned before it is put aside.
  SmallVector<std::string> texts, types;
  for (Value value : values)
    for (const CudaExpr &part : partsOf(value)) {
      texts.push_back(part.text);
      types.push_back(cudaType(isLong(value) ? getElementTypeOrSelf(value.getType())
                                             : value.getType()));
    }
  SmallVector<bool> aside(texts.size());
  for (size_t j = 0; j < texts.size(); ++j)
    for (size_t i = 0; i < j && !aside[j]; ++i)
      aside[j] = texts[i] != targets[i] && mentions(texts[j], targets[i]);
  for (size_t j = 0; j < texts.size(); ++j)
    if (aside[j]) {
      std::string name = names.next("next");
      text.line("const " + types[j] + " " + name + " = " + texts[j] + ";");
      texts[j] = name;
    }
  for (size_t j = 0; j < texts.size(); ++j)
    if (texts[j] != targets[j])
      text.line(targets[j] + " = " + texts[j] + ";");
}

/// How an assignment of both is written when there are no statements.
LogicalResult CudaKernel::conditional(scf::IfOp branch, const std::string &condition,
                                      ArrayRef<CudaExpr> yields) {
  // Of each result its `then` and its `else`.
  size_t count = branch.getNumResults();
  for (size_t i = 0; i < count; ++i)
    define(branch.getResult(i), {condition + " ? " + within(yields[i], CudaExpr::Logic) + " : " +
                                     within(yields[count + i], CudaExpr::Logic),
                                 CudaExpr::Weak});
  return success();
}

LogicalResult CudaKernel::branch(scf::IfOp branch) {
  const CudaExpr condition = of(branch.getCondition());
  if (branch.getNumResults() == 0) {
    text.open("if (" + condition.text + ")");
    {
      CudaNames::Scope scope(names);
      if (failed(block(*branch.thenBlock())))
        return failure();
    }
    if (Block *otherwise = branch.elseBlock(); otherwise && otherwise->getOperations().size() > 1) {
      --text.indent;
      text.open("} else");
      CudaNames::Scope scope(names);
      if (failed(block(*otherwise)))
        return failure();
    }
    text.close();
    return success();
  }

  // The blocks first: their values give the variables their names.
  size_t start = text.count();
  ++text.indent;
  if (failed(block(*branch.thenBlock())))
    return failure();
  std::vector<std::string> then = text.cut(start);
  if (failed(block(*branch.elseBlock())))
    return failure();
  std::vector<std::string> otherwise = text.cut(start);
  --text.indent;
  SmallVector<CudaExpr> yields;
  for (Region *region : branch.getRegions())
    for (Value value : region->front().getTerminator()->getOperands())
      llvm::append_range(yields, partsOf(value));
  for (auto [result, value] : llvm::zip_equal(branch.getResults(), branch.thenYield().getOperands()))
    bases[result] = baseOf(value).str();
  bool hasLong = llvm::any_of(branch.getResults(), isLong);
  if (then.empty() && otherwise.empty() && !hasLong)
    return conditional(branch, within(condition, CudaExpr::Logic), yields);

  // Values of an `else` without statements are what the variables start with.
  std::vector<std::string> results;
  std::map<std::string, std::vector<std::string>> started;
  size_t half = yields.size() / 2;
  for (Value result : branch.getResults()) {
    std::string base = bases[result];
    bool isParted = isLong(result);
    Type type = isParted ? getElementTypeOrSelf(result.getType()) : result.getType();
    size_t count = isParted ? cast<VectorType>(result.getType()).getNumElements() : 1;
    std::vector<CudaExpr> parts;
    for (size_t i = 0; i < count; ++i) {
      std::string start = otherwise.empty() ? " = " + yields[half + results.size()].text : "";
      results.push_back(names.next(base));
      started[cudaType(type)].push_back(results.back() + start);
      parts.push_back({results.back()});
    }
    if (isParted)
      elements[result] = std::move(parts);
    else
      bindVariable(result, results.back(), base);
  }
  for (const auto &[type, list] : started)
    text.line(type + " " + listed(list) + ";");
  text.open("if (" + condition.text + ")");
  text.append(std::move(then));
  assign(results, branch.thenYield().getOperands());
  if (!otherwise.empty()) {
    --text.indent;
    text.open("} else");
    text.append(std::move(otherwise));
    assign(results, branch.elseYield().getOperands());
  }
  text.close();
  return success();
}

} // namespace mamba
