#include "compiler/pack/BuildCache.h"

#include "compiler/pack/Jobs.h"
#include "runtime/support/File.h"
#include "runtime/support/Sha256.h"

#include "llvm/Config/llvm-config.h"

namespace mamba {

BuildCache::BuildCache(std::optional<KernelCache> cache, Jobs &jobs)
    : cache_(std::move(cache)), jobs_(jobs) {
  if (!cache_)
    return;
  // The version alone would not tell one working copy's compiler from another's.
  Result<MappedFile> program = MappedFile::open("/proc/self/exe");
  if (program.ok())
    compiler_ = sha256Hex(program->view()) + " LLVM " LLVM_VERSION_STRING;
  else
    cache_.reset();
}

std::string BuildCache::keyOf(const std::string &kind, const std::string &key) const {
  return "mamba-pack " + compiler_ + " " + kind + "\n" + key;
}

Result<std::vector<uint8_t>>
BuildCache::get(const std::string &kind, const std::string &key,
                const std::function<Result<std::vector<uint8_t>>()> &make, bool *known) const {
  std::vector<uint8_t> bytes;
  bool isKnown = true;
  auto take = [&](const std::vector<uint8_t> &found) {
    bytes = found;
    return true;
  };
  auto compute = [&]() -> Result<std::vector<uint8_t>> {
    isKnown = false;
    return make();
  };
  MAMBA_RETURN_IF_ERROR(get(kind, key, take, compute));
  if (known)
    *known = isKnown;
  return bytes;
}

Status BuildCache::get(const std::string &kind, const std::string &key,
                       const std::function<bool(const std::vector<uint8_t> &)> &read,
                       const std::function<Result<std::vector<uint8_t>>()> &make) const {
  if (cache_)
    if (std::optional<std::vector<uint8_t>> found = cache_->find(keyOf(kind, key));
        found && read(*found))
      return {};
  MAMBA_ASSIGN_OR_RETURN(std::vector<uint8_t> made, make());
  if (!read(made))
    return internalError("what was made for the cache cannot be read: " + kind);
  if (cache_) {
    auto files = jobs_.keepFiles();
    cache_->store(keyOf(kind, key), made.data(), made.size());
  }
  return {};
}

} // namespace mamba
