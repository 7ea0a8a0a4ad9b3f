// Where lanes that part meet again: the immediate post-dominator of the branch.
#include "runtime/device/sim/Flow.h"
#include "runtime/device/sim/Control.h"

#include <algorithm>

using namespace mamba;
using namespace mamba::sim;

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
  std::vector<uint32_t> last(size(), none); // that had the block as its next
  for (size_t b = 0; b < size(); ++b) {
    size_t last = end(b) - 1;
    const Draft &d = drafts[last];
    auto add = [&](size_t to) {
      uint32_t block = blockOf[to];
      if (std::ranges::find(next[b], block) == next[b].end()) {
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
constexpr uint32_t none = ~uint32_t(0);

/// Post-dominators of the blocks from which `root` can be reached and that have
/// none yet. Ends elsewhere do not count: lanes that end do not come back.
void postDominate(const FlowGraph &g, uint32_t root, std::vector<uint32_t> &dominator,
                  std::vector<bool> &isDone) {
  std::vector<uint32_t> order, number(g.size(), none);
  std::vector<std::pair<uint32_t, size_t>> stack{{root, 0}};
  std::vector<bool> isSeen(g.size());
  isSeen[root] = true;
  while (!stack.empty()) {
    auto &[block, at] = stack.back();
    if (at == g.previous[block].size()) {
      number[block] = uint32_t(order.size());
      order.push_back(block);
      stack.pop_back();
      continue;
    }
    uint32_t to = g.previous[block][at++];
    if (!isSeen[to] && !isDone[to]) {
      isSeen[to] = true;
      stack.push_back({to, 0});
    }
  }
  dominator[root] = root;
  for (bool isChanged = true; isChanged;) {
    isChanged = false;
    for (size_t k = order.size() - 1; k-- > 0;) {
      uint32_t block = order[k], meet = none;
      for (uint32_t to : g.next[block]) {
        if (number[to] == none || dominator[to] == none)
          continue;
        uint32_t a = to, b = meet;
        while (b != none && a != b) {
          while (number[a] < number[b])
            a = dominator[a];
          while (number[b] < number[a])
            b = dominator[b];
        }
        meet = a;
      }
      if (meet != dominator[block]) {
        dominator[block] = meet;
        isChanged = true;
      }
    }
  }
  dominator[root] = none;
  for (uint32_t block : order)
    isDone[block] = true;
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
  for (Draft &d : drafts_)
    if (d.target >= 0 && drafts_[size_t(d.target)].isExit &&
        !drafts_[size_t(d.target)].isConditional()) {
      d.inst.run = control::exitLanes;
      d.isExit = true;
      d.isBranch = false;
      d.target = -1;
    }
}

void Decoder::findJoins() {
  FlowGraph g(drafts_);
  size_t blocks = g.size();
  std::vector<uint32_t> dominator(blocks, none);
  std::vector<bool> isDone(blocks);
  for (size_t b = blocks; b-- > 0;) {
    size_t last = g.end(b) - 1;
    if (!isDone[b] && drafts_[last].isExit && !drafts_[last].isConditional())
      postDominate(g, uint32_t(b), dominator, isDone);
  }
  for (size_t i = 0; i < drafts_.size(); ++i) {
    Draft &d = drafts_[i];
    uint32_t join = dominator[g.blockOf[i]];
    if (d.isBranch && (d.isConditional() || d.table.size() > 1) && join != none)
      d.join = g.first[join];
  }
}
