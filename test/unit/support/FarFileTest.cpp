// Files larger than 32 bits count.
#include "runtime/support/Checkpoint.h"
#include "runtime/support/Safetensors.h"
#include "test/unit/support/TempFolder.h"

#include <gtest/gtest.h>

#include <cstring>

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

using namespace mamba;

static constexpr uint64_t kFar = uint64_t(5)
                                 << 30; // bytes before the last tensor

/// A checkpoint whose first tensor is a hole of 5 GiB and whose second has four
/// numbers; false where the file system has no holes.
static bool writeFar(const std::string &path, const float (&values)[4]) {
  std::string header =
      R"({"hole": {"dtype": "U8", "shape": [1280, 4194304], "data_offsets": [0, )" +
      std::to_string(kFar) +
      R"(]}, "far": {"dtype": "F32", "shape": [2, 2], "data_offsets": [)" +
      std::to_string(kFar) + ", " + std::to_string(kFar + sizeof(values)) +
      "]}}";
  uint64_t length = header.size();
  header.insert(0, reinterpret_cast<const char *>(&length), sizeof(length));
  int fd = ::open(path.c_str(), O_WRONLY | O_CREAT | O_CLOEXEC, 0600);
  auto far = static_cast<off_t>(header.size() + kFar);
  struct stat info = {};
  bool isWritten =
      fd >= 0 &&
      ::pwrite(fd, header.data(), header.size(), 0) == ssize_t(header.size()) &&
      ::pwrite(fd, values, sizeof(values), far) == ssize_t(sizeof(values)) &&
      ::fstat(fd, &info) == 0;
  if (fd >= 0)
    ::close(fd);
  constexpr uint64_t kBlock = 512, kFew = 1 << 20;
  return isWritten && uint64_t(info.st_blocks) * kBlock < kFew;
}

TEST(FarFile, ATensorBeyond4GiBIsFound) {
  TempFolder folder;
  const float values[4] = {1.5, -2, 3e38f, 0};
  if (!writeFar(folder / "model.safetensors", values))
    GTEST_SKIP() << "the file system has no files with holes";
  auto checkpoint = openCheckpoint(folder.path());
  ASSERT_TRUE(checkpoint.ok()) << checkpoint.status().message();
  const TensorView *far = checkpoint->find("far");
  ASSERT_TRUE(far);
  ASSERT_EQ(far->bytes, sizeof(values));
  EXPECT_EQ(std::memcmp(far->data, values, sizeof(values)), 0);
  const TensorView *hole = checkpoint->find("hole");
  ASSERT_TRUE(hole);
  EXPECT_EQ(hole->bytes, kFar);
  EXPECT_EQ(far->data - hole->data, ptrdiff_t(kFar));
  EXPECT_EQ(hole->data[kFar - 1], 0);
  auto file = SafetensorsFile::open(folder / "model.safetensors");
  ASSERT_TRUE(file.ok());
  EXPECT_GT(file->fileOffset(*file->find("far")), kFar);
}

// One byte less than the header says.
TEST(FarFile, ATensorCutBeyond4GiBIsRefused) {
  TempFolder folder;
  std::string path = folder / "model.safetensors";
  if (!writeFar(path, {1, 2, 3, 4}))
    GTEST_SKIP() << "the file system has no files with holes";
  struct stat info;
  ASSERT_EQ(::stat(path.c_str(), &info), 0);
  ASSERT_EQ(::truncate(path.c_str(), info.st_size - 1), 0);
  auto file = SafetensorsFile::open(path);
  ASSERT_FALSE(file.ok());
  EXPECT_EQ(file.status().code(), StatusCode::InvalidData);
  EXPECT_NE(file.status().message().find("'far'"), std::string::npos)
      << file.status().message();
}
