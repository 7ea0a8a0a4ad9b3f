// proc(5), cgroups(7); the kernel's cgroup-v2.rst and sched-bwc.rst.
#include "runtime/device/CpuQuota.h"

#include "runtime/support/File.h"

#include <cstdlib>
#include <fstream>
#include <sstream>
#include <string_view>
#include <vector>

using namespace mamba;

namespace {

/// A hierarchy of groups: where it can be read, and which group is ours.
struct Hierarchy {
  bool isV2 = false;
  std::string mount; // Folder of the group `mountRoot`.
  std::string mountRoot, group;
};

} // namespace

static std::string readSmallFile(const std::string &path) {
  auto text = readFile(path, 1 << 20);
  return text.ok() ? *std::move(text) : std::string();
}

static bool hasWord(const std::string &list, std::string_view word) {
  std::istringstream words(list);
  for (std::string each; std::getline(words, each, ',');)
    if (each == word)
      return true;
  return false;
}

/// The hierarchies that are mounted and may limit processors' time.
static std::vector<Hierarchy> findMounts(const std::string &root) {
  std::vector<Hierarchy> found;
  // A line for each of perhaps many thousand mounts.
  std::ifstream lines(root + "/proc/self/mountinfo");
  for (std::string line; std::getline(lines, line);) {
    // ID PARENT DEVICE ROOT MOUNT OPTIONS [MORE...] - TYPE SOURCE OPTIONS
    size_t dash = line.find(" - ");
    if (dash == std::string::npos)
      continue;
    std::istringstream before(line.substr(0, dash)), after(line.substr(dash + 3));
    std::string skipped, type, options;
    Hierarchy hierarchy;
    before >> skipped >> skipped >> skipped >> hierarchy.mountRoot >>
        hierarchy.mount;
    after >> type >> skipped >> options;
    hierarchy.isV2 = type == "cgroup2";
    if (hierarchy.isV2 || (type == "cgroup" && hasWord(options, "cpu")))
      found.push_back(hierarchy);
  }
  return found;
}

/// The group of this process in a hierarchy, "/" if that is not said.
static std::string groupIn(const Hierarchy &hierarchy,
                           const std::string &groups) {
  std::istringstream lines(groups);
  for (std::string line; std::getline(lines, line);) {
    // NUMBER:CONTROLLERS:GROUP
    size_t first = line.find(':'), second = line.find(':', first + 1);
    if (second == std::string::npos)
      continue;
    std::string controllers = line.substr(first + 1, second - first - 1);
    if (hierarchy.isV2 ? controllers.empty() : hasWord(controllers, "cpu"))
      return line.substr(second + 1);
  }
  return "/";
}

/// The group's path below the mount; empty if that shows another part of the
/// hierarchy, as in a container, where the mount is the group.
static std::string pathBelowMount(const Hierarchy &hierarchy) {
  std::string prefix = hierarchy.mountRoot == "/" ? "" : hierarchy.mountRoot;
  std::string_view group = hierarchy.group;
  if (!group.starts_with(prefix) || group.find("/..") != std::string_view::npos)
    return {};
  group.remove_prefix(prefix.size());
  if (!group.starts_with('/'))
    return {};
  return std::string(group == "/" ? "" : group);
}

/// What one group grants.
static std::optional<double> quotaOf(const std::string &folder, bool isV2) {
  std::string quota, period;
  if (isV2) {
    std::istringstream(readSmallFile(folder + "/cpu.max")) >> quota >> period;
  } else {
    std::istringstream(readSmallFile(folder + "/cpu.cfs_quota_us")) >> quota;
    std::istringstream(readSmallFile(folder + "/cpu.cfs_period_us")) >> period;
  }
  // "max" and -1 are no limit.
  double time = std::strtod(quota.c_str(), nullptr);
  double every = std::strtod(period.c_str(), nullptr);
  if (!(time > 0) || !(every > 0))
    return {};
  return time / every;
}

std::optional<double> mamba::cpuQuota(const std::string &root) {
  std::optional<double> least;
  std::string groups = readSmallFile(root + "/proc/self/cgroup");
  for (Hierarchy &hierarchy : findMounts(root)) {
    hierarchy.group = groupIn(hierarchy, groups);
    std::string path = pathBelowMount(hierarchy);
    while (true) {
      auto quota = quotaOf(root + hierarchy.mount + path, hierarchy.isV2);
      if (quota && (!least || *quota < *least))
        least = quota;
      if (path.empty())
        break;
      path.resize(path.rfind('/'));
    }
  }
  return least;
}
