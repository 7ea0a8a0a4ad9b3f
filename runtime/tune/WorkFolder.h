// A folder for what a sweep's processes tell each other.
#pragma once

#include "runtime/support/Status.h"

#include <string>

namespace mamba::tune {

/// Among the temporary files; goes away with all that is in it.
class WorkFolder {
public:
  static Result<WorkFolder> create();
  WorkFolder(WorkFolder &&other) noexcept { path_.swap(other.path_); }
  ~WorkFolder();

  const std::string &path() const { return path_; }

private:
  WorkFolder() = default;
  std::string path_;
};

} // namespace mamba::tune
