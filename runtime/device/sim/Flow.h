// The control flow graph of a kernel's drafts.
#pragma once

#include "runtime/device/sim/Decoder.h"

namespace mamba::sim {

struct FlowGraph {
  std::vector<uint32_t> first;   // draft that each block begins with
  std::vector<uint32_t> blockOf; // by draft
  std::vector<std::vector<uint32_t>> next, previous;

  explicit FlowGraph(const std::vector<Draft> &drafts);
  size_t size() const { return first.size(); }
  /// Behind the last draft of a block.
  size_t end(size_t block) const {
    return block + 1 < first.size() ? first[block + 1] : blockOf.size();
  }
};

} // namespace mamba::sim
