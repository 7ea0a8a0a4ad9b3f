// A folder for what a sweep's processes tell each other.
#pragma once

#include "runtime/support/Status.h"

#include <string>
#include <utility>

namespace mamba::tune {

/// Among the temporary files, as "mamba-tune-123-Xy4Zzz" by the process's number; goes
/// away with all that is in it.
class WorkFolder {
public:
  static Result<WorkFolder> create();
  /// Takes away those that this user's dead processes have left: living ones hold a lock
  /// on theirs.
  static void removeStale();

  WorkFolder(WorkFolder &&other) noexcept
      : path_(std::exchange(other.path_, "")), lock_(std::exchange(other.lock_, -1)) {}
  ~WorkFolder();

  const std::string &path() const { return path_; }

private:
  WorkFolder() = default;
  std::string path_;
  int lock_ = -1; // Owned; the folder itself, locked, where its file system has locks.
};

} // namespace mamba::tune
