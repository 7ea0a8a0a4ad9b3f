// Registers that are not needed at the same time share a row: a kernel's
// registers then stay in the host's caches. Lanes that part write only their
// own part of a row, so what a single thread needs decides.
#include "runtime/device/sim/Flow.h"

#include <algorithm>
#include <functional>

using namespace mamba;
using namespace mamba::sim;

namespace {
// Of all sets, and steps of the search: above that each register has its row.
constexpr uint64_t maxWords = uint64_t(1) << 25, maxWork = uint64_t(1) << 27;
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

/// Blocks, each behind those that follow it, but for loops.
static std::vector<uint32_t> postOrder(const FlowGraph &g) {
  std::vector<uint32_t> order;
  std::vector<bool> isSeen(g.size());
  std::vector<std::pair<uint32_t, size_t>> stack;
  for (uint32_t root = 0; root < g.size(); ++root) {
    if (isSeen[root])
      continue;
    isSeen[root] = true;
    stack.push_back({root, 0});
    while (!stack.empty()) {
      auto &[block, at] = stack.back();
      if (at == g.next[block].size()) {
        order.push_back(block);
        stack.pop_back();
        continue;
      }
      uint32_t to = g.next[block][at++];
      if (!isSeen[to]) {
        isSeen[to] = true;
        stack.push_back({to, 0});
      }
    }
  }
  return order;
}

namespace {
/// A set of registers for each block.
class Sets {
public:
  Sets(size_t blocks, uint64_t words) : words_(words), bits_(blocks * words) {}
  uint64_t *of(size_t block) { return bits_.data() + block * words_; }
  bool has(size_t block, ValueId v) { return of(block)[v / 64] >> (v % 64) & 1; }
  void add(size_t block, ValueId v) { of(block)[v / 64] |= uint64_t(1) << (v % 64); }

private:
  uint64_t words_;
  std::vector<uint64_t> bits_;
};
} // namespace

/// What is needed behind each block (`out`) and before it (`in`), which begins
/// as what the block reads. False: that would take too long.
static bool findLive(const FlowGraph &g, uint64_t words, Sets &writes, Sets &in, Sets &out) {
  std::vector<uint32_t> order = postOrder(g), place(g.size());
  // Rounds over the blocks that have news, in order: a round, and a place.
  uint64_t blocks = g.size(), work = 0;
  std::vector<uint64_t> waiting(blocks); // a heap, the first on top
  std::vector<bool> isWaiting(blocks, true);
  for (uint64_t k = 0; k < blocks; ++k)
    place[order[k]] = uint32_t(waiting[k] = k);
  while (!waiting.empty()) {
    uint64_t round = waiting.front() / blocks;
    uint32_t b = order[waiting.front() % blocks];
    std::ranges::pop_heap(waiting, std::greater<>());
    waiting.pop_back();
    isWaiting[b] = false;
    work += words * (1 + g.next[b].size());
    if (work > maxWork)
      return false;
    bool isChanged = false;
    for (uint64_t w = 0; w < words; ++w) {
      uint64_t live = 0;
      for (uint32_t to : g.next[b])
        live |= in.of(to)[w];
      out.of(b)[w] = live;
      live = in.of(b)[w] | (live & ~writes.of(b)[w]);
      isChanged |= live != in.of(b)[w];
      in.of(b)[w] = live;
    }
    if (isChanged)
      for (uint32_t from : g.previous[b])
        if (!isWaiting[from]) {
          isWaiting[from] = true;
          waiting.push_back((round + (place[from] <= place[b])) * blocks + place[from]);
          std::ranges::push_heap(waiting, std::greater<>());
        }
  }
  return true;
}

/// Where each register's value is needed: times 2 i (reads of draft i) and
/// 2 i + 1 (its writes). Also which are read before anything wrote them.
static bool findSpans(const std::vector<Draft> &drafts, const std::vector<Value> &values,
                      std::vector<Span> &spans, std::vector<ValueId> &unwritten) {
  FlowGraph g(drafts);
  uint64_t words = (values.size() + 63) / 64;
  if (words * g.size() * 3 > maxWords)
    return false;
  Sets writes(g.size(), words), in = writes, out = writes;
  auto isRegister = [&](const Reference &r) {
    return !r.isPred && (values[r.value].kind == Value::Kind::Register ||
                         values[r.value].kind == Value::Kind::Temporary);
  };
  for (size_t b = 0; b < g.size(); ++b)
    for (size_t i = g.first[b]; i < g.end(b); ++i) {
      const Draft &d = drafts[i];
      for (const Reference &r : d.references)
        if (isRegister(r) && (!r.isDefinition || d.isConditional()) && !writes.has(b, r.value))
          in.add(b, r.value); // a guarded write keeps what was there
      for (const Reference &r : d.references)
        if (isRegister(r) && r.isDefinition && !d.isConditional())
          writes.add(b, r.value);
    }
  if (!findLive(g, words, writes, in, out))
    return false;
  // Of all places where a register is needed the first and the last count.
  std::vector<uint64_t> seen(words);
  auto cover = [&](Sets &sets, size_t b, size_t time) {
    for (uint64_t w = 0; w < words; ++w) {
      uint64_t rest = sets.of(b)[w] & ~seen[w];
      for (seen[w] |= rest; rest; rest &= rest - 1)
        spans[w * 64 + unsigned(__builtin_ctzll(rest))].cover(uint32_t(time));
    }
  };
  for (size_t b = 0; b < g.size(); ++b) {
    cover(in, b, 2 * g.first[b]);
    cover(out, b, 2 * g.end(b));
  }
  seen.assign(words, 0);
  for (size_t b = g.size(); b-- > 0;) {
    cover(out, b, 2 * g.end(b));
    cover(in, b, 2 * g.first[b]);
  }
  for (size_t i = 0; i < drafts.size(); ++i)
    for (const Reference &r : drafts[i].references) {
      if (!isRegister(r))
        continue;
      Span &span = spans[r.value];
      bool isLate = readsLate(drafts[i]);
      span.cover(uint32_t(2 * i + (r.isDefinition || isLate)));
      if (r.isDefinition && isLate)
        span.cover(uint32_t(2 * i));
    }
  for (uint64_t w = 0; w < words; ++w)
    for (uint64_t rest = g.size() ? in.of(0)[w] : 0; rest; rest &= rest - 1)
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
