// Where lanes that part meet again: the immediate post-dominator of the branch.
#include "runtime/device/sim/Flow.h"
#include "runtime/device/sim/Control.h"

#include <utility>
#include <vector>

using namespace mamba;
using namespace mamba::sim;

namespace {
constexpr uint32_t none = ~uint32_t(0);
} // namespace

FlowGraph::FlowGraph(const std::vector<Draft> &drafts) {
  std::vector<bool> begins(drafts.size() + 1);
  begins[0] = true;
  for (size_t i = 0; i < drafts.size(); ++i) {
    const Draft &d = drafts[i];
    if (d.target >= 0)
      begins[size_t(d.target)] = true;
    for (uint32_t t : d.table)
      begins[t] = true;
    if (d.isBranch || (d.isExit && !d.isConditional()))
      begins[i + 1] = true;
  }
  for (size_t i = 0; i < drafts.size(); ++i) {
    if (begins[i])
      first.push_back(uint32_t(i));
    blockOf.push_back(uint32_t(first.size() - 1));
  }
  next.resize(size());
  previous.resize(size());
  std::vector<uint32_t> lastBefore(size(), none); // of each block, to have every way once
  for (size_t b = 0; b < size(); ++b) {
    size_t last = end(b) - 1;
    const Draft &d = drafts[last];
    auto add = [&](size_t to) {
      uint32_t block = blockOf[to];
      if (lastBefore[block] != b) {
        lastBefore[block] = uint32_t(b);
        next[b].push_back(block);
        previous[block].push_back(uint32_t(b));
      }
    };
    if (d.target >= 0)
      add(size_t(d.target));
    for (uint32_t t : d.table)
      add(t);
    bool falls = d.isConditional() || (!d.isBranch && !d.isExit);
    if (falls && last + 1 < drafts.size())
      add(last + 1);
  }
}

namespace {
/// Post-dominators of the blocks from which an end can be reached, end by end.
class PostDominators {
public:
  explicit PostDominators(const FlowGraph &g)
      : g_(g), dominator_(g.size(), none), number_(g.size(), none), isDone_(g.size()) {}
  bool isDone(uint32_t block) const { return isDone_[block]; }
  /// None: the block's lanes do not meet again.
  uint32_t of(uint32_t block) const { return dominator_[block]; }

  /// Those of the blocks from which `root` can be reached and that have none yet.
  /// Ends elsewhere do not count: lanes that end do not come back.
  void add(uint32_t root) {
    number(root);
    dominator_[root] = root;
    for (bool isChanged = true; isChanged;) {
      isChanged = false;
      for (size_t k = order_.size() - 1; k-- > 0;) {
        uint32_t meet = meetOf(order_[k]);
        isChanged |= meet != dominator_[order_[k]];
        dominator_[order_[k]] = meet;
      }
    }
    dominator_[root] = none;
    for (uint32_t block : order_)
      number_[block] = none;
  }

private:
  /// Numbers the blocks that `root` is about, it last, and counts them as done.
  void number(uint32_t root) {
    order_.clear();
    stack_.push_back({root, 0});
    isDone_[root] = true;
    while (!stack_.empty()) {
      auto &[block, at] = stack_.back();
      if (at == g_.previous[block].size()) {
        number_[block] = uint32_t(order_.size());
        order_.push_back(block);
        stack_.pop_back();
        continue;
      }
      uint32_t to = g_.previous[block][at++];
      if (!isDone_[to]) {
        isDone_[to] = true;
        stack_.push_back({to, 0});
      }
    }
  }
  uint32_t meetOf(uint32_t block) const {
    uint32_t meet = none;
    for (uint32_t to : g_.next[block]) {
      if (number_[to] == none || dominator_[to] == none)
        continue;
      uint32_t other = meet;
      meet = to;
      while (other != none && meet != other) {
        while (number_[meet] < number_[other])
          meet = dominator_[meet];
        while (number_[other] < number_[meet])
          other = dominator_[other];
      }
    }
    return meet;
  }

  const FlowGraph &g_;
  std::vector<uint32_t> dominator_, number_, order_; // number: place in the order
  std::vector<bool> isDone_;
  std::vector<std::pair<uint32_t, size_t>> stack_;
};

/// Which drafts end their lanes, or only lead to such a one by branches.
std::vector<bool> findEnds(const std::vector<Draft> &drafts) {
  enum : uint8_t { Unknown, No, Yes };
  std::vector<uint8_t> isEnd(drafts.size());
  std::vector<size_t> way;
  for (size_t i = 0; i < drafts.size(); ++i) {
    size_t at = i;
    for (; isEnd[at] == Unknown; at = size_t(drafts[at].target)) {
      const Draft &d = drafts[at];
      isEnd[at] = d.isExit && !d.isConditional() ? Yes : No; // No also if it comes back here
      if (!d.isBranch || d.isConditional() || d.target < 0)
        break;
      way.push_back(at);
    }
    for (size_t from : way)
      isEnd[from] = isEnd[at];
    way.clear();
  }
  std::vector<bool> ends(drafts.size());
  for (size_t i = 0; i < drafts.size(); ++i)
    ends[i] = isEnd[i] == Yes;
  return ends;
}
} // namespace

void Decoder::resolveTargets() {
  for (Draft &d : drafts_) {
    if (d.target >= 0)
      d.target = draftOf_[size_t(d.target)];
    for (uint32_t &t : d.table)
      t = draftOf_[t];
  }
  // A branch to an end is an end: its lanes wait for nobody.
  std::vector<bool> ends = findEnds(drafts_);
  for (Draft &d : drafts_)
    if (d.target >= 0 && ends[size_t(d.target)]) {
      d.inst.run = control::exitLanes;
      d.isExit = true;
      d.isBranch = false;
      d.target = -1;
    }
}

void Decoder::findJoins() {
  FlowGraph g(drafts_);
  PostDominators dominators(g);
  for (size_t b = g.size(); b-- > 0;) {
    size_t last = g.end(b) - 1;
    if (!dominators.isDone(uint32_t(b)) && drafts_[last].isExit && !drafts_[last].isConditional())
      dominators.add(uint32_t(b));
  }
  for (size_t i = 0; i < drafts_.size(); ++i) {
    Draft &d = drafts_[i];
    uint32_t join = dominators.of(g.blockOf[i]);
    if (d.isBranch && (d.isConditional() || d.table.size() > 1) && join != none)
      d.join = g.first[join];
  }
}
