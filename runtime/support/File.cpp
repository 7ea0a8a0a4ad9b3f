#include "runtime/support/File.h"

#include "runtime/support/Quote.h"
#include "runtime/support/SystemError.h"

#include <algorithm>
#include <cerrno>
#include <new>
#include <utility>

#include <fcntl.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

namespace mamba {
namespace {

/// Closes on every way out of a function.
class Descriptor {
public:
  explicit Descriptor(int fd) : fd_(fd) {}
  Descriptor(const Descriptor &) = delete;
  Descriptor &operator=(const Descriptor &) = delete;
  ~Descriptor() {
    if (fd_ >= 0)
      ::close(fd_);
  }
  int get() const { return fd_; }

private:
  int fd_;
};

int openRetrying(const std::string &path, int flags) {
  int fd;
  do {
    fd = ::open(path.c_str(), flags | O_CLOEXEC);
  } while (fd < 0 && errno == EINTR);
  return fd;
}

} // namespace

Result<MappedFile> MappedFile::open(const std::string &path) {
  // Without O_NONBLOCK, opening a pipe would wait for its writer.
  Descriptor fd(openRetrying(path, O_RDONLY | O_NONBLOCK));
  if (fd.get() < 0)
    return systemError("open", path, errno);
  struct stat info;
  if (::fstat(fd.get(), &info) != 0)
    return systemError("open", path, errno);
  if (S_ISDIR(info.st_mode))
    return systemError("open", path, EISDIR);
  if (!S_ISREG(info.st_mode))
    return ioError("cannot map " + inQuotes(path) +
                   ": it is a pipe or a device, not a regular file");

  MappedFile file;
  file.size_ = uint64_t(info.st_size);
  if (file.size_ == 0)
    return file; // mmap refuses a length of 0.
  void *address =
      ::mmap(nullptr, file.size_, PROT_READ, MAP_PRIVATE, fd.get(), 0);
  if (address == MAP_FAILED) {
    file.size_ = 0;
    return systemError("map", path, errno);
  }
  file.data_ = static_cast<const uint8_t *>(address);
  return file;
}

MappedFile::MappedFile(MappedFile &&other) noexcept
    : data_(std::exchange(other.data_, nullptr)),
      size_(std::exchange(other.size_, 0)) {}

MappedFile &MappedFile::operator=(MappedFile &&other) noexcept {
  if (this != &other) {
    unmap();
    data_ = std::exchange(other.data_, nullptr);
    size_ = std::exchange(other.size_, 0);
  }
  return *this;
}

MappedFile::~MappedFile() { unmap(); }

void MappedFile::unmap() {
  if (data_)
    ::munmap(const_cast<uint8_t *>(data_), size_);
}

void MappedFile::rest(std::span<const uint8_t> part) const {
  auto begin = reinterpret_cast<uintptr_t>(data_);
  auto from = reinterpret_cast<uintptr_t>(part.data());
  if (!data_ || from < begin || from - begin > size_ ||
      part.size() > size_ - (from - begin))
    return;
  uint64_t start = from - begin, page = uint64_t(::sysconf(_SC_PAGESIZE));
  uint64_t first = (start + page - 1) / page * page;
  uint64_t last = (start + part.size()) / page * page;
  // Of a private mapping that is never written only mirrors of the file go.
  if (first < last)
    (void)::madvise(const_cast<uint8_t *>(data_) + first, last - first,
                    MADV_DONTNEED);
}

Result<std::string> readFile(const std::string &path, uint64_t maxBytes) {
  Descriptor fd(openRetrying(path, O_RDONLY));
  if (fd.get() < 0)
    return systemError("open", path, errno);
  struct stat info;
  if (::fstat(fd.get(), &info) != 0)
    return systemError("read", path, errno);

  std::string text;
  // The size is a hint: it is 0 for pipes and for files under /proc.
  constexpr uint64_t kLeastRead = 64 * 1024;
  uint64_t capacity = kLeastRead;
  if (S_ISREG(info.st_mode) && uint64_t(info.st_size) <= maxBytes)
    capacity = std::max(capacity, uint64_t(info.st_size) + 1);
  uint64_t used = 0;
  while (true) {
    if (used == text.size())
      text.resize(used == 0 ? capacity : used * 2);
    ssize_t got = ::read(fd.get(), text.data() + used, text.size() - used);
    if (got < 0 && errno == EINTR)
      continue;
    if (got < 0)
      return systemError("read", path, errno);
    if (got == 0)
      break;
    used += uint64_t(got);
    if (used > maxBytes)
      return invalidData("cannot read " + inQuotes(path) +
                         ": it holds more than " + std::to_string(maxBytes) +
                         " bytes");
  }
  text.resize(used);
  return text;
}

} // namespace mamba
