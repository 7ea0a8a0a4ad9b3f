#include "test/unit/support/TempFolder.h"

#include "runtime/device/CpuQuota.h"
#include "runtime/device/Processors.h"

#include <filesystem>
#include <fstream>
#include <gtest/gtest.h>
#include <sched.h>
#include <thread>

using namespace mamba;

namespace {

/// A made-up machine's /proc and /sys.
class FakeMachine {
public:
  void write(const std::string &path, const std::string &text) {
    std::filesystem::path full = root() + path;
    std::filesystem::create_directories(full.parent_path());
    std::ofstream(full) << text;
  }
  struct Change {
    const char *path, *text;
    std::optional<double> quota;
  };
  /// One change after the other, and the quota then.
  void expect(std::initializer_list<Change> changes) {
    for (const Change &change : changes) {
      write(change.path, change.text);
      EXPECT_EQ(quota(), change.quota) << change.path << ": " << change.text;
    }
  }
  std::optional<double> quota() const { return cpuQuota(root()); }

private:
  std::string root() const { return folder_.path(); }
  TempFolder folder_;
};

} // namespace

TEST(CpuQuota, NothingThere) { EXPECT_EQ(FakeMachine().quota(), std::nullopt); }

// Of the group and those around it the least counts; siblings do not.
TEST(CpuQuota, Version2) {
  FakeMachine machine;
  machine.write("/proc/self/cgroup", "0::/a.slice/b.scope\n");
  machine.write("/proc/self/mountinfo",
                "31 23 0:28 / /sys/fs/cgroup rw,relatime shared:9 - cgroup2 "
                "cgroup2 rw,nsdelegate\n");
  machine.expect({{"/sys/fs/cgroup/other/cpu.max", "10000 100000\n", {}},
                  {"/sys/fs/cgroup/a.slice/b.scope/cpu.max", "max 100000\n", {}},
                  {"/sys/fs/cgroup/a.slice/b.scope/cpu.max", "350000 100000\n", 3.5},
                  {"/sys/fs/cgroup/a.slice/cpu.max", "25000 10000\n", 2.5},
                  {"/sys/fs/cgroup/a.slice/cpu.max", "not a number\n", 3.5}});
}

// A container with groups of its own: the mount's root is its group.
TEST(CpuQuota, Containers) {
  FakeMachine machine;
  machine.write("/proc/self/cgroup", "0::/\n");
  machine.write("/proc/self/mountinfo",
                "31 23 0:28 / /sys/fs/cgroup ro - cgroup2 cgroup rw\n");
  machine.expect({{"/sys/fs/cgroup/cpu.max", "150000 100000\n", 1.5}});
  // Without: the mount shows a part of the hierarchy, named from its top.
  machine.write("/proc/self/cgroup", "0::/docker/abc\n");
  machine.expect({{"/proc/self/mountinfo", "31 23 0:28 /docker/abc /sys/fs/cgroup ro - "
                   "cgroup2 cgroup rw\n", 1.5}});
  machine.write("/proc/self/cgroup", "0::/docker/abc/inner\n");
  machine.expect({{"/sys/fs/cgroup/inner/cpu.max", "50000 100000\n", 0.5},
                  {"/proc/self/cgroup", "0::/docker/abcinner\n", 1.5},
                  {"/proc/self/cgroup", "0::/../elsewhere\n", 1.5}});
}

// A machine full of containers: the group's mount stands behind megabytes of others.
TEST(CpuQuota, ManyMounts) {
  FakeMachine machine;
  machine.write("/proc/self/cgroup", "0::/\n");
  std::string mounts;
  while (mounts.size() < 3 << 20)
    mounts += "99 23 0:40 / /containers/" + std::to_string(mounts.size()) +
              " rw - overlay overlay rw\n";
  machine.write("/proc/self/mountinfo",
                mounts + "31 23 0:28 / /sys/fs/cgroup ro - cgroup2 cgroup rw\n");
  machine.expect({{"/sys/fs/cgroup/cpu.max", "150000 100000\n", 1.5}});
}

TEST(CpuQuota, Version1) {
  FakeMachine machine;
  machine.write("/proc/self/cgroup",
                "9:name=systemd:/x\n4:cpuset:/set\n3:cpuacct,cpu:/box\n0::/x\n");
  machine.write("/proc/self/mountinfo",
                "22 27 0:21 / /proc rw - proc proc rw\n"
                "32 31 0:29 / /sys/fs/cgroup/cpuset rw - cgroup cgroup "
                "rw,cpuset\n"
                "33 31 0:30 / /sys/fs/cgroup/cpu rw - cgroup cgroup "
                "rw,cpuacct,cpu\n"
                "41 31 0:38 / /sys/fs/cgroup/unified rw - cgroup2 cgroup2 rw\n");
  machine.write("/sys/fs/cgroup/cpu/box/cpu.cfs_quota_us", "-1\n");
  machine.expect({{"/sys/fs/cgroup/cpu/box/cpu.cfs_period_us", "100000\n", {}},
                  {"/sys/fs/cgroup/cpu/box/cpu.cfs_quota_us", "200000\n", 2.0},
                  {"/sys/fs/cgroup/cpu/box/cpu.cfs_period_us", "0\n", {}}});
}

TEST(Processors, WithinAQuota) {
  EXPECT_EQ(processorsWithin(8, {}), 8u);
  EXPECT_EQ(processorsWithin(8, 9.0), 8u);
  EXPECT_EQ(processorsWithin(8, 2.0), 2u);
  EXPECT_EQ(processorsWithin(8, 2.4), 2u);
  EXPECT_EQ(processorsWithin(8, 2.5), 3u);
  EXPECT_EQ(processorsWithin(8, 7.9), 8u);
  EXPECT_EQ(processorsWithin(8, 0.1), 1u);
  EXPECT_EQ(processorsWithin(1, 0.5), 1u);
}

// A thread may have fewer processors than the machine.
TEST(Processors, WithinTheAffinityMask) {
  EXPECT_GE(availableProcessors(), 1u);
  unsigned found = 0;
  std::thread([&] {
    cpu_set_t all, one;
    ASSERT_EQ(sched_getaffinity(0, sizeof(all), &all), 0);
    CPU_ZERO(&one);
    for (int i = 0; i < CPU_SETSIZE && CPU_COUNT(&one) == 0; ++i)
      if (CPU_ISSET(i, &all))
        CPU_SET(i, &one);
    ASSERT_EQ(sched_setaffinity(0, sizeof(one), &one), 0);
    found = availableProcessors();
  }).join();
  EXPECT_EQ(found, 1u);
}
