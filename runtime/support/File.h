// Files as the runtime meets them: mapped to read, replaced whole to write.
#pragma once

#include "runtime/support/Status.h"

#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <string_view>

namespace mamba {

/// A regular file mapped read-only; the pages live as long as this object and
/// stay at the same address when it is moved. The file must not be truncated
/// by others meanwhile: the system answers that with a signal.
class MappedFile {
public:
  /// Maps `path` whole; an empty file is fine. Anything that is not a readable
  /// regular file (missing, a folder, a pipe, no permission) is a failure that
  /// names the path and the system's reason.
  static Result<MappedFile> open(const std::string &path);

  MappedFile() = default;
  MappedFile(MappedFile &&other) noexcept;
  MappedFile &operator=(MappedFile &&other) noexcept;
  MappedFile(const MappedFile &) = delete;
  MappedFile &operator=(const MappedFile &) = delete;
  ~MappedFile();

  /// The first byte, or null when the file is empty.
  const uint8_t *data() const { return data_; }
  /// Bytes.
  uint64_t size() const { return size_; }
  std::string_view view() const {
    return {reinterpret_cast<const char *>(data_), static_cast<size_t>(size_)};
  }

  /// Frees the memory of the whole pages between; they are read again from the
  /// file when somebody needs them. What is no part of the file is left alone.
  void rest(std::span<const uint8_t> part) const;

private:
  void unmap();

  const uint8_t *data_ = nullptr; // Owned mapping, null if size_ is 0.
  uint64_t size_ = 0;
};

/// The largest file that readFile takes unless told otherwise, in bytes.
inline constexpr uint64_t kMaxReadBytes = uint64_t(1) << 32;

/// Reads a file, pipe or terminal to its end; more than `maxBytes` is a
/// failure, so that an endless input ends.
Result<std::string> readFile(const std::string &path,
                             uint64_t maxBytes = kMaxReadBytes);

/// A file that appears under its name complete or not at all: bytes go to a
/// temporary in the same folder, commit() renames it. A target that is not a
/// regular file (/dev/stdout, a pipe, /dev/null) is written directly.
class AtomicFile {
public:
  /// Opens the temporary. A replaced file keeps its permissions; a symbolic
  /// link keeps pointing where it does, and its target is replaced.
  static Result<AtomicFile> create(const std::string &path);

  AtomicFile(AtomicFile &&other) noexcept;
  AtomicFile &operator=(AtomicFile &&other) noexcept;
  AtomicFile(const AtomicFile &) = delete;
  AtomicFile &operator=(const AtomicFile &) = delete;
  /// Without commit() the temporary is removed and the target left as it was.
  ~AtomicFile();

  /// Appends `size` bytes. After a failure every later call, commit() too,
  /// answers that failure again.
  Status write(const void *data, uint64_t size);
  Status write(std::string_view bytes) {
    return write(bytes.data(), bytes.size());
  }

  /// Bytes written so far: where the next write lands in the file.
  uint64_t offset() const { return offset_; }

  /// Leaves the target as it was and removes the temporary, or says that it
  /// could not: what the destructor does unheard.
  Status abandon();

  /// Flushes to the disk and gives the file its name. Call once, last.
  Status commit();

private:
  AtomicFile() = default;
  void discard();
  Status fail(const std::string &action, int error);
  Status flush();
  Status writeThrough(const char *data, uint64_t size);

  std::string path_;      // As the caller named it, for messages.
  std::string target_;    // What the temporary is renamed to.
  std::string temporary_; // Empty when the target is written directly.
  std::string buffer_;    // Small writes, gathered.
  int fd_ = -1;           // Owned.
  uint64_t offset_ = 0;
  Status failure_;
};

/// Whether `path` can be written as things are now: what a long computation
/// asks before it starts. Leaves nothing behind and opens no pipe.
Status checkWritable(const std::string &path);

/// Replaces or creates `path` with these bytes, atomically.
Status writeFileAtomically(const std::string &path, std::string_view bytes);

} // namespace mamba
