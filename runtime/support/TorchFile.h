// Reads files of torch.save (PyTorch 1.6 and later): a zip archive with a
// pickle of names and shapes, and the bytes of each storage as an entry of its
// own.
#pragma once

#include "runtime/support/File.h"
#include "runtime/support/Safetensors.h"
#include "runtime/support/Status.h"

#include <cstdint>
#include <map>
#include <string>
#include <string_view>
#include <vector>

namespace mamba {

/// Tensors have at most so many dimensions.
inline constexpr size_t kMaxTorchRank = 8;

/// An open file of torch.save that holds a state: a dictionary of tensors by
/// name. Its pickle can build tensors and dictionaries; one that asks for
/// anything else is refused by name, and nothing of it is ever run. Tensors are
/// row-major, lie inside their storages and may share them. The checksum of the
/// pickle is compared, those of storages are not: that would read the weights
/// once more than PyTorch and safetensors do, neither of which has such a check.
class TorchFile {
public:
  /// Maps and verifies `path`. Failures name the file, what was expected and
  /// what was found.
  static Result<TorchFile> open(const std::string &path);

  /// The same over memory, which the caller keeps alive and unchanged; `what`
  /// names it in messages.
  static Result<TorchFile> parse(const uint8_t *data, uint64_t size,
                                 const std::string &what);

  TorchFile(TorchFile &&) = default;
  TorchFile &operator=(TorchFile &&) = default;

  /// The path, or `what` of parse().
  const std::string &name() const { return name_; }

  /// In the order of the dictionary. The views live as long as this file and
  /// keep their addresses when it is moved.
  const std::vector<TensorView> &tensors() const { return tensors_; }

  /// Null when there is none of this name.
  const TensorView *find(std::string_view name) const;

  /// As MappedFile::rest(); memory of the caller's is left alone.
  void rest(std::span<const uint8_t> part) const { mapping_.rest(part); }

private:
  TorchFile() = default;
  friend class TorchParser;

  std::string name_;
  MappedFile mapping_; // Empty when opened over the caller's memory.
  std::vector<TensorView> tensors_;
  std::map<std::string, size_t, std::less<>> index_; // Into tensors_.
};

} // namespace mamba
