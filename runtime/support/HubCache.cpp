#include "runtime/support/HubCache.h"

#include "runtime/support/File.h"
#include "runtime/support/Quote.h"

#include <algorithm>
#include <cstdlib>

#include <sys/stat.h>

namespace mamba {
namespace {

constexpr size_t kMaxPart = 96;
/// A commit's hash and a line break, with room to spare.
constexpr uint64_t kMaxRefBytes = 256;

bool isAlphanumeric(char c) {
  return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') ||
         (c >= 'A' && c <= 'Z');
}

bool isPart(std::string_view part) {
  auto isInner = [](char c) {
    return isAlphanumeric(c) || c == '-' || c == '_' || c == '.';
  };
  auto isEnd = [](char c) { return isAlphanumeric(c) || c == '_'; };
  return !part.empty() && part.size() <= kMaxPart && isEnd(part.front()) &&
         isEnd(part.back()) && std::all_of(part.begin(), part.end(), isInner) &&
         part.find("--") == std::string_view::npos &&
         part.find("..") == std::string_view::npos;
}

/// Empty when it is unset.
std::string variable(const char *name) {
  const char *value = std::getenv(name);
  return value ? value : "";
}

/// Empty when there is not even a home.
std::string cacheFolder() {
  if (std::string cache = variable("HF_HUB_CACHE"); !cache.empty())
    return cache;
  if (std::string home = variable("HF_HOME"); !home.empty())
    return home + "/hub";
  if (std::string cache = variable("XDG_CACHE_HOME"); !cache.empty())
    return cache + "/huggingface/hub";
  if (std::string home = variable("HOME"); !home.empty())
    return home + "/.cache/huggingface/hub";
  return "";
}

bool isFolder(const std::string &path) {
  struct stat info;
  return ::stat(path.c_str(), &info) == 0 && S_ISDIR(info.st_mode);
}

/// The commit that a file of refs/ notes.
Result<std::string> readRef(const std::string &path) {
  MAMBA_ASSIGN_OR_RETURN(std::string commit, readFile(path, kMaxRefBytes));
  while (!commit.empty() && (commit.back() == '\n' || commit.back() == '\r'))
    commit.pop_back();
  if (commit.empty() ||
      !std::all_of(commit.begin(), commit.end(), isAlphanumeric))
    return invalidData(inQuotes(path) + " must hold a commit's hash, got " +
                       inQuotes(commit) + ": download the model again");
  return commit;
}

} // namespace

bool isHubName(std::string_view text) {
  size_t slash = text.find('/');
  return slash != std::string_view::npos && isPart(text.substr(0, slash)) &&
         isPart(text.substr(slash + 1));
}

Result<std::string> findCheckpointFolder(const std::string &name) {
  struct stat info;
  if (::stat(name.c_str(), &info) == 0 || !isHubName(name))
    return name;
  std::string cache = cacheFolder();
  if (cache.empty())
    return notFound("there is no " + inQuotes(name) +
                    ", and no cache of the Hugging Face hub to look for that "
                    "model in: set HF_HUB_CACHE or HOME");
  size_t slash = name.find('/');
  std::string model = cache + "/models--" + name.substr(0, slash) + "--" +
                      name.substr(slash + 1);
  std::string ref = model + "/refs/main";
  auto missing = [&](const std::string &path) {
    return notFound("there is no " + inQuotes(name) +
                    ", and no model of that name in the cache of the Hugging "
                    "Face hub (no " +
                    inQuotes(path) + "): get it with 'hf download " + name +
                    "'");
  };
  if (::stat(ref.c_str(), &info) != 0)
    return missing(ref);
  MAMBA_ASSIGN_OR_RETURN(std::string commit, readRef(ref));
  std::string snapshot = model + "/snapshots/" + commit;
  if (!isFolder(snapshot))
    return missing(snapshot);
  return snapshot;
}

} // namespace mamba
