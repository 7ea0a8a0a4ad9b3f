#include "runtime/device/sim/BlockRecords.h"

using namespace mamba::sim;

void BlockPages::begin() {
  if (pages_.empty())
    return;
  for (auto &[page, table] : pages_)
    if (free_.size() < tablesToKeep && !table->isRefined())
      free_.push_back(std::move(table));
  pages_.clear();
  recent_.fill({});
}

AccessTable &BlockPages::make(uint64_t page) {
  std::unique_ptr<AccessTable> &slot = pages_[page];
  if (!slot && !free_.empty()) {
    slot = std::move(free_.back());
    free_.pop_back();
  }
  if (!slot)
    slot = std::make_unique<AccessTable>(bytes);
  return *slot;
}
