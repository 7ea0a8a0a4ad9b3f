// Calls become copies; variables get their places.
#include "runtime/device/sim/Decoder.h"

#include <algorithm>

using namespace mamba;
using namespace mamba::sim;

namespace {
constexpr unsigned maxDepth = 64; // of calls in calls
constexpr size_t maxInstructions = size_t(1) << 20;
constexpr uint64_t maxBytes = uint64_t(1) << 19; // of shared or of a thread's local memory
constexpr size_t maxValues = size_t(1) << 22;    // registers and variables, copies of calls counted
} // namespace

uint64_t Decoder::allocate(uint64_t &top, uint64_t bytes, uint32_t align) {
  uint64_t mask = std::max(align, 1u) - 1;
  uint64_t address = (top + mask) & ~mask;
  if (bytes > maxBytes || address > maxBytes - bytes) {
    fail("needs more than " + std::to_string(maxBytes) + " bytes of shared or local memory");
    return 0;
  }
  top = address + bytes;
  return address;
}

void Decoder::placeVariables(Frame &frame) {
  for (size_t i = 0; i < frame.function->variables.size(); ++i) {
    const ptx::Variable &v = frame.function->variables[i];
    uint64_t address = 0;
    if (v.space == ptx::Space::Shared) {
      auto [place, isNew] = sharedPlaces_.try_emplace({frame.function, uint32_t(i)}, 0);
      if (isNew && !v.isExtern) {
        place->second = allocate(sharedTop_, v.bytes, v.align);
        sharedNames_.push_back({v.name, place->second, v.bytes});
      } else if (isNew) {
        fail("declares extern shared memory inside of a function: declare it in the module");
      }
      address = place->second;
    } else if (v.space == ptx::Space::Local || v.space == ptx::Space::Param) {
      // What a call passes lies in the thread's memory too.
      address = allocate(localTop_, v.bytes, std::max(v.align, 8u));
      localNames_.push_back({v.name, address, v.bytes});
    } else {
      fail("declares '" + v.name + "' in a space that the simulator does not know inside of "
           "a function");
    }
    frame.variables.push_back(address);
  }
}

int32_t Decoder::openFrame(const ptx::Function &function, int32_t caller) {
  unsigned depth = 0;
  for (int32_t f = caller; f >= 0; f = frames_[f].caller, ++depth)
    if (frames_[f].function == &function) {
      fail("calls '" + function.name + "', which calls itself: the simulator has no recursion");
      return -1;
    }
  if (depth > maxDepth) {
    fail("calls '" + function.name + "', which is more than " + std::to_string(maxDepth) +
         " calls deep");
    return -1;
  }
  if (!function.isDefined) {
    fail("calls '" + function.name + "', which the module does not define");
    return -1;
  }
  if (registers_.size() + function.registers.size() > maxValues ||
      localNames_.size() + function.variables.size() > maxValues) {
    fail("makes the kernel have more than " + std::to_string(maxValues) +
         " registers or variables");
    return -1;
  }
  Frame frame;
  frame.function = &function;
  frame.caller = caller;
  frame.firstRegister = uint32_t(registers_.size());
  for (const ptx::Register &r : function.registers) {
    registers_.push_back(r.type);
    predIndex_.push_back(r.type == Type::Pred ? preds_++ : 0);
    Value v;
    v.type = r.type;
    addValue(v);
  }
  placeVariables(frame);
  frames_.push_back(std::move(frame));
  return int32_t(frames_.size() - 1);
}

/// call (results), function, (arguments): callee's parameters are the caller's variables.
void Decoder::bindCall(uint32_t caller, const ptx::Instruction &call, Frame &callee) {
  const std::vector<Operand> *results = nullptr, *arguments = nullptr;
  bool isBehind = false;
  for (const Operand &o : call.operands) {
    if (o.kind == Operand::Kind::Function)
      isBehind = true;
    else if (o.kind == Operand::Kind::Vector && !isBehind)
      results = &o.elements;
    else if (o.kind == Operand::Kind::Vector && !arguments)
      arguments = &o.elements;
  }
  auto bind = [&](const std::vector<Operand> *given, const std::vector<ptx::Variable> &wanted,
                  std::vector<uint64_t> &places) {
    if ((given ? given->size() : 0) != wanted.size())
      return fail("passes another number of parameters than '" + callee.function->name +
                  "' has");
    for (size_t i = 0; i < wanted.size(); ++i) {
      const Operand &o = (*given)[i];
      if (o.kind != Operand::Kind::Symbol || o.isModule || o.isParam || o.isResult ||
          frames_[caller].function->variables[o.index].space != ptx::Space::Param)
        return fail("passes what is not a .param variable");
      if (frames_[caller].function->variables[o.index].bytes < wanted[i].bytes)
        return fail("passes a smaller parameter than '" + callee.function->name + "' has");
      places.push_back(frames_[caller].variables[o.index]);
    }
  };
  bind(arguments, callee.function->params, callee.params);
  if (!hasFailed())
    bind(results, callee.function->results, callee.results);
}

void Decoder::flatten(uint32_t frame) {
  const ptx::Function &function = *frames_[frame].function;
  for (const ptx::Instruction &inst : function.instructions) {
    in_ = &inst;
    if (flat_.size() >= maxInstructions)
      return fail("is instruction " + std::to_string(maxInstructions) +
                  " of the kernel with its calls: that is too many");
    frames_[frame].starts.push_back(uint32_t(flat_.size()));
    Flat flat{&inst, frame, -1};
    if (inst.opcode != "call") {
      flat_.push_back(flat);
      continue;
    }
    const ptx::Function *callee = nullptr;
    for (const Operand &o : inst.operands)
      if (o.kind == Operand::Kind::Function)
        callee = &module_.functions[o.index];
    if (!callee || callee->isEntry)
      return fail("calls through a pointer or a kernel, which the simulator does not know");
    int32_t made = openFrame(*callee, int32_t(frame));
    if (hasFailed())
      return;
    Frame bound = frames_[made];
    bindCall(frame, inst, bound);
    frames_[made] = bound;
    flat.callee = made;
    flat_.push_back(flat); // skips the body where its guard is off
    flatten(uint32_t(made));
    if (hasFailed())
      return;
  }
  frames_[frame].starts.push_back(uint32_t(flat_.size()));
  in_ = nullptr;
}

void Decoder::placeModuleShared() {
  moduleShared_.assign(module_.variables.size(), 0);
  std::vector<bool> isUsed(module_.variables.size());
  auto visit = [&](auto &self, const Operand &o) -> void {
    bool isSymbol = o.kind == Operand::Kind::Symbol ||
                    (o.kind == Operand::Kind::Address && o.base == Operand::Kind::Symbol);
    if (isSymbol && o.isModule)
      isUsed[o.index] = true;
    for (const Operand &e : o.elements)
      self(self, e);
  };
  for (const Flat &flat : flat_)
    for (const Operand &o : flat.source->operands)
      visit(visit, o);
  uint32_t dynamicAlign = 16;
  for (size_t i = 0; i < isUsed.size(); ++i) {
    const ptx::Variable &v = module_.variables[i];
    if (!isUsed[i] || v.space != ptx::Space::Shared)
      continue;
    if (v.bytes == 0) {
      hasDynamicShared_ = true;
      dynamicAlign = std::max(dynamicAlign, v.align);
    } else {
      moduleShared_[i] = allocate(sharedTop_, v.bytes, v.align);
      sharedNames_.push_back({v.name, moduleShared_[i], v.bytes});
    }
  }
  if (hasDynamicShared_)
    allocate(sharedTop_, 0, dynamicAlign);
  sharedTop_ = hasDynamicShared_ ? (sharedTop_ + dynamicAlign - 1) & ~uint64_t(dynamicAlign - 1)
                                 : sharedTop_;
  for (size_t i = 0; i < isUsed.size(); ++i)
    if (isUsed[i] && module_.variables[i].space == ptx::Space::Shared &&
        module_.variables[i].bytes == 0)
      moduleShared_[i] = sharedTop_;
}
