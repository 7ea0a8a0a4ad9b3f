// A folder's weights by name, be they in one file or in shards, of safetensors
// or of PyTorch.
#pragma once

#include "runtime/support/Safetensors.h"
#include "runtime/support/Status.h"
#include "runtime/support/TorchFile.h"

#include <map>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace mamba {

/// Owns the mapped files of a checkpoint.
class Checkpoint {
public:
  /// The folder it was opened from.
  const std::string &path() const { return path_; }

  /// Null when there is none of this name. Views live as long as the
  /// checkpoint and keep their addresses when it is moved.
  const TensorView *find(std::string_view name) const;

  /// Like find(), but absence is a failure that names the folder.
  Result<const TensorView *> get(std::string_view name) const;

  /// All tensors by name. Of shards these are the ones that the index lists.
  const std::map<std::string, const TensorView *, std::less<>> &
  tensors() const {
    return tensors_;
  }

  /// As MappedFile::rest().
  void rest(std::span<const uint8_t> part) const;

private:
  friend Result<Checkpoint> openCheckpoint(const std::string &dir);
  template <typename File>
  Status openFile(const std::string &path, std::vector<File> &files);
  template <typename File>
  Status openShards(const std::string &indexPath, std::vector<File> &files);

  std::string path_;
  std::vector<SafetensorsFile> safetensors_; // Either of them is empty.
  std::vector<TorchFile> torch_;
  std::map<std::string, const TensorView *, std::less<>> tensors_;
};

/// Names of tensors by the shard that holds them, a plain file name.
using ShardIndex = std::map<std::string, std::vector<std::string>>;

/// Reads the text of an index of shards; `what` names it in messages.
Result<ShardIndex> parseShardIndex(std::string_view text,
                                   const std::string &what);

/// Opens the first of these that `dir` has: model.safetensors, the shards that
/// model.safetensors.index.json lists, pytorch_model.bin, the shards that
/// pytorch_model.bin.index.json lists. Shards are plain file names in `dir`,
/// each holding every tensor mapped to it. None present is a failure that names
/// the folder and what was looked for.
Result<Checkpoint> openCheckpoint(const std::string &dir);

} // namespace mamba
