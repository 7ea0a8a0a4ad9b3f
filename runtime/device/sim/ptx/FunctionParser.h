// A function's body: its declarations, blocks, labels and instructions.
#pragma once

#include "runtime/device/sim/ptx/Cursor.h"
#include "runtime/device/sim/ptx/Declarations.h"
#include "runtime/device/sim/ptx/Limits.h"
#include "runtime/device/sim/ptx/Names.h"
#include "runtime/device/sim/ptx/Ptx.h"

namespace mamba::ptx {

/// The register's name without its %, axes apart: false if there is none.
bool isSpecialRegister(std::string_view name, bool &hasAxes);

class FunctionParser {
public:
  /// All are borrowed; the module's functions and variables are what calls may
  /// name so far, this one included.
  FunctionParser(Cursor &cursor, Names &names, const Module &module, Usage &usage,
                 Function &function)
      : cursor_(cursor), names_(names), module_(module), usage_(usage), function_(function) {}

  /// `{ ... }`
  Status parse();

private:
  /// A label that an operand names, to be resolved when its block closes.
  struct LabelUse {
    uint32_t instruction, operand;
    int32_t element; // of a Vector; -1: the operand itself
    Token name;
  };

  Status parseStatement();
  Status parseDirective();
  Status parseRegisters();
  Status declareRegister(const Token &at, std::string name, Type type);
  Status parseVariables(Space space);
  Status declare(const Token &name, Name meaning);
  Status parseLabel(const Token &name);
  Status parseTable(const Token &name);
  Status openBlock();
  Status closeBlock();
  Status resolve(const LabelUse &use, const Name &meaning);

  // Instruction.cpp
  Status parseGuard(Instruction &instruction);
  Status parseInstruction(Instruction instruction, const Token &opcode, size_t begin);
  Status parseOperands(Instruction &instruction);
  Status parseCall(Instruction &instruction);
  Status parseCallList(Operand &list);
  Status parseBranch(Instruction &instruction);
  Status parseIndexedBranch(Instruction &instruction);
  void useLabel(const Token &name, size_t operand, int32_t element);

  // Operand.cpp
  Status parseOperand(Operand &operand);
  Status parseNumber(Operand &operand);
  Status parseName(Operand &operand);
  Status parseSpecial(const Token &name, bool hasAxes, Operand &operand);
  Status parseVector(Operand &operand);
  Status parseAddress(Operand &operand);
  Status parseOffset(int64_t &offset);
  Status undeclared(const Token &name) const;

  Cursor &cursor_;
  Names &names_;
  const Module &module_;
  Usage &usage_;
  Function &function_;
  std::vector<LabelUse> uses_;            // Not resolved yet; an inner block's behind.
  std::vector<size_t> firstUse_;          // Of each open block, in uses_.
  std::vector<std::vector<Token>> tables_; // Labels of .branchtargets.
};

} // namespace mamba::ptx
