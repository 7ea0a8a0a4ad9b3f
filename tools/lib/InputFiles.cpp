#include "tools/lib/InputFiles.h"
#include "mamba/runtime.h"
#include "runtime/support/HubCache.h"
#include "runtime/support/Quote.h"

#include <CLI/CLI.hpp>

#include <filesystem>

namespace fs = std::filesystem;

namespace mamba::cli {
namespace {

/// Whether both names lead to one file or folder.
bool isSame(const fs::path &a, const fs::path &b) {
  std::error_code ignored;
  return fs::equivalent(a, b, ignored);
}

bool isOfCheckpoint(const fs::path &output, const std::string &name) {
  // A model of the hub that is not there fails when it is read.
  Result<std::string> folder = findCheckpointFolder(name);
  if (!folder.ok())
    return false;
  std::error_code end;
  for (fs::directory_iterator file(*folder, end), last; !end && file != last;
       file.increment(end)) {
    fs::path extension = file->path().extension();
    if ((extension == ".safetensors" || extension == ".bin" || extension == ".json") &&
        isSame(*file, output))
      return true;
  }
  return false;
}

/// The folder that the pack notes, "" without one. What is wrong with a pack is
/// said when it is read.
std::string notedIn(const std::string &path) {
  mamba_pack *pack = nullptr;
  if (mamba_pack_open(path.c_str(), &pack) != MAMBA_OK)
    return "";
  mamba_pack_info info{};
  info.struct_size = sizeof(info);
  std::string noted = mamba_pack_get_info(pack, &info) == MAMBA_OK ? info.source : "";
  mamba_pack_close(pack);
  return noted;
}

} // namespace

std::string InputFiles::refusal(const std::string &output) const {
  std::error_code ignored;
  if (output.empty() || !fs::exists(output, ignored))
    return "";
  auto refuse = [&](const char *what) {
    return inQuotes(output) + " is " + what + ", name another file";
  };
  std::vector<std::string> folders = checkpoints;
  for (const std::string &pack : packs) {
    if (isSame(pack, output))
      return refuse("what is read");
    folders.push_back(notedIn(pack));
  }
  for (const std::vector<std::string> &names : {files, folders})
    for (const std::string &name : names)
      if (!name.empty() && isSame(name, output))
        return refuse("what is read");
  for (const std::string &folder : folders)
    if (!folder.empty() && isOfCheckpoint(output, folder))
      return refuse("a file of the checkpoint");
  return "";
}

void checkOutput(const std::string &option, const std::string &output,
                 const InputFiles &inputs) {
  if (std::string refusal = inputs.refusal(output); !refusal.empty())
    throw CLI::ValidationError(option, refusal);
}

} // namespace mamba::cli
