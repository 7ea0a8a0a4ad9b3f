#include "runtime/support/Checkpoint.h"

#include "runtime/support/File.h"
#include "runtime/support/Json.h"
#include "runtime/support/Quote.h"
#include "runtime/support/SystemError.h"

#include <cerrno>
#include <optional>

#include <sys/stat.h>

namespace mamba {
namespace {

constexpr const char *kSafetensors = "model.safetensors";
constexpr const char *kTorch = "pytorch_model.bin";
constexpr const char *kIndexEnding = ".index.json";
/// An index is a line for each tensor; more is a mistake.
constexpr uint64_t kMaxIndexBytes = uint64_t(64) << 20;

/// A file that the system will not tell of is not one that is missing: that
/// goes to `failure`.
bool exists(const std::string &path, Status &failure) {
  struct stat info;
  if (::stat(path.c_str(), &info) == 0)
    return true;
  if (errno != ENOENT)
    failure = systemError("open", path, errno);
  return false;
}

bool isPlainFileName(const std::string &name) {
  return !name.empty() && name != "." && name != ".." &&
         name.find('/') == std::string::npos &&
         name.find('\0') == std::string::npos;
}

} // namespace

const TensorView *Checkpoint::find(std::string_view name) const {
  auto found = tensors_.find(name);
  return found == tensors_.end() ? nullptr : found->second;
}

Result<const TensorView *> Checkpoint::get(std::string_view name) const {
  if (const TensorView *tensor = find(name))
    return tensor;
  return notFound("checkpoint " + inQuotes(path_) + " has no tensor " +
                  inQuotes(name));
}

void Checkpoint::rest(std::span<const uint8_t> part) const {
  for (const SafetensorsFile &file : safetensors_)
    file.rest(part);
  for (const TorchFile &file : torch_)
    file.rest(part);
}

Result<ShardIndex> parseShardIndex(std::string_view text,
                                   const std::string &what) {
  auto fail = [&](const std::string &message) {
    return invalidData(what + ": " + message);
  };
  MAMBA_ASSIGN_OR_RETURN(nlohmann::json parsed, parseJson(text, what));
  JsonScope scope(parsed);
  auto weightMap = getObject(parsed, "weight_map");
  if (!weightMap.ok())
    return weightMap.status().withContext(what);
  ShardIndex index;
  for (auto &[name, shard] : (*weightMap)->items()) {
    if (!shard.is_string())
      return fail("the shard of tensor " + inQuotes(name) +
                  " must be a string, got " + describeJsonKind(shard));
    const auto &file = shard.get_ref<const std::string &>();
    if (!isPlainFileName(file))
      return fail("the shard of tensor " + inQuotes(name) +
                  " must be a plain file name in the same folder, got " +
                  inQuotes(file));
    index[file].push_back(name);
  }
  if (index.empty())
    return fail("'weight_map' is empty, expected tensor names and their files");
  return index;
}

template <typename File>
Status Checkpoint::openFile(const std::string &path, std::vector<File> &files) {
  MAMBA_ASSIGN_OR_RETURN(File file, File::open(path));
  for (const TensorView &tensor : file.tensors())
    tensors_.emplace(tensor.name, &tensor);
  files.push_back(std::move(file));
  return {};
}

template <typename File>
Status Checkpoint::openShards(const std::string &indexPath,
                              std::vector<File> &files) {
  MAMBA_ASSIGN_OR_RETURN(std::string text, readFile(indexPath, kMaxIndexBytes));
  // Every name is checked before a file is opened.
  MAMBA_ASSIGN_OR_RETURN(ShardIndex index,
                         parseShardIndex(text, inQuotes(indexPath)));
  for (const auto &[file, names] : index) {
    auto shard = File::open(path_ + "/" + file);
    if (!shard.ok())
      return shard.status().withContext("a shard of " + inQuotes(indexPath));
    for (const std::string &name : names) {
      const TensorView *tensor = shard->find(name);
      if (!tensor)
        return invalidData(inQuotes(indexPath) + ": maps tensor " +
                           inQuotes(name) + " to " + inQuotes(file) +
                           ", which does not hold it");
      tensors_.emplace(name, tensor);
    }
    files.push_back(*std::move(shard));
  }
  return {};
}

Result<Checkpoint> openCheckpoint(const std::string &dir) {
  struct stat info;
  if (::stat(dir.c_str(), &info) != 0)
    return systemError("open checkpoint folder", dir, errno);
  if (!S_ISDIR(info.st_mode))
    return invalidArgument(inQuotes(dir) +
                           " is a file, expected the folder of a "
                           "checkpoint");
  Checkpoint checkpoint;
  checkpoint.path_ = dir;
  std::string safetensors = dir + "/" + kSafetensors,
              torch = dir + "/" + kTorch;
  Status failure;
  std::optional<Status> opened;
  if (exists(safetensors, failure))
    opened = checkpoint.openFile(safetensors, checkpoint.safetensors_);
  else if (exists(safetensors + kIndexEnding, failure))
    opened = checkpoint.openShards(safetensors + kIndexEnding,
                                   checkpoint.safetensors_);
  else if (exists(torch, failure))
    opened = checkpoint.openFile(torch, checkpoint.torch_);
  else if (exists(torch + kIndexEnding, failure))
    opened = checkpoint.openShards(torch + kIndexEnding, checkpoint.torch_);
  MAMBA_RETURN_IF_ERROR(failure);
  if (!opened)
    return notFound("no checkpoint in " + inQuotes(dir) + ": expected " +
                    inQuotes(kSafetensors) + " or " + inQuotes(kTorch) +
                    ", or the '" + kIndexEnding +
                    "' of one of them, in this folder");
  MAMBA_RETURN_IF_ERROR(*opened);
  return checkpoint;
}

} // namespace mamba
