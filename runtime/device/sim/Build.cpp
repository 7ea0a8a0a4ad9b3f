// Drafts become code.
#include "runtime/device/sim/Control.h"
#include "runtime/device/sim/Decoder.h"

#include <algorithm>

using namespace mamba;
using namespace mamba::sim;

void Decoder::build() {
  Program &p = *program_;
  // A join is an instruction of its own, before what lanes meet at.
  std::vector<bool> isJoin(drafts_.size());
  for (const Draft &d : drafts_)
    if (d.join >= 0)
      isJoin[size_t(d.join)] = true;
  std::vector<uint32_t> at(drafts_.size());
  uint32_t size = 0;
  for (size_t i = 0; i < drafts_.size(); ++i) {
    at[i] = size;
    size += 1 + isJoin[i];
  }
  p.code.resize(size);
  p.notes.resize(size);
  std::map<const ptx::Instruction *, uint32_t> texts;
  for (size_t i = 0; i < drafts_.size(); ++i) {
    Draft &d = drafts_[i];
    uint32_t pc = at[i];
    uint32_t text = 0;
    if (d.source) {
      auto [place, isNew] = texts.try_emplace(d.source, uint32_t(p.texts.size()));
      if (isNew)
        p.texts.push_back({d.source->line, d.source->text});
      text = place->second;
    } else if (p.texts.empty()) {
      p.texts.push_back({kernel_.line, kernel_.name});
    }
    if (isJoin[i]) {
      p.code[pc].run = control::join;
      p.notes[pc].text = text;
      ++pc;
    }
    Inst &inst = p.code[pc];
    InstNote &note = p.notes[pc];
    inst = d.inst;
    note.kind = d.kind;
    note.isOrdering = d.isOrdering;
    note.isStore = d.isStore;
    note.latency = d.latency;
    note.matrixFlops = d.matrixFlops;
    note.text = text;
    if (d.target >= 0)
      inst.target = &p.code[at[size_t(d.target)]];
    if (d.join >= 0)
      inst.join = &p.code[at[size_t(d.join)]];
    for (uint32_t t : d.table)
      d.more.push_back(at[t]);
    uint32_t needed = uint32_t(d.more.size());
    for (const Reference &r : d.references)
      if (!r.isPred && r.slot >= kMore)
        needed = std::max(needed, r.slot - kMore + 1);
    uint32_t *more = nullptr;
    if (needed) {
      p.operands.push_back(std::make_unique<uint32_t[]>(needed));
      more = p.operands.back().get();
      std::copy(d.more.begin(), d.more.end(), more);
      inst.more = more;
    }
    note.firstDependence = uint32_t(p.dependences.size());
    for (bool isDefinition : {false, true})
      for (const Reference &r : d.references) {
        if (r.isDefinition != isDefinition)
          continue;
        uint32_t row = r.isPred ? 0 : rowOf_[r.value] + r.offset;
        if (!r.isPred)
          switch (r.slot) {
          case kD: inst.d = row; break;
          case kA: inst.a = row; break;
          case kB: inst.b = row; break;
          case kC: inst.c = row; break;
          default: more[r.slot - kMore] = row; break;
          }
        bool isFixed = r.isPred ? r.value < kFirstPred
                                : values_[r.value].kind == Value::Kind::Constant ||
                                      values_[r.value].kind == Value::Kind::Special;
        if (isFixed)
          continue;
        p.dependences.push_back(r.isPred ? rows_ + r.value : row / kRowBytes);
        ++(isDefinition ? note.results : note.sources);
      }
  }
  for (size_t v = 0; v < values_.size(); ++v) {
    const Value &value = values_[v];
    if (value.kind == Value::Kind::Constant)
      p.constants.push_back({rowOf_[v], value.bits, ptx::bytesOf(value.type) == 8});
    else if (value.kind == Value::Kind::Special)
      p.specials.push_back({value.special, rowOf_[v]});
  }
  p.rows = rows_;
  p.preds = preds_;
  p.localBytes = uint32_t((localTop_ + 15) & ~uint64_t(15));
  p.staticShared = uint32_t(sharedTop_);
  p.hasDynamicShared = hasDynamicShared_;
  p.canOrderBlocks = canOrderBlocks_;
  p.hasNonCoherent = hasNonCoherent_;
  p.shared = std::move(sharedNames_);
  p.local = std::move(localNames_);
}
