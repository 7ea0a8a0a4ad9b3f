// A PTX module as it was parsed: names resolved, nothing executed. The language
// is NVIDIA's PTX ISA 6.3 to 9.0, as far as compilers write it.
#pragma once

#include "runtime/support/Status.h"

#include <array>
#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace mamba::ptx {

enum class Type : uint8_t {
  None, Pred, B8, B16, B32, B64, B128, U8, U16, U32, U64, S8, S16, S32, S64,
  F16, F16x2, BF16, BF16x2, TF32, F32, F64
};
/// Bytes in a register or in memory; 1 for Pred, 0 for None.
unsigned bytesOf(Type type);
/// The type that a modifier such as "f32" names; None if it names none.
Type typeOf(std::string_view modifier);

/// Where a variable lies. Generic: an address whose space is not said.
enum class Space : uint8_t { Generic, Reg, Param, Const, Global, Local, Shared };

struct Variable {
  std::string name;
  Space space = Space::Reg;
  Type type = Type::None;
  uint32_t align = 1;
  uint64_t bytes = 0; // of the whole array; 0 for `extern .shared x[]`
  bool isExtern = false;
  std::vector<uint8_t> init; // `bytes` of them, or none: zero
  uint32_t line = 0;
};

/// Special registers: "tid" 'x' and so on; `name` without % and component.
struct SpecialRegister {
  std::string name;  // "tid", "ntid", "ctaid", "nctaid", "laneid", "warpid", "clock64"...
  uint8_t axis = 0;  // 0 x, 1 y, 2 z; 0 where there are no axes
};

struct Operand {
  enum class Kind : uint8_t {
    Register,  // index: in the function's registers
    Immediate, // bits: an integer, or a floating point number of isFloat, as f64 bits or as the
               // f32 bits of a 0f literal (isF32Bits)
    Symbol,    // index: in Function::variables, params (isParam), results (isResult) or
               // Module::variables (isModule); address + offset
    Address,   // [base + offset]: base is a Register or a Symbol, or Immediate: `offset` is all
    Label,     // index: instruction number that the label stands before; may be their count
    Function,  // what a call calls; index: in Module::functions
    Vector,    // elements {a, b, ...}; each a Register, an Immediate or a Sink. Also the Labels
               // of brx.idx, and the (results) and (arguments) of a call, which may be empty
    Special,   // special
    Sink       // _
  };
  Kind kind = Kind::Immediate;
  Kind base = Kind::Register; // of an Address
  uint32_t index = 0;
  bool isModule = false, isParam = false, isResult = false; // of a Symbol
  bool isNegated = false; // !p
  bool isFloat = false, isF32Bits = false;
  uint64_t bits = 0;
  int64_t offset = 0;
  SpecialRegister special;
  std::vector<Operand> elements;
};

struct Instruction {
  std::string opcode;                 // "ld", "mma"
  std::vector<std::string> modifiers; // "global", "nc", "v4", "f32": without dots, in order
  std::vector<Operand> operands;      // destination first, as written; p|q are two operands
  int32_t guard = -1;                 // register of @p, or -1
  bool isGuardNegated = false;
  uint32_t line = 0;                  // in the text, from 1
  /// As it stands in the text, for messages.
  std::string text;
};

struct Register {
  std::string name; // "%r12"
  Type type;
};

struct Function {
  std::string name;
  bool isEntry = false;
  bool isDefined = false; // has a body
  std::vector<Variable> params; // of an entry: with their offsets in paramOffsets
  std::vector<uint32_t> paramOffsets;
  uint32_t paramBytes = 0;
  std::vector<Variable> results; // of a .func
  std::vector<Register> registers;
  std::vector<Variable> variables; // .local, .shared and .param declared inside
  std::vector<Instruction> instructions;
  std::optional<std::array<uint32_t, 3>> reqntid, maxntid, reqnctapercluster;
  uint32_t minnctapersm = 0, maxnreg = 0; // 0: not said
  uint32_t line = 0;
};

struct Module {
  uint32_t version = 0; // 80 for 8.0
  std::string target;   // "sm_80"
  std::vector<Variable> variables; // .global, .const, .shared
  std::vector<Function> functions;
};

/// Parses PTX text; `what` names it in messages. A failure is one line with the
/// line's number and the offending text. Assumes an enemy: sizes are bounded,
/// nesting is limited, every name must be declared.
Result<std::unique_ptr<Module>> parse(std::string_view text, const std::string &what);

} // namespace mamba::ptx
