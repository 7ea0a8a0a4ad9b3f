#include "runtime/device/sim/ptx/FunctionParser.h"

#include "runtime/device/sim/ptx/Skip.h"
#include "runtime/support/Quote.h"

namespace mamba::ptx {

Status FunctionParser::declare(const Token &name, Name meaning) {
  if (names_.declare(name.text, meaning))
    return {};
  return cursor_.fail(name, inQuotes(name.text) + " is declared twice in this block");
}

Status FunctionParser::openBlock() {
  if (firstUse_.size() == kMaxBlockDepth)
    return cursor_.fail("blocks nested deeper than " + std::to_string(kMaxBlockDepth) +
                        " levels");
  // The outermost block is the parameters' own.
  if (!firstUse_.empty())
    names_.open();
  firstUse_.push_back(uses_.size());
  return cursor_.expect('{');
}

Status FunctionParser::resolve(const LabelUse &use, const Name &meaning) {
  if (meaning.kind != Name::Kind::Label)
    return cursor_.fail(use.name, inQuotes(use.name.text) + " is not a label");
  Operand &operand = function_.instructions[use.instruction].operands[use.operand];
  (use.element < 0 ? operand : operand.elements[use.element]).index = meaning.index;
  return {};
}

Status FunctionParser::closeBlock() {
  // What stays unresolved is the outer block's.
  size_t kept = firstUse_.back();
  for (size_t i = kept; i < uses_.size(); ++i) {
    if (const Name *meaning = names_.findInBlock(uses_[i].name.text))
      MAMBA_RETURN_IF_ERROR(resolve(uses_[i], *meaning));
    else
      uses_[kept++] = uses_[i];
  }
  uses_.resize(kept);
  firstUse_.pop_back();
  if (!firstUse_.empty())
    names_.close();
  else if (!uses_.empty())
    return cursor_.fail(uses_[0].name, "there is no label " + inQuotes(uses_[0].name.text) +
                                           " in this function");
  return cursor_.expect('}');
}

Status FunctionParser::parse() {
  MAMBA_RETURN_IF_ERROR(openBlock());
  while (!firstUse_.empty()) {
    if (cursor_.atMark('{'))
      MAMBA_RETURN_IF_ERROR(openBlock());
    else if (cursor_.atMark('}'))
      MAMBA_RETURN_IF_ERROR(closeBlock());
    else if (cursor_.atEnd())
      return cursor_.fail("the body of " + inQuotes(function_.name) +
                          " does not end, expected '}'");
    else
      MAMBA_RETURN_IF_ERROR(parseStatement());
  }
  function_.isDefined = true;
  return {};
}

Status FunctionParser::parseStatement() {
  if (cursor_.atDotted())
    return parseDirective();
  size_t begin = cursor_.token().offset;
  Instruction instruction;
  bool isGuarded = cursor_.atMark('@');
  if (isGuarded)
    MAMBA_RETURN_IF_ERROR(parseGuard(instruction));
  Token name;
  MAMBA_RETURN_IF_ERROR(cursor_.expectNewName("an instruction", name));
  if (!isGuarded && cursor_.accept(':'))
    return parseLabel(name);
  return parseInstruction(std::move(instruction), name, begin);
}

Status FunctionParser::parseLabel(const Token &name) {
  if (cursor_.acceptDotted("branchtargets"))
    return parseTable(name);
  if (cursor_.atDotted() &&
      (cursor_.token().text == "callprototype" || cursor_.token().text == "calltargets"))
    return cursor_.fail("indirect calls are not supported: call functions by name");
  return declare(name, {Name::Kind::Label, uint32_t(function_.instructions.size())});
}

Status FunctionParser::parseTable(const Token &name) {
  MAMBA_RETURN_IF_ERROR(declare(name, {Name::Kind::Table, uint32_t(tables_.size())}));
  std::vector<Token> labels;
  do {
    Token label;
    MAMBA_RETURN_IF_ERROR(cursor_.expectName("a label", label));
    labels.push_back(label);
  } while (cursor_.accept(','));
  tables_.push_back(std::move(labels));
  return cursor_.expect(';');
}

Status FunctionParser::parseDirective() {
  Token directive = cursor_.take();
  std::string_view word = directive.text;
  Space space;
  if (word == "reg")
    return parseRegisters();
  if (word == "loc")
    return skipLocation(cursor_);
  if (word == "pragma")
    return skipPragma(cursor_);
  if (isVariableSpace(word, space)) {
    if (space == Space::Global || space == Space::Const)
      return cursor_.fail(directive, inQuotes("." + std::string(word)) +
                                         " stands in a function: declare it in the module");
    return parseVariables(space);
  }
  return cursor_.fail(directive,
                      inQuotes("." + std::string(word)) + " is not known in a function");
}

Status FunctionParser::parseVariables(Space space) {
  ElementType element;
  MAMBA_RETURN_IF_ERROR(parseElementType(cursor_, space, element));
  do {
    Variable variable;
    Token name;
    MAMBA_RETURN_IF_ERROR(
        parseVariable(cursor_, space, element, /*isExtern=*/false, usage_, variable, name));
    MAMBA_RETURN_IF_ERROR(
        declare(name, {Name::Kind::Variable, uint32_t(function_.variables.size())}));
    function_.variables.push_back(std::move(variable));
  } while (cursor_.accept(','));
  return cursor_.expect(';');
}

Status FunctionParser::declareRegister(const Token &at, std::string name, Type type) {
  if (!names_.declare(name, {Name::Kind::Register, uint32_t(function_.registers.size())}))
    return cursor_.fail(at, inQuotes(name) + " is declared twice in this block");
  function_.registers.push_back({std::move(name), type});
  return {};
}

Status FunctionParser::parseRegisters() {
  Type type;
  MAMBA_RETURN_IF_ERROR(parseDeclaredType(cursor_, type));
  do {
    Token name;
    MAMBA_RETURN_IF_ERROR(cursor_.expectNewName("the name of a register", name));
    bool isRange = cursor_.accept('<');
    uint64_t count = 1;
    if (isRange) {
      MAMBA_RETURN_IF_ERROR(cursor_.expectInteger("a number of registers", count));
      MAMBA_RETURN_IF_ERROR(cursor_.expect('>'));
    }
    if (count > kMaxRegisters - usage_.registers)
      return cursor_.fail(name, "more than " + std::to_string(kMaxRegisters) +
                                    " registers in a module");
    usage_.registers += count;
    std::string base(name.text);
    if (!isRange)
      MAMBA_RETURN_IF_ERROR(declareRegister(name, std::move(base), type));
    else
      for (uint64_t i = 0; i < count; ++i)
        MAMBA_RETURN_IF_ERROR(declareRegister(name, base + std::to_string(i), type));
  } while (cursor_.accept(','));
  return cursor_.expect(';');
}

} // namespace mamba::ptx
