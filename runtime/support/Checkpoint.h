// A folder's weights by name, be they in one safetensors file or in shards.
#pragma once

#include "runtime/support/Safetensors.h"
#include "runtime/support/Status.h"

#include <map>
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

  /// The files; for their metadata and for messages.
  const std::vector<SafetensorsFile> &files() const { return files_; }

private:
  friend Result<Checkpoint> openCheckpoint(const std::string &dir);
  Status openShards(const std::string &indexPath);

  std::string path_;
  std::vector<SafetensorsFile> files_;
  std::map<std::string, const TensorView *, std::less<>> tensors_;
};

/// Opens `dir`/model.safetensors, or else the shards that
/// `dir`/model.safetensors.index.json lists: plain file names in `dir`, each
/// holding every tensor mapped to it. Neither present is a failure that names
/// the folder and what was looked for.
Result<Checkpoint> openCheckpoint(const std::string &dir);

} // namespace mamba
