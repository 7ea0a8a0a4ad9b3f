#include "runtime/device/sim/ptx/Names.h"

namespace mamba::ptx {

const Name *Names::findIn(const Block &block, std::string_view name) {
  auto found = block.find(name);
  return found == block.end() ? nullptr : &found->second;
}

bool Names::declare(std::string_view name, Name meaning) {
  return blocks_.back().emplace(name, meaning).second;
}

const Name *Names::find(std::string_view name) const {
  for (auto block = blocks_.rbegin(); block != blocks_.rend(); ++block)
    if (const Name *meaning = findIn(*block, name))
      return meaning;
  return nullptr;
}

const Name *Names::findInBlock(std::string_view name) const {
  return findIn(blocks_.back(), name);
}

bool Names::declareInModule(std::string_view name, Name meaning) {
  return blocks_.front().emplace(name, meaning).second;
}

const Name *Names::findInModule(std::string_view name) const {
  return findIn(blocks_.front(), name);
}

} // namespace mamba::ptx
