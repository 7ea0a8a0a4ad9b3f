#include "runtime/support/File.h"

#include "TempFolder.h"
#include "Unprivileged.h"

#include <sys/stat.h>

using namespace mamba;

TEST(MappedFile, HoldsTheBytesOfTheFile) {
  TempFolder folder;
  auto file = MappedFile::open(folder.add("a", "hello"));
  ASSERT_TRUE(file.ok()) << file.status().message();
  EXPECT_EQ(file->view(), "hello");
  EXPECT_EQ(file->size(), 5u);
}

TEST(MappedFile, AnEmptyFileIsFine) {
  TempFolder folder;
  auto file = MappedFile::open(folder.add("a", ""));
  ASSERT_TRUE(file.ok());
  EXPECT_EQ(file->size(), 0u);
  EXPECT_EQ(file->data(), nullptr);
}

TEST(MappedFile, MovesKeepTheAddress) {
  TempFolder folder;
  MappedFile first = *MappedFile::open(folder.add("a", "hello"));
  const uint8_t *address = first.data();
  MappedFile second(std::move(first));
  EXPECT_EQ(second.data(), address);
  EXPECT_EQ(first.data(), nullptr);
  MappedFile third = *MappedFile::open(folder.add("b", "other"));
  third = std::move(second);
  EXPECT_EQ(third.data(), address);
  EXPECT_EQ(third.view(), "hello");
}

/// kB of mapped files in this process's memory.
static long residentFiles() {
  std::string status = *readFile("/proc/self/status");
  return std::stol(status.substr(status.find("RssFile:") + 8));
}

TEST(MappedFile, PartsRestAndComeBack) {
  TempFolder folder;
  std::string text(16 << 20, 'x');
  MappedFile file = *MappedFile::open(folder.add("a", text));
  EXPECT_EQ(file.view(), text);
  long before = residentFiles();
  // All but the pages at both ends, which are not whole.
  file.rest({file.data() + 1, file.size() - 2});
  EXPECT_LT(residentFiles(), before - (15 << 10));
  EXPECT_EQ(file.view(), text);
  // What is no part of it, or more than it, is left alone.
  std::string other = text;
  before = residentFiles();
  file.rest({reinterpret_cast<const uint8_t *>(other.data()), other.size()});
  file.rest({file.data() + 1, file.size()});
  MappedFile().rest({file.data(), file.size()});
  EXPECT_EQ(other, text);
  EXPECT_GT(residentFiles(), before - (1 << 10));
}

TEST(MappedFile, AMissingFileIsNotFound) {
  auto file = MappedFile::open("/nonexistent/model.bin");
  EXPECT_EQ(file.status().code(), StatusCode::NotFound);
  EXPECT_EQ(file.status().message(),
            "cannot open '/nonexistent/model.bin': No such file or directory");
}

TEST(MappedFile, AFolderIsRefused) {
  TempFolder folder;
  auto file = MappedFile::open(folder.path());
  EXPECT_EQ(file.status().code(), StatusCode::IoError);
  EXPECT_EQ(file.status().message(),
            "cannot open '" + folder.path() + "': Is a directory");
}

TEST(MappedFile, APipeIsRefusedWithoutWaitingForItsWriter) {
  TempFolder folder;
  std::string path = folder / "pipe";
  ASSERT_EQ(::mkfifo(path.c_str(), 0600), 0);
  EXPECT_EQ(MappedFile::open(path).status().message(),
            "cannot map '" + path +
                "': it is a pipe or a device, not a regular file");
}

TEST(MappedFile, NoPermissionIsRefused) {
  TempFolder folder;
  std::string path = folder.add("a", "secret");
  std::filesystem::permissions(folder.path(), std::filesystem::perms(0755));
  std::filesystem::permissions(path, std::filesystem::perms::none);
  Unprivileged nobody;
  if (!nobody.ok())
    GTEST_SKIP() << "cannot give up the rights of root";
  auto file = MappedFile::open(path);
  EXPECT_EQ(file.status().code(), StatusCode::IoError);
  EXPECT_EQ(file.status().message(),
            "cannot open '" + path + "': Permission denied");
}

TEST(ReadFile, ReadsFilesOfAllSizes) {
  TempFolder folder;
  for (size_t size : {0, 1, 65535, 65536, 65537, 300000}) {
    std::string bytes(size, 'x');
    auto text = readFile(folder.add("a", bytes));
    ASSERT_TRUE(text.ok());
    EXPECT_TRUE(*text == bytes) << size;
  }
}

TEST(ReadFile, ReadsFilesThatStateNoSize) {
  auto text = readFile("/proc/self/status");
  ASSERT_TRUE(text.ok());
  EXPECT_NE(text->find("Pid:"), std::string::npos);
}

TEST(ReadFile, AnEndlessFileEnds) {
  auto text = readFile("/dev/zero", 100000);
  EXPECT_EQ(text.status().code(), StatusCode::InvalidData);
  EXPECT_EQ(text.status().message(),
            "cannot read '/dev/zero': it holds more than 100000 bytes");
}

TEST(ReadFile, TheLimitItselfIsAllowed) {
  TempFolder folder;
  EXPECT_TRUE(readFile(folder.add("a", "12345"), 5).ok());
  EXPECT_FALSE(readFile(folder.add("a", "123456"), 5).ok());
}

TEST(ReadFile, FoldersAndMissingFilesAreRefused) {
  TempFolder folder;
  EXPECT_EQ(readFile(folder.path()).status().message(),
            "cannot read '" + folder.path() + "': Is a directory");
  EXPECT_EQ(readFile(folder / "b").status().message(),
            "cannot open '" + (folder / "b") + "': No such file or directory");
}
