#include "compiler/import/FunctionBuilder.h"

using namespace mlir;

namespace mamba {

FunctionBuilder::FunctionBuilder(ModuleOp module, llvm::StringRef name)
    : builder_(module.getContext()) {
  builder_.setInsertionPointToEnd(module.getBody());
  function_ = func::FuncOp::create(builder_, location(name.str()), name,
                                   builder_.getFunctionType({}, {}));
  function_->setAttr("ssm.entry", builder_.getStringAttr(name));
  builder_.setInsertionPointToEnd(function_.addEntryBlock());
}

Location FunctionBuilder::location(llvm::ArrayRef<std::string> names,
                                   llvm::StringRef scope) const {
  Builder builder(builder_.getContext());
  Location place = builder.getUnknownLoc();
  if (!scope.empty())
    place = FileLineColLoc::get(builder.getStringAttr(scope), 0, 0);
  if (names.size() == 1)
    return NameLoc::get(builder.getStringAttr(names.front()), place);
  SmallVector<llvm::StringRef> list(names.begin(), names.end());
  return builder.getFusedLoc(place, builder.getStrArrayAttr(list));
}

RankedTensorType FunctionBuilder::rows(llvm::ArrayRef<int64_t> dims) const {
  SmallVector<int64_t> shape{ShapedType::kDynamic};
  shape.append(dims.begin(), dims.end());
  return fixed(shape);
}

RankedTensorType FunctionBuilder::fixed(llvm::ArrayRef<int64_t> dims) const {
  return RankedTensorType::get(dims, Float32Type::get(builder_.getContext()));
}

RankedTensorType FunctionBuilder::tokens() const {
  return RankedTensorType::get({ShapedType::kDynamic},
                               IntegerType::get(builder_.getContext(), 32));
}

DictionaryAttr FunctionBuilder::attributes(llvm::StringRef name,
                                           llvm::StringRef state) const {
  Builder builder(builder_.getContext());
  SmallVector<NamedAttribute> list{
      builder.getNamedAttr("ssm.name", builder.getStringAttr(name))};
  if (!state.empty())
    list.push_back(
        builder.getNamedAttr("ssm.state", builder.getStringAttr(state)));
  return builder.getDictionaryAttr(list);
}

Value FunctionBuilder::addArgument(llvm::StringRef name, Type type,
                                   DictionaryAttr attributes) {
  argAttrs_.push_back(attributes);
  return function_.getBody().front().addArgument(type, location(name.str()));
}

Value FunctionBuilder::addInput(llvm::StringRef name, Type type) {
  return addArgument(name, type, attributes(name));
}

Value FunctionBuilder::addInputOfSequences(llvm::StringRef name, Type type) {
  NamedAttrList list(attributes(name));
  list.set("ssm.rows", builder_.getStringAttr("S"));
  return addArgument(name, type, list.getDictionary(builder_.getContext()));
}

Value FunctionBuilder::addState(llvm::StringRef name, llvm::StringRef id,
                                Type type) {
  return addArgument(name, type, attributes(name, id));
}

Value FunctionBuilder::addBatch() {
  return addArgument("batch", ssm::BatchType::get(builder_.getContext()),
                     builder_.getDictionaryAttr({}));
}

void FunctionBuilder::addResult(llvm::StringRef name, Value value) {
  results_.push_back(value);
  resultAttrs_.push_back(attributes(name));
}

void FunctionBuilder::addNewState(llvm::StringRef name, llvm::StringRef id,
                                  Value value) {
  results_.push_back(value);
  resultAttrs_.push_back(attributes(name, id));
}

void FunctionBuilder::finish() {
  func::ReturnOp::create(builder_, function_.getLoc(), results_);
  function_.setType(
      builder_.getFunctionType(function_.getBody().front().getArgumentTypes(),
                               TypeRange(ValueRange(results_))));
  function_.setArgAttrsAttr(builder_.getArrayAttr(argAttrs_));
  function_.setResAttrsAttr(builder_.getArrayAttr(resultAttrs_));
}

} // namespace mamba
