#include "runtime/tune/WorkFolder.h"

#include <cstdlib>
#include <filesystem>

namespace fs = std::filesystem;

namespace mamba::tune {

Result<WorkFolder> WorkFolder::create() {
  std::error_code error;
  fs::path place = fs::temp_directory_path(error);
  std::string name = (place / "mamba-tune-").string() + std::string(6, 'X');
  WorkFolder folder;
  if (error)
    return ioError("cannot make a folder for the candidates: there is no folder for temporary "
                   "files, set TMPDIR to one that can be written");
  if (!::mkdtemp(name.data()))
    return ioError("cannot make a folder for the candidates in '" + place.string() +
                   "', set TMPDIR to one that can be written");
  folder.path_ = name;
  return folder;
}

WorkFolder::~WorkFolder() {
  std::error_code ignored;
  if (!path_.empty())
    fs::remove_all(path_, ignored);
}

} // namespace mamba::tune
