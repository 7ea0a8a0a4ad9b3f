#include "runtime/device/sim/PtxMix.h"

#include "runtime/device/sim/Loaded.h"

#include <algorithm>
#include <initializer_list>
#include <string_view>

namespace mamba::sim {

namespace {

using M = MixClass;

bool hasAny(const ptx::Instruction &instruction, std::initializer_list<std::string_view> words) {
  return std::any_of(instruction.modifiers.begin(), instruction.modifiers.end(),
                     [&](const std::string &modifier) {
                       return std::find(words.begin(), words.end(), modifier) != words.end();
                     });
}
bool isAny(std::string_view opcode, std::initializer_list<std::string_view> words) {
  return std::find(words.begin(), words.end(), opcode) != words.end();
}
bool hasDouble(const ptx::Instruction &i) { return hasAny(i, {"f64"}); }
bool hasFloat(const ptx::Instruction &i) {
  return hasAny(i, {"f32", "f16", "f16x2", "bf16", "bf16x2", "f32x2"});
}

/// Loads and stores by where they go; parameters and constants are operands of
/// machine code.
MixClass classOfAccess(const ptx::Instruction &i, bool isLoad) {
  if (hasAny(i, {"shared", "shared::cta"}))
    return isLoad ? M::LoadShared : M::StoreShared;
  if (hasAny(i, {"local"}))
    return isLoad ? M::LoadLocal : M::StoreLocal;
  if (hasAny(i, {"param", "param::entry", "param::func", "const"}))
    return M::Integer;
  return isLoad ? M::LoadGlobal : M::StoreGlobal;
}

MixClass classOfConversion(const ptx::Instruction &i) {
  if (hasFloat(i) || hasDouble(i) || hasAny(i, {"tf32"}))
    return M::Conversion;
  return M::Integer;
}

} // namespace

MixClass classOf(const ptx::Instruction &i) {
  std::string_view op = i.opcode;
  if (isAny(op, {"ld", "ldu", "ldmatrix"}))
    return classOfAccess(i, true);
  if (isAny(op, {"st", "stmatrix"}))
    return classOfAccess(i, false);
  if (op == "cvt")
    return classOfConversion(i);
  if (op == "cp")
    return M::AsyncCopy;
  if (isAny(op, {"atom", "red"}))
    return M::Atomic;
  if (op == "mma")
    return M::Matrix;
  if (isAny(op, {"shfl", "vote", "match", "redux", "elect", "activemask", "movmatrix"}))
    return M::Shuffle;
  if (isAny(op, {"bar", "barrier", "membar", "fence"}))
    return M::Barrier;
  if (isAny(op, {"bra", "brx", "call", "ret", "exit", "trap", "nanosleep"}))
    return M::Control;
  if (isAny(op, {"ex2", "lg2", "sin", "cos", "tanh", "rcp", "rsqrt", "sqrt"}))
    return hasDouble(i) ? M::Double : M::Special;
  if (op == "div" && hasFloat(i))
    return M::Special;
  if (isAny(op, {"mov", "selp"}) || isAny(op, {"and", "or", "xor", "not"}))
    return M::Integer;
  return hasDouble(i) ? M::Double : hasFloat(i) ? M::Fma : M::Integer;
}

InstructionMix mixOfPtx(const Module &module, uint32_t kernel) {
  InstructionMix mix;
  for (const ptx::Instruction &instruction : module.impl().functions[kernel]->instructions)
    ++mix[classOf(instruction)];
  return mix;
}

} // namespace mamba::sim
