// Whatever the text is: the reader refuses it in one line, or every index in
// the module is one, and what it declares is within bounds.
#include "runtime/device/sim/ptx/Ptx.h"

#include <cstdio>
#include <cstdlib>

using namespace mamba;
using namespace mamba::ptx;

static void require(bool condition, const char *what) {
  if (condition)
    return;
  std::fprintf(stderr, "fuzz_ptx: %s\n", what);
  std::abort();
}

static void checkVariable(const Variable &variable) {
  require(variable.bytes < uint64_t(1) << 32, "a variable of 4 GiB");
  require(variable.init.empty() || variable.init.size() == variable.bytes,
          "an initial value of another size");
  require(variable.align != 0 && (variable.align & (variable.align - 1)) == 0,
          "an alignment that is no power of two");
  require(bytesOf(variable.type) != 0, "a variable without a type");
}

static void checkSymbol(const Module &module, const Function &function, const Operand &operand) {
  size_t count = operand.isModule   ? module.variables.size()
                 : operand.isParam  ? function.params.size()
                 : operand.isResult ? function.results.size()
                                    : function.variables.size();
  require(operand.index < count, "a variable that is none");
}

static void checkOperand(const Module &module, const Function &function, const Operand &operand,
                         bool isElement) {
  switch (operand.kind) {
  case Operand::Kind::Register:
    require(operand.index < function.registers.size(), "a register that is none");
    break;
  case Operand::Kind::Symbol:
    checkSymbol(module, function, operand);
    break;
  case Operand::Kind::Address:
    if (operand.base == Operand::Kind::Register)
      require(operand.index < function.registers.size(), "a register that is none");
    else if (operand.base == Operand::Kind::Symbol)
      checkSymbol(module, function, operand);
    else
      require(operand.base == Operand::Kind::Immediate, "an address without a base");
    break;
  case Operand::Kind::Label:
    require(operand.index <= function.instructions.size(), "a label behind the end");
    break;
  case Operand::Kind::Function:
    require(operand.index < module.functions.size(), "a function that is none");
    break;
  case Operand::Kind::Vector:
    require(!isElement, "a vector in a vector");
    for (const Operand &element : operand.elements)
      checkOperand(module, function, element, /*isElement=*/true);
    break;
  case Operand::Kind::Special:
    require(!operand.special.name.empty() && operand.special.axis < 3, "an odd special register");
    break;
  case Operand::Kind::Immediate:
  case Operand::Kind::Sink:
    break;
  }
}

static void checkFunction(const Module &module, const Function &function) {
  require(function.paramOffsets.size() == function.params.size(), "a parameter without offset");
  for (size_t i = 0; i < function.params.size(); ++i) {
    checkVariable(function.params[i]);
    require(function.paramOffsets[i] % function.params[i].align == 0 &&
                function.paramOffsets[i] + function.params[i].bytes <= function.paramBytes,
            "a parameter at an odd place");
  }
  for (const Variable &variable : function.variables)
    checkVariable(variable);
  for (const Instruction &instruction : function.instructions) {
    require(instruction.text.find('\n') == std::string::npos && instruction.line != 0,
            "an instruction's text of several lines");
    require(instruction.guard < int64_t(function.registers.size()) &&
                (instruction.guard < 0 ||
                 function.registers[instruction.guard].type == Type::Pred),
            "a guard that is no predicate");
    for (const Operand &operand : instruction.operands)
      checkOperand(module, function, operand, /*isElement=*/false);
  }
}

extern "C" int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
  auto module = parse(std::string_view(reinterpret_cast<const char *>(data), size), "input");
  if (!module.ok()) {
    const std::string &message = module.status().message();
    require(message.starts_with("input: ") && message.find('\n') == std::string::npos &&
                message.size() < 2000,
            "an odd message");
    return 0;
  }
  require((*module)->version >= 63 && !(*module)->target.empty(), "a module without a header");
  for (const Variable &variable : (*module)->variables)
    checkVariable(variable);
  for (const Function &function : (*module)->functions)
    checkFunction(**module, function);
  return 0;
}
