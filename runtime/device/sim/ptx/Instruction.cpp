// Instructions: guard, opcode, modifiers, and what branches and calls have
// instead of plain operands.
#include "runtime/device/sim/ptx/FunctionParser.h"

#include "runtime/support/Quote.h"

namespace mamba::ptx {

Status FunctionParser::parseGuard(Instruction &instruction) {
  cursor_.advance();
  instruction.isGuardNegated = cursor_.accept('!');
  Token name;
  MAMBA_RETURN_IF_ERROR(cursor_.expectName("a predicate", name));
  const Name *meaning = names_.find(name.text);
  if (!meaning)
    return undeclared(name);
  if (meaning->kind != Name::Kind::Register ||
      function_.registers[meaning->index].type != Type::Pred)
    return cursor_.fail(name, inQuotes(name.text) + " is not a predicate");
  instruction.guard = int32_t(meaning->index);
  return {};
}

Status FunctionParser::parseInstruction(Instruction instruction, const Token &opcode,
                                        size_t begin) {
  instruction.opcode = opcode.text;
  instruction.line = opcode.line;
  while (cursor_.atDotted())
    instruction.modifiers.emplace_back(cursor_.take().text);

  if (opcode.text == "call")
    MAMBA_RETURN_IF_ERROR(parseCall(instruction));
  else if (opcode.text == "bra")
    MAMBA_RETURN_IF_ERROR(parseBranch(instruction));
  else if (opcode.text == "brx")
    MAMBA_RETURN_IF_ERROR(parseIndexedBranch(instruction));
  else if (!cursor_.atMark(';'))
    MAMBA_RETURN_IF_ERROR(parseOperands(instruction));

  size_t end = cursor_.token().offset;
  if (!cursor_.atMark(';'))
    return cursor_.expected("',' or ';'");
  instruction.text = cursor_.oneLine(begin, end);
  function_.instructions.push_back(std::move(instruction));
  cursor_.advance();
  return {};
}

static bool canBeResult(const Operand &operand) {
  return (operand.kind == Operand::Kind::Register && !operand.isNegated) ||
         operand.kind == Operand::Kind::Sink;
}

Status FunctionParser::parseOperands(Instruction &instruction) {
  std::vector<Operand> &operands = instruction.operands;
  Token first = cursor_.token();
  MAMBA_RETURN_IF_ERROR(parseOperand(operands.emplace_back()));
  if (cursor_.accept('|')) {
    MAMBA_RETURN_IF_ERROR(parseOperand(operands.emplace_back()));
    if (!canBeResult(operands[0]) || !canBeResult(operands[1]))
      return cursor_.fail(first, "two results must be registers or '_'");
  }
  while (cursor_.accept(','))
    MAMBA_RETURN_IF_ERROR(parseOperand(operands.emplace_back()));
  return {};
}

void FunctionParser::useLabel(const Token &name, size_t operand, int32_t element) {
  uses_.push_back(
      {uint32_t(function_.instructions.size()), uint32_t(operand), element, name});
}

Status FunctionParser::parseBranch(Instruction &instruction) {
  Token label;
  MAMBA_RETURN_IF_ERROR(cursor_.expectName("a label", label));
  instruction.operands.emplace_back().kind = Operand::Kind::Label;
  useLabel(label, 0, -1);
  return {};
}

Status FunctionParser::parseIndexedBranch(Instruction &instruction) {
  MAMBA_RETURN_IF_ERROR(parseOperand(instruction.operands.emplace_back()));
  MAMBA_RETURN_IF_ERROR(cursor_.expect(','));
  Token name;
  MAMBA_RETURN_IF_ERROR(cursor_.expectName("the label of .branchtargets", name));
  const Name *meaning = names_.find(name.text);
  if (!meaning || meaning->kind != Name::Kind::Table)
    return cursor_.fail(name, inQuotes(name.text) + " is not the label of .branchtargets before "
                                                    "it");
  const std::vector<Token> &labels = tables_[meaning->index];
  if (labels.size() > kMaxBranchTargets - usage_.branchTargets)
    return cursor_.fail(name, "more than " + std::to_string(kMaxBranchTargets) +
                                  " targets of brx in a module");
  usage_.branchTargets += labels.size();
  Operand &targets = instruction.operands.emplace_back();
  targets.kind = Operand::Kind::Vector;
  targets.elements.resize(labels.size());
  for (size_t i = 0; i < labels.size(); ++i) {
    targets.elements[i].kind = Operand::Kind::Label;
    useLabel(labels[i], 1, int32_t(i));
  }
  return {};
}

Status FunctionParser::parseCallList(Operand &list) {
  list.kind = Operand::Kind::Vector;
  MAMBA_RETURN_IF_ERROR(cursor_.expect('('));
  while (!cursor_.atMark(')')) {
    if (!list.elements.empty())
      MAMBA_RETURN_IF_ERROR(cursor_.expect(','));
    MAMBA_RETURN_IF_ERROR(parseOperand(list.elements.emplace_back()));
  }
  return cursor_.expect(')');
}

Status FunctionParser::parseCall(Instruction &instruction) {
  std::vector<Operand> &operands = instruction.operands;
  operands.resize(3);
  operands[0].kind = operands[2].kind = Operand::Kind::Vector;
  if (cursor_.atMark('(')) {
    MAMBA_RETURN_IF_ERROR(parseCallList(operands[0]));
    MAMBA_RETURN_IF_ERROR(cursor_.expect(','));
  }
  Token name;
  MAMBA_RETURN_IF_ERROR(cursor_.expectName("the name of a function", name));
  const Name *meaning = names_.find(name.text);
  if (!meaning)
    return cursor_.fail(name, inQuotes(name.text) + " is not declared: functions stand before "
                                                    "their calls");
  if (meaning->kind == Name::Kind::Register)
    return cursor_.fail(name, "indirect calls are not supported: call functions by name");
  if (meaning->kind != Name::Kind::Function)
    return cursor_.fail(name, inQuotes(name.text) + " is not a function");
  operands[1].kind = Operand::Kind::Function;
  operands[1].index = meaning->index;
  if (cursor_.accept(','))
    MAMBA_RETURN_IF_ERROR(parseCallList(operands[2]));

  const Function &callee = module_.functions[meaning->index];
  if (operands[0].elements.size() != callee.results.size() ||
      operands[2].elements.size() != callee.params.size())
    return cursor_.fail(name, inQuotes(name.text) + " has " +
                                  counted(callee.results.size(), "result") + " and " +
                                  counted(callee.params.size(), "parameter") + ", not " +
                                  std::to_string(operands[0].elements.size()) + " and " +
                                  std::to_string(operands[2].elements.size()));
  return {};
}

} // namespace mamba::ptx
