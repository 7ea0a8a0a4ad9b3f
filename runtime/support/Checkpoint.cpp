#include "runtime/support/Checkpoint.h"

#include "runtime/support/File.h"
#include "runtime/support/Json.h"
#include "runtime/support/Quote.h"
#include "runtime/support/SystemError.h"

#include <cerrno>

#include <sys/stat.h>

namespace mamba {
namespace {

constexpr const char *kSingleFile = "model.safetensors";
constexpr const char *kIndexFile = "model.safetensors.index.json";

bool exists(const std::string &path) {
  struct stat info;
  return ::stat(path.c_str(), &info) == 0;
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

Status Checkpoint::openShards(const std::string &indexPath) {
  auto fail = [&](const std::string &message) {
    return invalidData(inQuotes(indexPath) + ": " + message);
  };
  MAMBA_ASSIGN_OR_RETURN(std::string text, readFile(indexPath));
  MAMBA_ASSIGN_OR_RETURN(nlohmann::json index,
                         parseJson(text, inQuotes(indexPath)));
  auto weightMap = getObject(index, "weight_map");
  if (!weightMap.ok())
    return weightMap.status().withContext(inQuotes(indexPath));

  // Every name is checked before a file is opened.
  std::map<std::string, std::vector<std::string>> namesOfShard;
  for (auto &[name, shard] : (*weightMap)->items()) {
    if (!shard.is_string())
      return fail("the shard of tensor " + inQuotes(name) +
                  " must be a string, got " + describeJsonKind(shard));
    const auto &file = shard.get_ref<const std::string &>();
    if (!isPlainFileName(file))
      return fail("the shard of tensor " + inQuotes(name) +
                  " must be a plain file name in the same folder, got " +
                  inQuotes(file));
    namesOfShard[file].push_back(name);
  }
  if (namesOfShard.empty())
    return fail("'weight_map' is empty, expected tensor names and their files");

  for (const auto &[file, names] : namesOfShard) {
    auto shard = SafetensorsFile::open(path_ + "/" + file);
    if (!shard.ok())
      return shard.status().withContext("a shard of " + inQuotes(indexPath));
    for (const std::string &name : names) {
      const TensorView *tensor = shard->find(name);
      if (!tensor)
        return fail("maps tensor " + inQuotes(name) + " to " + inQuotes(file) +
                    ", which does not hold it");
      tensors_.emplace(name, tensor);
    }
    files_.push_back(*std::move(shard));
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
  std::string single = dir + "/" + kSingleFile;
  std::string index = dir + "/" + kIndexFile;
  if (exists(single)) {
    MAMBA_ASSIGN_OR_RETURN(SafetensorsFile file, SafetensorsFile::open(single));
    for (const TensorView &tensor : file.tensors())
      checkpoint.tensors_.emplace(tensor.name, &tensor);
    checkpoint.files_.push_back(std::move(file));
    return checkpoint;
  }
  if (exists(index)) {
    MAMBA_RETURN_IF_ERROR(checkpoint.openShards(index));
    return checkpoint;
  }
  return notFound("no checkpoint in " + inQuotes(dir) + ": expected " +
                  inQuotes(kSingleFile) + " or " + inQuotes(kIndexFile) +
                  " in this folder");
}

} // namespace mamba
