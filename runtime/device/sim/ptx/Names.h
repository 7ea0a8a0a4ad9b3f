// Which name means what, block by block: an inner block's names shadow.
#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <string_view>
#include <vector>

namespace mamba::ptx {

struct Name {
  enum class Kind : uint8_t {
    Register, Variable, Param, Result, ModuleVariable, Function,
    Label, // index: the instruction after it
    Table  // of .branchtargets
  };
  Kind kind;
  uint32_t index;
};

class Names {
public:
  Names() : blocks_(1) {}

  /// False where the innermost block has the name already.
  bool declare(std::string_view name, Name meaning);
  /// What the name means here, or null. Valid until the block closes.
  const Name *find(std::string_view name) const;
  /// The same, of the innermost block alone.
  const Name *findInBlock(std::string_view name) const;

  // The same, of the outermost block.
  bool declareInModule(std::string_view name, Name meaning);
  const Name *findInModule(std::string_view name) const;

  void open() { blocks_.emplace_back(); }
  void close() { blocks_.pop_back(); }

private:
  // Ordered, because an enemy can choose names that collide in a hash table.
  using Block = std::map<std::string, Name, std::less<>>;
  static const Name *findIn(const Block &block, std::string_view name);

  std::vector<Block> blocks_;
};

} // namespace mamba::ptx
