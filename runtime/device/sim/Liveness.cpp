// Registers that are not needed at the same time share a row: a kernel's
// registers then stay in the host's caches. Lanes that part write only their
// own part of a row, so what a single thread needs decides.
#include "runtime/device/sim/Flow.h"

#include <algorithm>

using namespace mamba;
using namespace mamba::sim;

namespace {
constexpr uint64_t maxWords = uint64_t(1) << 25;
constexpr uint32_t never = ~uint32_t(0);

uint32_t rowsOf(ptx::Type type) {
  unsigned bytes = ptx::bytesOf(type);
  return bytes <= 4 ? 1 : bytes / 4;
}

/// Handlers that write while they still read other lanes' or other operands.
bool readsLate(const Draft &d) {
  switch (d.kind) {
  case Class::Shuffle:
  case Class::Atomic:
  case Class::Matrix:
  case Class::Load:
  case Class::Special:
  case Class::AsyncCopy:
  case Class::Barrier: return true;
  default: return false;
  }
}

struct Span {
  uint32_t begin = never, end = 0;
  void cover(uint32_t at) {
    begin = std::min(begin, at);
    end = std::max(end, at);
  }
};
} // namespace

/// Where each register's value is needed: times 2 i (reads of draft i) and
/// 2 i + 1 (its writes). Also which are read before anything wrote them.
static bool findSpans(const std::vector<Draft> &drafts, const std::vector<Value> &values,
                      std::vector<Span> &spans, std::vector<ValueId> &unwritten) {
  FlowGraph g(drafts);
  uint64_t words = (values.size() + 63) / 64;
  if (words * g.size() * 4 > maxWords)
    return false;
  using Set = std::vector<uint64_t>;
  std::vector<Set> reads(g.size(), Set(words)), writes = reads, in = reads, out = reads;
  auto has = [](const Set &s, ValueId v) { return s[v / 64] >> (v % 64) & 1; };
  auto add = [](Set &s, ValueId v) { s[v / 64] |= uint64_t(1) << (v % 64); };
  auto isRegister = [&](const Reference &r) {
    return !r.isPred && (values[r.value].kind == Value::Kind::Register ||
                         values[r.value].kind == Value::Kind::Temporary);
  };
  for (size_t b = 0; b < g.size(); ++b)
    for (size_t i = g.first[b]; i < g.end(b); ++i) {
      const Draft &d = drafts[i];
      for (const Reference &r : d.references)
        if (isRegister(r) && (!r.isDefinition || d.isConditional()) && !has(writes[b], r.value))
          add(reads[b], r.value); // a guarded write keeps what was there
      for (const Reference &r : d.references)
        if (isRegister(r) && r.isDefinition && !d.isConditional())
          add(writes[b], r.value);
    }
  for (bool isChanged = true; isChanged;) {
    isChanged = false;
    for (size_t b = g.size(); b-- > 0;)
      for (uint64_t w = 0; w < words; ++w) {
        uint64_t live = 0;
        for (uint32_t to : g.next[b])
          live |= in[to][w];
        out[b][w] = live;
        live = reads[b][w] | (live & ~writes[b][w]);
        isChanged |= live != in[b][w];
        in[b][w] = live;
      }
  }
  for (size_t b = 0; b < g.size(); ++b) {
    for (uint64_t w = 0; w < words; ++w) {
      for (uint64_t rest = in[b][w]; rest; rest &= rest - 1)
        spans[w * 64 + unsigned(__builtin_ctzll(rest))].cover(2 * g.first[b]);
      for (uint64_t rest = out[b][w]; rest; rest &= rest - 1)
        spans[w * 64 + unsigned(__builtin_ctzll(rest))].cover(uint32_t(2 * g.end(b)));
    }
    for (size_t i = g.first[b]; i < g.end(b); ++i)
      for (const Reference &r : drafts[i].references) {
        if (!isRegister(r))
          continue;
        Span &span = spans[r.value];
        bool isLate = readsLate(drafts[i]);
        span.cover(uint32_t(2 * i + (r.isDefinition || isLate)));
        if (r.isDefinition && isLate)
          span.cover(uint32_t(2 * i));
      }
  }
  for (uint64_t w = 0; w < words; ++w)
    for (uint64_t rest = g.size() ? in[0][w] : 0; rest; rest &= rest - 1)
      unwritten.push_back(ValueId(w * 64 + unsigned(__builtin_ctzll(rest))));
  return true;
}

void Decoder::assignRows() {
  rowOf_.assign(values_.size(), 0);
  std::vector<Span> spans(values_.size());
  std::vector<ValueId> order, unwritten;
  bool isKnown = findSpans(drafts_, values_, spans, unwritten);
  for (ValueId v = 0; v < values_.size(); ++v) {
    const Value &value = values_[v];
    bool isFixed = value.kind == Value::Kind::Constant || value.kind == Value::Kind::Special;
    if (value.type == Type::Pred)
      continue;
    if (isKnown && !isFixed) {
      if (spans[v].begin != never)
        order.push_back(v);
      continue;
    }
    rowOf_[v] = rows_ * kRowBytes;
    rows_ += rowsOf(value.type);
    if (!isFixed)
      unwritten.push_back(v);
  }
  uint32_t fixedRows = rows_;
  std::ranges::sort(order, {}, [&](ValueId v) { return std::pair(spans[v].begin, v); });
  // By size: rows that are free, and values that hold one, by their end.
  std::vector<uint32_t> free[5];
  using Held = std::pair<uint32_t, ValueId>;
  std::vector<Held> held; // a heap, the first to end on top
  for (ValueId v : order) {
    while (!held.empty() && held.front().first < spans[v].begin) {
      ValueId gone = held.front().second;
      free[rowsOf(values_[gone].type)].push_back(rowOf_[gone]);
      std::ranges::pop_heap(held, std::greater<>());
      held.pop_back();
    }
    uint32_t size = rowsOf(values_[v].type);
    if (free[size].empty()) {
      rowOf_[v] = rows_ * kRowBytes;
      rows_ += size;
    } else {
      rowOf_[v] = free[size].back();
      free[size].pop_back();
    }
    held.push_back({spans[v].end, v});
    std::ranges::push_heap(held, std::greater<>());
  }
  program_->registerRows = isKnown ? rows_ - fixedRows : rows_;
  for (ValueId v : unwritten)
    for (uint32_t k = 0; k < rowsOf(values_[v].type); ++k)
      program_->zeroRows.push_back(rowOf_[v] + k * kRowBytes);
}
