// Operands: registers, numbers, symbols, addresses and vectors of them.
#include "runtime/device/sim/ptx/FunctionParser.h"

#include "runtime/support/Quote.h"

namespace mamba::ptx {

static constexpr uint64_t kWarpSize = 32;

Status FunctionParser::undeclared(const Token &name) const {
  return cursor_.fail(name, inQuotes(name.text) + " is not declared");
}

Status FunctionParser::parseOperand(Operand &operand) {
  switch (cursor_.token().kind) {
  case Token::Kind::Name:
    return parseName(operand);
  case Token::Kind::Integer:
  case Token::Kind::Float:
    return parseNumber(operand);
  case Token::Kind::Mark:
    break;
  default:
    return cursor_.expected("an operand");
  }
  switch (cursor_.token().mark) {
  case '-':
    return parseNumber(operand);
  case '{':
    return parseVector(operand);
  case '[':
    return parseAddress(operand);
  case '!': {
    cursor_.advance();
    Token name = cursor_.token();
    if (!cursor_.atName())
      return cursor_.expected("a predicate");
    MAMBA_RETURN_IF_ERROR(parseName(operand));
    if (operand.kind != Operand::Kind::Register ||
        function_.registers[operand.index].type != Type::Pred)
      return cursor_.fail(name, inQuotes(name.text) + " is not a predicate");
    operand.isNegated = true;
    return {};
  }
  case '(':
    return cursor_.fail("an expression of constants is not supported: write its value");
  }
  return cursor_.expected("an operand");
}

/// 0f3F800000 or 0d3FF0000000000000.
static bool isHexFloat(const Token &token) {
  return token.kind == Token::Kind::Float && token.text.size() > 1 &&
         std::string_view("fFdD").find(token.text[1]) != std::string_view::npos;
}

Status FunctionParser::parseNumber(Operand &operand) {
  bool isNegative = cursor_.accept('-');
  const Token &token = cursor_.token();
  operand.kind = Operand::Kind::Immediate;
  operand.bits = token.bits;
  if (isNegative && isHexFloat(token))
    return cursor_.fail("a sign before a hexadecimal floating point number: write it into the "
                        "number");
  if (token.kind == Token::Kind::Float) {
    operand.isFloat = true;
    operand.isF32Bits = token.isF32Bits;
    if (isNegative)
      operand.bits ^= uint64_t(1) << 63;
  } else if (token.kind != Token::Kind::Integer) {
    return cursor_.expected("a number");
  } else if (isNegative) {
    if (token.bits > uint64_t(1) << 63)
      return cursor_.fail("an integer of more than 64 bits");
    operand.bits = 0 - token.bits;
  }
  cursor_.advance();
  return {};
}

Status FunctionParser::parseName(Operand &operand) {
  Token name = cursor_.take();
  if (name.text == "_") {
    operand.kind = Operand::Kind::Sink;
    return {};
  }
  const Name *meaning = names_.find(name.text);
  if (!meaning) {
    bool hasAxes = false;
    if (name.text.starts_with('%') && isSpecialRegister(name.text.substr(1), hasAxes))
      return parseSpecial(name, hasAxes, operand);
    if (name.text == "WARP_SZ") {
      operand.kind = Operand::Kind::Immediate;
      operand.bits = kWarpSize;
      return {};
    }
    return undeclared(name);
  }
  operand.index = meaning->index;
  switch (meaning->kind) {
  case Name::Kind::Register:
    operand.kind = Operand::Kind::Register;
    if (cursor_.atDotted())
      return cursor_.fail("parts of registers are not supported: take them with mov, shr or bfe");
    return {};
  case Name::Kind::Label:
  case Name::Kind::Table:
    return cursor_.fail(name, "a label is no operand of this instruction");
  case Name::Kind::Function:
    return cursor_.fail(name, "the address of a function is not supported: call it by name");
  case Name::Kind::ModuleVariable:
    operand.isModule = true;
    break;
  case Name::Kind::Param:
    operand.isParam = true;
    break;
  case Name::Kind::Result:
    operand.isResult = true;
    break;
  case Name::Kind::Variable:
    break;
  }
  operand.kind = Operand::Kind::Symbol;
  return parseOffset(operand.offset);
}

Status FunctionParser::parseSpecial(const Token &name, bool hasAxes, Operand &operand) {
  operand.kind = Operand::Kind::Special;
  operand.special.name = name.text.substr(1);
  if (!hasAxes)
    return {};
  for (uint8_t axis = 0; axis < 3; ++axis) {
    if (cursor_.acceptDotted(std::string_view("xyz").substr(axis, 1))) {
      operand.special.axis = axis;
      return {};
    }
  }
  return cursor_.expected("'.x', '.y' or '.z' after " + inQuotes(name.text));
}

Status FunctionParser::parseVector(Operand &operand) {
  operand.kind = Operand::Kind::Vector;
  cursor_.advance();
  do {
    if (operand.elements.size() == kMaxVectorElements)
      return cursor_.fail("a vector of more than " + std::to_string(kMaxVectorElements) +
                          " elements");
    Token at = cursor_.token();
    Operand &element = operand.elements.emplace_back();
    if (cursor_.atName())
      MAMBA_RETURN_IF_ERROR(parseName(element));
    else
      MAMBA_RETURN_IF_ERROR(parseNumber(element));
    if (element.kind != Operand::Kind::Register && element.kind != Operand::Kind::Immediate &&
        element.kind != Operand::Kind::Sink)
      return cursor_.fail(at, "an element of a vector must be a register, a number or '_'");
  } while (cursor_.accept(','));
  return cursor_.expect('}');
}

/// `+16`, `+-4` or nothing.
Status FunctionParser::parseOffset(int64_t &offset) {
  if (!cursor_.accept('+'))
    return {};
  bool isNegative = cursor_.accept('-');
  uint64_t value = 0;
  MAMBA_RETURN_IF_ERROR(
      cursor_.expectInteger("an offset", value, 0, std::numeric_limits<int64_t>::max()));
  offset = isNegative ? -int64_t(value) : int64_t(value);
  return {};
}

Status FunctionParser::parseAddress(Operand &operand) {
  cursor_.advance();
  Token at = cursor_.token();
  if (cursor_.atName()) {
    MAMBA_RETURN_IF_ERROR(parseName(operand));
    if (operand.kind == Operand::Kind::Register)
      MAMBA_RETURN_IF_ERROR(parseOffset(operand.offset));
    else if (operand.kind != Operand::Kind::Symbol)
      return cursor_.fail(at, inQuotes(at.text) + " is not an address");
    operand.base = operand.kind;
  } else {
    MAMBA_RETURN_IF_ERROR(parseNumber(operand));
    if (operand.isFloat)
      return cursor_.fail(at, "an address must be an integer");
    operand.base = Operand::Kind::Immediate;
    operand.offset = int64_t(operand.bits);
    operand.bits = 0;
  }
  operand.kind = Operand::Kind::Address;
  if (cursor_.atMark(','))
    return cursor_.fail("coordinates in an address (of a tensor map or a texture) are not "
                        "supported: compute the address");
  return cursor_.expect(']');
}

} // namespace mamba::ptx
