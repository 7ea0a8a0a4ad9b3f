#include "runtime/tune/WorkFolder.h"

#include <cerrno>
#include <cstdlib>
#include <filesystem>
#include <string_view>

#include <fcntl.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

namespace fs = std::filesystem;

namespace mamba::tune {

static constexpr std::string_view kPrefix = "mamba-tune-";
static constexpr size_t kRandom = 6; // characters of mkdtemp

/// A folder of this user, not a link; -1 if it is none.
static int openFolder(const std::string &path) {
  int folder = ::open(path.c_str(), O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
  struct stat found;
  if (folder >= 0 && (::fstat(folder, &found) != 0 || found.st_uid != ::geteuid())) {
    ::close(folder);
    return -1;
  }
  return folder;
}

static bool isThere(int folder) {
  struct stat found;
  return ::fstat(folder, &found) == 0 && found.st_nlink > 0;
}

Result<WorkFolder> WorkFolder::create() {
  std::error_code error;
  fs::path place = fs::temp_directory_path(error);
  if (error)
    return ioError("cannot make a folder for the candidates: there is no folder for temporary "
                   "files, set TMPDIR to one that can be written");
  // Between making and locking it another process may have taken it for stale.
  constexpr int tries = 16;
  for (int i = 0; i < tries; ++i) {
    std::string name = (place / kPrefix).string() + std::to_string(::getpid()) + "-" +
                       std::string(kRandom, 'X');
    if (!::mkdtemp(name.data()))
      break;
    WorkFolder folder;
    folder.path_ = name;
    folder.lock_ = openFolder(name);
    if (folder.lock_ < 0)
      continue;
    bool isTaken = ::flock(folder.lock_, LOCK_EX | LOCK_NB) != 0 && errno == EWOULDBLOCK;
    if (!isTaken && isThere(folder.lock_))
      return folder;
  }
  return ioError("cannot make a folder for the candidates in '" + place.string() +
                 "', set TMPDIR to one that can be written");
}

/// "mamba-tune-123-Xy4Zzz".
static bool isWorkFolder(std::string_view name) {
  if (!name.starts_with(kPrefix))
    return false;
  name.remove_prefix(kPrefix.size());
  size_t digits = name.find_first_not_of("0123456789");
  return digits != name.npos && digits > 0 && name[digits] == '-' &&
         name.size() == digits + 1 + kRandom;
}

void WorkFolder::removeStale() {
  std::error_code error;
  fs::directory_iterator entry(fs::temp_directory_path(error), error), end;
  for (; !error && entry != end; entry.increment(error)) {
    if (!isWorkFolder(entry->path().filename().string()))
      continue;
    int folder = openFolder(entry->path().string());
    std::error_code ignored;
    if (folder >= 0 && ::flock(folder, LOCK_EX | LOCK_NB) == 0)
      fs::remove_all(entry->path(), ignored);
    if (folder >= 0)
      ::close(folder);
  }
}

WorkFolder::~WorkFolder() {
  std::error_code ignored;
  if (!path_.empty())
    fs::remove_all(path_, ignored);
  if (lock_ >= 0)
    ::close(lock_);
}

} // namespace mamba::tune
