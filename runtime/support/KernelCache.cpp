#include "runtime/support/KernelCache.h"

#include "runtime/support/File.h"
#include "runtime/support/Sha256.h"

#include <algorithm>
#include <chrono>
#include <cstdlib>
#include <cstring>
#include <dirent.h>
#include <filesystem>
#include <memory>

using namespace mamba;

namespace fs = std::filesystem;

/// A file: this line, SHA-256 over key and bytes in hex, a line break, bytes.
static constexpr std::string_view kMagic = "mamba kernel 1\n";
static constexpr size_t kHeaderBytes = kMagic.size() + 64 + 1;
static constexpr const char *kExtension = ".kernel";
/// Who has not finished a file after so long was killed.
static constexpr std::chrono::hours kLongest(1);

static std::string digest(const std::string &key, const void *data,
                          uint64_t bytes) {
  Sha256 sha;
  sha.update(key);
  sha.update("\n");
  sha.update(data, bytes);
  return toHex(sha.finish());
}

KernelCache KernelCache::ofUser() {
  auto variable = [](const char *name) -> std::string {
    const char *value = std::getenv(name);
    return value ? value : "";
  };
  std::string folder = variable("MAMBA_CACHE");
  if (folder == "off")
    return KernelCache("");
  if (!folder.empty())
    return KernelCache(folder);
  std::string base = variable("XDG_CACHE_HOME"), home = variable("HOME");
  if (!base.starts_with('/'))
    base.clear(); // As the XDG specification wants it.
  if (base.empty() && !home.empty())
    base = home + "/.cache";
  return KernelCache(base.empty() ? "" : base + "/mamba");
}

std::string KernelCache::fileOf(const std::string &key) const {
  return folder_ + "/" + sha256Hex(key) + kExtension;
}

/// Whether it is there and no file: to open a pipe would be to wait.
static bool isSomethingElse(const std::string &path) {
  std::error_code ignored;
  fs::file_status status = fs::status(path, ignored);
  return fs::exists(status) && !fs::is_regular_file(status);
}

std::optional<std::vector<uint8_t>>
KernelCache::find(const std::string &key) const {
  if (folder_.empty())
    return {};
  std::string path = fileOf(key);
  if (isSomethingElse(path))
    return {};
  Result<std::string> text = readFile(path, maxBytes_);
  if (!text.ok())
    return {};
  std::string_view all = *text;
  if (all.size() >= kHeaderBytes && all.starts_with(kMagic)) {
    std::string_view body = all.substr(kHeaderBytes);
    if (all.substr(kMagic.size(), 64) == digest(key, body.data(), body.size())) {
      // What is used is young.
      std::error_code ignored;
      fs::last_write_time(path, fs::file_time_type::clock::now(), ignored);
      return std::vector<uint8_t>(body.begin(), body.end());
    }
  }
  remove(key);
  return {};
}

void KernelCache::remove(const std::string &key) const {
  std::error_code ignored;
  if (!folder_.empty())
    fs::remove(fileOf(key), ignored);
}

void KernelCache::store(const std::string &key, const void *data,
                        uint64_t bytes) const {
  if (folder_.empty() || bytes > maxBytes_ - kHeaderBytes)
    return;
  std::error_code failed;
  fs::create_directories(folder_, failed);
  std::string path = fileOf(key);
  if (failed || isSomethingElse(path))
    return;
  std::string text(kMagic);
  text += digest(key, data, bytes) + "\n";
  text.append(static_cast<const char *>(data), bytes);
  if (writeFileAtomically(path, text).ok())
    trim();
}

/// The names in a folder; none where it cannot be read. The standard library's
/// iterator ends the program where memory does.
static std::vector<std::string> namesIn(const std::string &folder) {
  std::vector<std::string> names;
  std::unique_ptr<DIR, int (*)(DIR *)> entries(::opendir(folder.c_str()),
                                               ::closedir);
  while (const dirent *entry = entries ? ::readdir(entries.get()) : nullptr)
    names.push_back(entry->d_name);
  return names;
}

void KernelCache::trim() const {
  struct File {
    fs::file_time_type time;
    uint64_t bytes;
    fs::path path;
  };
  std::vector<File> files;
  uint64_t total = 0;
  for (const std::string &name : namesIn(folder_)) {
    // Another process may take a file away in between.
    std::error_code gone;
    // As AtomicFile names them.
    bool isUnfinished = name.starts_with(".mamba-") && name.ends_with(".tmp");
    if (!isUnfinished && !name.ends_with(kExtension))
      continue;
    File file = {{}, 0, folder_ + "/" + name};
    file.time = fs::last_write_time(file.path, gone);
    if (!gone)
      file.bytes = fs::file_size(file.path, gone);
    if (gone)
      continue;
    if (isUnfinished) {
      if (fs::file_time_type::clock::now() - file.time > kLongest)
        fs::remove(file.path, gone);
      continue;
    }
    total += file.bytes;
    files.push_back(std::move(file));
  }
  std::sort(files.begin(), files.end(),
            [](const File &a, const File &b) { return a.time < b.time; });
  for (const File &file : files) {
    if (total <= maxBytes_)
      return;
    std::error_code ignored;
    fs::remove(file.path, ignored);
    total -= file.bytes;
  }
}
