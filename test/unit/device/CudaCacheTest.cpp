// The cache of kernels where a disk does not play along: whatever it holds or
// refuses, the kernels are there and nothing is left behind.
#include "test/unit/device/CudaModel.h"

#include "runtime/support/KernelCache.h"
#include "runtime/support/File.h"

#include <csignal>
#include <gtest/gtest.h>
#include <linux/capability.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

using namespace mamba;

namespace {

/// Who may do everything may not write where it is forbidden, while this lives.
class LikeAnybody {
public:
  LikeAnybody() {
    syscall(SYS_capget, &header_, before_);
    __user_cap_data_struct now[2] = {before_[0], before_[1]};
    now[0].effective = now[1].effective = 0;
    syscall(SYS_capset, &header_, now);
  }
  ~LikeAnybody() { syscall(SYS_capset, &header_, before_); }
  LikeAnybody(const LikeAnybody &) = delete;

private:
  __user_cap_header_struct header_ = {_LINUX_CAPABILITY_VERSION_3, 0};
  __user_cap_data_struct before_[2] = {};
};

/// Files end after so many bytes, as on a disk that is full.
class FullDisk {
public:
  explicit FullDisk(rlim_t bytes) {
    getrlimit(RLIMIT_FSIZE, &before_);
    struct rlimit now = {bytes, before_.rlim_max};
    setrlimit(RLIMIT_FSIZE, &now);
    handler_ = std::signal(SIGXFSZ, SIG_IGN);
  }
  ~FullDisk() {
    setrlimit(RLIMIT_FSIZE, &before_);
    std::signal(SIGXFSZ, handler_);
  }
  FullDisk(const FullDisk &) = delete;

private:
  struct rlimit before_ = {};
  void (*handler_)(int) = nullptr;
};

/// The files of a folder that are the cache's.
std::vector<std::string> kernelsIn(const TempFolder &folder) {
  std::vector<std::string> files;
  for (const auto &entry : std::filesystem::directory_iterator(folder.path()))
    if (entry.path().extension() == ".kernel")
      files.push_back(entry.path());
  return files;
}

/// Runs `work` in so many processes at once; whether all gave true.
template <typename Work> bool inProcesses(int count, const Work &work) {
  std::vector<pid_t> children;
  for (int i = 0; i < count; ++i) {
    pid_t child = fork();
    if (child == 0)
      _exit(work(i) ? 0 : 1);
    children.push_back(child);
  }
  bool all = true;
  for (pid_t child : children) {
    int status = 1;
    all &= child > 0 && waitpid(child, &status, 0) == child && status == 0;
  }
  return all;
}

} // namespace

// Empty, cut, another's, or a text: each is made anew, and then it is whole.
TEST(CudaCache, WhateverIsThere) {
  FakeDriver fake;
  CudaModel model;
  ASSERT_EQ(model.outcome(), "fine");
  std::vector<std::string> files = kernelsIn(fake.cache());
  ASSERT_EQ(files.size(), 2u) << "the code, the self-test";
  std::string first = slurp(files[0]), second = slurp(files[1]);
  std::string whole = first.size() > second.size() ? first : second;
  uint64_t compiled = 1;
  for (const std::string &bytes :
       {std::string(), whole.substr(0, 15), whole.substr(0, whole.size() - 1),
        whole + "x", std::string("mamba kernel 1\n"), std::string(100000, 'x')}) {
    for (const std::string &file : files)
      std::ofstream(file, std::ios::binary) << bytes;
    EXPECT_EQ(model.outcome(), "fine");
    EXPECT_EQ(fake.calls("cuLinkComplete"), ++compiled) << bytes.size();
    EXPECT_EQ(model.outcome(), "fine");
    EXPECT_EQ(fake.calls("cuLinkComplete"), compiled) << "it is whole again";
  }
  // Each under the other's name.
  std::ofstream(files[0], std::ios::binary) << second;
  std::ofstream(files[1], std::ios::binary) << first;
  EXPECT_EQ(model.outcome(), "fine");
  EXPECT_EQ(fake.calls("cuLinkComplete"), ++compiled);
  EXPECT_EQ(fake.cache().countFiles(), 2u);
}

// What the driver does not take, although nothing is damaged, is made anew.
TEST(CudaCache, CodeThatTheDriverRefuses) {
  FakeDriver fake("fail=cuModuleLoadData,2,200");
  CudaModel model;
  ASSERT_EQ(model.outcome(), "fine");
  EXPECT_EQ(model.outcome(), "fine");
  EXPECT_EQ(fake.calls("cuLinkComplete"), 2u);
  EXPECT_EQ(model.outcome(), "fine");
  EXPECT_EQ(fake.calls("cuLinkComplete"), 2u);
}

// That there is no memory now says nothing against what is kept.
TEST(CudaCache, NoMemoryForWhatIsKept) {
  FakeDriver fake("fail=cuModuleLoadData,2,2");
  CudaModel model;
  ASSERT_EQ(model.outcome(), "fine");
  EXPECT_HAS(model.outcome(), "its PTX: cannot load it: CUDA_ERROR_OUT_OF_MEMORY");
  EXPECT_EQ(model.outcome(), "fine");
  EXPECT_EQ(fake.calls("cuLinkComplete"), 1u);
}

// A pipe or a folder in its place: nobody waits for what never comes.
TEST(CudaCache, NoFileUnderItsName) {
  TimeLimit limit(60);
  FakeDriver fake;
  CudaModel model;
  ASSERT_EQ(model.outcome(), "fine");
  std::vector<std::string> files = kernelsIn(fake.cache());
  for (bool isPipe : {true, false}) {
    for (const std::string &file : files) {
      std::filesystem::remove(file);
      ASSERT_EQ(isPipe ? mkfifo(file.c_str(), 0600) : mkdir(file.c_str(), 0700),
                0);
    }
    EXPECT_EQ(model.outcome(), "fine");
    EXPECT_EQ(model.outcome(), "fine");
  }
  EXPECT_EQ(fake.calls("cuLinkComplete"), 5u);
  EXPECT_EQ(fake.cache().countFiles(), 2u);
}

TEST(CudaCache, ReadOnly) {
  FakeDriver fake;
  CudaModel model;
  LikeAnybody anybody;
  ASSERT_EQ(chmod(fake.cache().path().c_str(), 0500), 0);
  EXPECT_EQ(model.outcome(), "fine");
  EXPECT_EQ(fake.cache().countFiles(), 0u);
  EXPECT_EQ(model.outcome(), "fine");
  EXPECT_EQ(fake.calls("cuLinkComplete"), 2u);
  // What was put there before is used all the same.
  ASSERT_EQ(chmod(fake.cache().path().c_str(), 0700), 0);
  EXPECT_EQ(model.outcome(), "fine");
  ASSERT_EQ(chmod(fake.cache().path().c_str(), 0500), 0);
  EXPECT_EQ(model.outcome(), "fine");
  EXPECT_EQ(fake.calls("cuLinkComplete"), 3u);
  // Damaged, and it cannot go.
  for (const std::string &file : kernelsIn(fake.cache()))
    std::ofstream(file, std::ios::binary) << "damaged";
  EXPECT_EQ(model.outcome(), "fine");
  EXPECT_EQ(fake.calls("cuLinkComplete"), 4u);
  // Nobody may look.
  ASSERT_EQ(chmod(fake.cache().path().c_str(), 0000), 0);
  EXPECT_EQ(model.outcome(), "fine");
  EXPECT_EQ(fake.calls("cuLinkComplete"), 5u);
  ASSERT_EQ(chmod(fake.cache().path().c_str(), 0700), 0);
}

TEST(CudaCache, FullDisk) {
  FakeDriver fake;
  CudaModel model;
  for (rlim_t bytes : {0, 50, 2000}) {
    std::string text;
    {
      FullDisk full(bytes);
      text = model.outcome();
    }
    EXPECT_EQ(text, "fine");
    for (const std::string &file : kernelsIn(fake.cache()))
      EXPECT_LT(slurp(file).size(), 100u) << "the self-test alone fits";
    for (const auto &entry :
         std::filesystem::directory_iterator(fake.cache().path()))
      EXPECT_EQ(entry.path().extension(), ".kernel") << entry.path();
  }
  EXPECT_EQ(fake.calls("cuLinkComplete"), 3u);
  EXPECT_EQ(model.outcome(), "fine");
  EXPECT_EQ(fake.calls("cuLinkComplete"), 4u);
  EXPECT_EQ(model.outcome(), "fine");
  EXPECT_EQ(fake.calls("cuLinkComplete"), 4u);
}

// They compile at the same time and put the same into the same files.
TEST(CudaCache, ProcessesAtOnce) {
  TimeLimit limit(120);
  FakeDriver fake("checks=off");
  EXPECT_TRUE(inProcesses(4, [](int) {
    CudaModel model;
    bool isFine = true;
    for (int again = 0; again < 5; ++again)
      isFine &= model.outcome() == "fine";
    return isFine;
  }));
  EXPECT_EQ(fake.cache().countFiles(), 2u);
  CudaModel model;
  EXPECT_EQ(model.outcome(), "fine");
  EXPECT_EQ(fake.calls("cuLinkComplete"), 0u);
}

// And where it is too small for all of them, nobody reads half a file.
TEST(CudaCache, ProcessesInOneThatIsTooSmall) {
  TimeLimit limit(120);
  TempFolder folder;
  EXPECT_TRUE(inProcesses(4, [&](int process) {
    KernelCache cache(folder.path(), 2000);
    bool isFine = true;
    for (int i = 0; i < 100; ++i) {
      std::string key = std::to_string((process + i) % 8);
      std::string bytes = key + std::string(300, 'x');
      cache.store(key, bytes.data(), bytes.size());
      auto found = cache.find(key);
      isFine &= !found || std::string(found->begin(), found->end()) == bytes;
    }
    return isFine;
  }));
  EXPECT_LE(folder.countFiles(), 8u);
  for (const auto &entry : std::filesystem::directory_iterator(folder.path()))
    EXPECT_EQ(entry.path().extension(), ".kernel") << entry.path();
}

// A process that is killed while it writes leaves a file, which goes in the end.
TEST(CudaCache, LeftByTheDead) {
  TempFolder folder;
  ASSERT_TRUE(inProcesses(2, [&](int process) {
    auto file = AtomicFile::create(folder / std::to_string(process));
    bool isWritten = file.ok() && file->write(std::string(1000000, 'x')).ok();
    _exit(isWritten ? 0 : 1);
    return false;
  }));
  std::vector<std::string> left;
  for (const auto &entry : std::filesystem::directory_iterator(folder.path()))
    left.push_back(entry.path());
  ASSERT_EQ(left.size(), 2u);
  std::filesystem::last_write_time(
      left[0], std::filesystem::file_time_type::clock::now() - std::chrono::hours(2));
  KernelCache cache(folder.path(), 100000);
  cache.store("a", "x", 1);
  EXPECT_FALSE(std::filesystem::exists(left[0]));
  EXPECT_TRUE(std::filesystem::exists(left[1])) << "somebody may write it still";
  EXPECT_TRUE(cache.find("a").has_value());
}
