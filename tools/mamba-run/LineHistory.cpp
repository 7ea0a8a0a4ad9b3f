#include "tools/mamba-run/LineHistory.h"
#include "runtime/support/File.h"
#include "runtime/support/Quote.h"
#include "runtime/support/Utf8.h"

#include <algorithm>
#include <cerrno>
#include <chrono>
#include <cstdlib>
#include <cstring>
#include <fcntl.h>
#include <filesystem>
#include <sys/file.h>
#include <sys/stat.h>
#include <thread>
#include <unistd.h>

namespace mamba::run {

namespace fs = std::filesystem;

static constexpr uint64_t kMaxHistoryBytes = uint64_t(1) << 28;

static Status historyFailure(const char *action, const std::string &file,
                             int error) {
  return ioError(std::string("cannot ") + action + " the history " +
                 inQuotes(file) + ": " + std::strerror(error) +
                 "; --no-history does without");
}

std::string userHistoryFile() {
  // What is not absolute is no such folder, says the XDG specification.
  if (const char *folder = std::getenv("XDG_STATE_HOME");
      folder && folder[0] == '/')
    return std::string(folder) + "/mamba/history";
  if (const char *home = std::getenv("HOME"); home && home[0] == '/')
    return std::string(home) + "/.local/state/mamba/history";
  return "";
}

Result<std::vector<std::string>> readHistory(const std::string &file) {
  std::vector<std::string> lines;
  struct stat info;
  if (stat(file.c_str(), &info) != 0) {
    if (errno == ENOENT)
      return lines;
    return historyFailure("read", file, errno);
  }
  if (!S_ISREG(info.st_mode))
    return ioError("the history " + inQuotes(file) +
                   " is no file; --no-history does without");
  MAMBA_ASSIGN_OR_RETURN(std::string text, readFile(file, kMaxHistoryBytes));
  size_t found = 0;
  for (size_t start = 0; start < text.size();) {
    size_t end = std::min(text.find('\n', start), text.size());
    std::string_view line(text.data() + start, end - start);
    start = end + 1;
    ++found;
    if (!line.empty() && isValidUtf8(line))
      lines.emplace_back(line);
  }
  if (lines.size() > kHistoryLines)
    lines.erase(lines.begin(), lines.end() - kHistoryLines);
  if (found >= 2 * kHistoryLines) {
    std::string kept;
    for (const std::string &line : lines)
      kept += line + '\n';
    MAMBA_RETURN_IF_ERROR(writeFileAtomically(file, kept));
  }
  return lines;
}

/// Nobody else appends meanwhile; a file system without locks has this program
/// alone. Who holds it for long is not waited for.
static bool lockFile(int fd) {
  constexpr int kTries = 10;
  for (int i = 0; i < kTries; ++i) {
    if (flock(fd, LOCK_EX | LOCK_NB) == 0 || errno != EWOULDBLOCK)
      return true;
    std::this_thread::sleep_for(std::chrono::milliseconds(5));
  }
  return false;
}

/// Appends it in one piece, or lines of two programs would mix; the error.
static int writeLine(int fd, const std::string &line) {
  bool isAlone = lockFile(fd);
  ssize_t written = write(fd, line.data(), line.size());
  if (written == static_cast<ssize_t>(line.size()))
    return 0;
  int error = written < 0 ? errno : ENOSPC;
  if (off_t end = lseek(fd, 0, SEEK_CUR); isAlone && written > 0 && end >= written)
    (void)!ftruncate(fd, end - written);
  return error;
}

Status appendHistory(const std::string &file, std::string_view line) {
  const std::string whole = std::string(line) + '\n';
  std::error_code ignored; // open() says it too.
  fs::path folder = fs::path(file).parent_path();
  if (!folder.empty())
    fs::create_directories(folder, ignored);
  int fd = open(file.c_str(), O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0600);
  if (fd < 0)
    return historyFailure("write", file, errno);
  int error = writeLine(fd, whole);
  if (close(fd) != 0 && error == 0)
    error = errno;
  return error == 0 ? Status() : historyFailure("write", file, error);
}

} // namespace mamba::run
