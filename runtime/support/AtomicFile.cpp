// AtomicFile of File.h.
#include "runtime/support/File.h"

#include "runtime/support/Quote.h"
#include "runtime/support/SystemError.h"
#include "runtime/support/Unfinished.h"

#include <algorithm>
#include <atomic>
#include <cerrno>
#include <cstdlib>
#include <memory>
#include <optional>
#include <utility>

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

namespace mamba {
namespace {

constexpr size_t kBufferBytes = 256 * 1024;

/// The number behind "/dev/stdout", "/dev/fd/3" and the like. Opening such a
/// name anew would start at offset 0 of a redirected file, or fail on a socket;
/// the descriptor itself does neither.
std::optional<int> namedDescriptor(std::string_view path) {
  if (path == "/dev/stdout")
    return STDOUT_FILENO;
  if (path == "/dev/stderr")
    return STDERR_FILENO;
  for (std::string_view folder : {"/dev/fd/", "/proc/self/fd/"}) {
    if (!path.starts_with(folder))
      continue;
    std::string_view digits = path.substr(folder.size());
    if (digits.empty() || digits.size() > 6 ||
        !std::all_of(digits.begin(), digits.end(),
                     [](char c) { return c >= '0' && c <= '9'; }))
      continue;
    return std::atoi(std::string(digits).c_str());
  }
  return std::nullopt;
}

/// With a slash at its end.
std::string folderOf(const std::string &path) {
  size_t slash = path.rfind('/');
  return slash == std::string::npos ? "./" : path.substr(0, slash + 1);
}

/// Where a symbolic link leads; the path itself if it is none or leads nowhere.
Result<std::string> resolveLink(const std::string &path) {
  std::unique_ptr<char, decltype(&std::free)> real(
      ::realpath(path.c_str(), nullptr), &std::free);
  if (real)
    return std::string(real.get());
  if (errno == ENOENT)
    return path;
  return systemError("write", path, errno);
}

} // namespace

Result<AtomicFile> AtomicFile::create(const std::string &path) {
  AtomicFile file;
  file.path_ = path;
  if (auto fd = namedDescriptor(path)) {
    file.fd_ = ::fcntl(*fd, F_DUPFD_CLOEXEC, 0);
    if (file.fd_ < 0)
      return systemError("write", path, errno);
    return file;
  }

  struct stat info;
  bool exists = ::stat(path.c_str(), &info) == 0;
  if (!exists && errno != ENOENT)
    return systemError("write", path, errno);
  if (path.empty() || path.back() == '/' || (exists && S_ISDIR(info.st_mode)))
    return ioError("cannot write " + inQuotes(path) +
                   ": it names a folder, not a file");
  if (exists && !S_ISREG(info.st_mode)) {
    file.fd_ = ::open(path.c_str(), O_WRONLY | O_CLOEXEC);
    if (file.fd_ < 0)
      return systemError("write", path, errno);
    return file;
  }
  // rename() would replace a file that its owner has locked.
  if (exists && ::faccessat(AT_FDCWD, path.c_str(), W_OK, AT_EACCESS) != 0)
    return systemError("write", path, errno);

  MAMBA_ASSIGN_OR_RETURN(file.target_, resolveLink(path));
  // Short and independent of the target's name, which may be as long as names
  // can be.
  static std::atomic<unsigned> counter{0};
  std::string temporary; // Not `file`'s to remove before it is made.
  do {
    temporary = folderOf(file.target_) + ".mamba-" +
                std::to_string(::getpid()) + "-" + std::to_string(counter++) +
                ".tmp";
    file.fd_ = ::open(temporary.c_str(),
                      O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0666);
  } while (file.fd_ < 0 && errno == EEXIST);
  if (file.fd_ < 0)
    return systemError("write", path, errno);
  file.temporary_ = std::move(temporary);
  noteUnfinished(file.temporary_);
  if (exists && ::fchmod(file.fd_, info.st_mode & 07777) != 0)
    return systemError("write", path, errno);
  return file;
}

AtomicFile::AtomicFile(AtomicFile &&other) noexcept
    : path_(std::move(other.path_)), target_(std::move(other.target_)),
      temporary_(std::exchange(other.temporary_, {})),
      buffer_(std::move(other.buffer_)), fd_(std::exchange(other.fd_, -1)),
      offset_(other.offset_), failure_(std::move(other.failure_)) {}

AtomicFile &AtomicFile::operator=(AtomicFile &&other) noexcept {
  if (this != &other) {
    discard();
    path_ = std::move(other.path_);
    target_ = std::move(other.target_);
    temporary_ = std::exchange(other.temporary_, {});
    buffer_ = std::move(other.buffer_);
    fd_ = std::exchange(other.fd_, -1);
    offset_ = other.offset_;
    failure_ = std::move(other.failure_);
  }
  return *this;
}

AtomicFile::~AtomicFile() { discard(); }

void AtomicFile::discard() {
  if (fd_ >= 0)
    ::close(fd_);
  fd_ = -1;
  if (!temporary_.empty()) {
    ::unlink(temporary_.c_str());
    forgetUnfinished(temporary_);
  }
  temporary_.clear();
}

Status AtomicFile::abandon() {
  int failed = 0;
  if (!temporary_.empty()) {
    failed = ::unlink(temporary_.c_str()) == 0 ? 0 : errno;
    forgetUnfinished(temporary_);
  }
  std::string temporary = std::exchange(temporary_, {});
  discard();
  return failed == 0 ? Status() : systemError("remove", temporary, failed);
}

Status AtomicFile::fail(const std::string &action, int error) {
  failure_ = systemError(action, path_, error);
  discard();
  return failure_;
}

Status AtomicFile::write(const void *data, uint64_t size) {
  MAMBA_RETURN_IF_ERROR(failure_);
  if (fd_ < 0)
    return internalError("write to " + inQuotes(path_) + " after its commit");
  const char *bytes = static_cast<const char *>(data);
  offset_ += size;
  if (size >= kBufferBytes) {
    MAMBA_RETURN_IF_ERROR(flush());
    return writeThrough(bytes, size);
  }
  if (size > 0)
    buffer_.append(bytes, size);
  return buffer_.size() >= kBufferBytes ? flush() : Status();
}

Status AtomicFile::flush() {
  MAMBA_RETURN_IF_ERROR(writeThrough(buffer_.data(), buffer_.size()));
  buffer_.clear();
  return {};
}

Status AtomicFile::writeThrough(const char *data, uint64_t size) {
  while (size > 0) {
    // Linux writes at most 2 GiB in a call.
    ssize_t written = ::write(fd_, data, std::min<uint64_t>(size, 1 << 30));
    if (written < 0 && errno == EINTR)
      continue;
    if (written < 0)
      return fail("write", errno);
    data += written;
    size -= uint64_t(written);
  }
  return {};
}

Status AtomicFile::commit() {
  MAMBA_RETURN_IF_ERROR(failure_);
  if (fd_ < 0)
    return internalError("second commit of " + inQuotes(path_));
  MAMBA_RETURN_IF_ERROR(flush());
  if (temporary_.empty()) {
    int closed = ::close(std::exchange(fd_, -1));
    return closed == 0 || errno == EINTR ? Status() : fail("write", errno);
  }
  if (::fsync(fd_) != 0)
    return fail("write", errno);
  std::string folderName = folderOf(target_); // Nothing may fail once renamed.
  if (::close(std::exchange(fd_, -1)) != 0 && errno != EINTR)
    return fail("write", errno);
  if (::rename(temporary_.c_str(), target_.c_str()) != 0)
    return fail("replace", errno);
  forgetUnfinished(temporary_);
  temporary_.clear();

  // Makes the new name itself durable. The file is whole either way, and some
  // file systems refuse this, so the outcome is not looked at.
  int folder =
      ::open(folderName.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  if (folder >= 0) {
    (void)::fsync(folder);
    ::close(folder);
  }
  return {};
}

Status checkWritable(const std::string &path) {
  struct stat info;
  bool pipe = ::stat(path.c_str(), &info) == 0 && !S_ISREG(info.st_mode) &&
              !S_ISDIR(info.st_mode);
  if (!pipe) {
    MAMBA_ASSIGN_OR_RETURN(AtomicFile file, AtomicFile::create(path));
    return file.abandon();
  }
  // To open and close it would be an end of file to its reader.
  if (::faccessat(AT_FDCWD, path.c_str(), W_OK, AT_EACCESS) != 0)
    return systemError("write", path, errno);
  return {};
}

Status writeFileAtomically(const std::string &path, std::string_view bytes) {
  MAMBA_ASSIGN_OR_RETURN(AtomicFile file, AtomicFile::create(path));
  MAMBA_RETURN_IF_ERROR(file.write(bytes));
  return file.commit();
}

} // namespace mamba
