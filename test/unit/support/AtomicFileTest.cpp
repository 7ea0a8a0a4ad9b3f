#include "runtime/support/File.h"
#include "runtime/support/Unfinished.h"

#include "TempFolder.h"
#include "Unprivileged.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

using namespace mamba;

TEST(AtomicFile, AppearsOnCommit) {
  TempFolder folder;
  std::string path = folder / "a";
  auto file = AtomicFile::create(path);
  ASSERT_TRUE(file.ok()) << file.status().message();
  EXPECT_EQ(file->offset(), 0u);
  ASSERT_TRUE(file->write("hello ").ok());
  EXPECT_EQ(file->offset(), 6u);
  ASSERT_TRUE(file->write("world").ok());
  EXPECT_FALSE(std::filesystem::exists(path));
  ASSERT_TRUE(file->commit().ok());
  EXPECT_EQ(slurp(path), "hello world");
  EXPECT_EQ(folder.countFiles(), 1u);
}

TEST(AtomicFile, WithoutCommitTheOldFileStays) {
  TempFolder folder;
  std::string path = folder.add("a", "old");
  {
    auto file = AtomicFile::create(path);
    ASSERT_TRUE(file.ok());
    ASSERT_TRUE(file->write("new").ok());
  }
  EXPECT_EQ(slurp(path), "old");
  EXPECT_EQ(folder.countFiles(), 1u);
}

TEST(AtomicFile, SmallAndLargeWritesKeepTheirOrder) {
  TempFolder folder;
  std::string path = folder / "a";
  std::string large(1 << 20, 'L'), small = "small", wanted;
  auto file = AtomicFile::create(path);
  ASSERT_TRUE(file.ok());
  for (int i = 0; i < 3; ++i) {
    for (const std::string &piece : {small, large, std::string()}) {
      ASSERT_TRUE(file->write(piece).ok());
      wanted += piece;
      EXPECT_EQ(file->offset(), wanted.size());
    }
  }
  ASSERT_TRUE(file->commit().ok());
  EXPECT_TRUE(slurp(path) == wanted);
}

TEST(AtomicFile, KeepsThePermissionsOfTheFileItReplaces) {
  TempFolder folder;
  std::string path = folder.add("a", "old");
  std::filesystem::permissions(path, std::filesystem::perms(0640));
  ASSERT_TRUE(writeFileAtomically(path, "new").ok());
  EXPECT_EQ(std::filesystem::status(path).permissions(),
            std::filesystem::perms(0640));
  EXPECT_EQ(slurp(path), "new");
}

TEST(AtomicFile, WritesThroughASymbolicLink) {
  TempFolder folder;
  std::string path = folder.add("a", "old");
  std::filesystem::create_symlink("a", folder / "link");
  ASSERT_TRUE(writeFileAtomically(folder / "link", "new").ok());
  EXPECT_TRUE(std::filesystem::is_symlink(folder / "link"));
  EXPECT_EQ(slurp(path), "new");
}

TEST(AtomicFile, WhetherItCanBeWrittenIsKnownBefore) {
  TempFolder folder;
  std::string path = folder.add("a", "old");
  EXPECT_TRUE(checkWritable(path).ok());
  EXPECT_EQ(slurp(path), "old");
  EXPECT_TRUE(checkWritable(folder / "b").ok());
  EXPECT_EQ(folder.countFiles(), 1u);
  EXPECT_TRUE(checkWritable("/dev/null").ok());
  EXPECT_TRUE(checkWritable("/dev/stdout").ok());
  EXPECT_FALSE(checkWritable(folder.path()).ok());
  EXPECT_FALSE(checkWritable(folder / "none/b").ok());
  EXPECT_FALSE(checkWritable("").ok());
  // Nobody reads it yet: to open it would wait for ever.
  ASSERT_EQ(mkfifo((folder / "pipe").c_str(), 0600), 0);
  EXPECT_TRUE(checkWritable(folder / "pipe").ok());
}

TEST(AtomicFile, ANameAsLongAsNamesCanBeIsFine) {
  TempFolder folder;
  std::string path = folder / std::string(255, 'n');
  ASSERT_TRUE(writeFileAtomically(path, "x").ok());
  EXPECT_EQ(slurp(path), "x");
}

TEST(AtomicFile, ARelativeNameLandsInTheWorkingFolder) {
  TempFolder folder;
  auto before = std::filesystem::current_path();
  std::filesystem::current_path(folder.path());
  Status status = writeFileAtomically("a", "x");
  std::filesystem::current_path(before);
  ASSERT_TRUE(status.ok()) << status.message();
  EXPECT_EQ(slurp(folder / "a"), "x");
}

TEST(AtomicFile, ADeviceIsWrittenDirectly) {
  EXPECT_TRUE(writeFileAtomically("/dev/null", "x").ok());
  EXPECT_TRUE(std::filesystem::is_character_file("/dev/null"));
}

TEST(AtomicFile, ANamedDescriptorKeepsItsOffset) {
  TempFolder folder;
  std::string path = folder / "log";
  int fd = ::open(path.c_str(), O_WRONLY | O_CREAT, 0600);
  ASSERT_GE(fd, 0);
  ASSERT_EQ(::write(fd, "before ", 7), 7);
  Status status = writeFileAtomically("/dev/fd/" + std::to_string(fd), "after");
  ::close(fd);
  ASSERT_TRUE(status.ok()) << status.message();
  EXPECT_EQ(slurp(path), "before after");
  EXPECT_EQ(folder.countFiles(), 1u);
}

TEST(AtomicFile, AClosedDescriptorIsRefused) {
  EXPECT_EQ(writeFileAtomically("/dev/fd/9999", "x").message(),
            "cannot write '/dev/fd/9999': Bad file descriptor");
}

TEST(AtomicFile, AMissingFolderIsNotFound) {
  Status status = writeFileAtomically("/nonexistent/a", "x");
  EXPECT_EQ(status.code(), StatusCode::NotFound);
  EXPECT_EQ(status.message(),
            "cannot write '/nonexistent/a': No such file or directory");
}

TEST(AtomicFile, AFolderIsRefused) {
  TempFolder folder;
  for (const std::string &path : {folder.path(), folder / "b/", std::string()})
    EXPECT_EQ(writeFileAtomically(path, "x").message(),
              "cannot write '" + path + "': it names a folder, not a file");
}

TEST(AtomicFile, AFullDiskIsAFailureOfEveryLaterCall) {
  if (!std::filesystem::exists("/dev/full"))
    GTEST_SKIP() << "no /dev/full";
  auto file = AtomicFile::create("/dev/full");
  ASSERT_TRUE(file.ok());
  std::string large(1 << 20, 'x');
  std::string message = "cannot write '/dev/full': No space left on device";
  EXPECT_EQ(file->write(large).message(), message);
  EXPECT_EQ(file->write("x").message(), message);
  EXPECT_EQ(file->commit().message(), message);
}

TEST(AtomicFile, AProtectedFileIsNotReplaced) {
  TempFolder folder;
  std::string path = folder.add("a", "old");
  std::filesystem::permissions(folder.path(), std::filesystem::perms(0777));
  std::filesystem::permissions(path, std::filesystem::perms(0444));
  Unprivileged nobody;
  if (!nobody.ok())
    GTEST_SKIP() << "cannot give up the rights of root";
  EXPECT_EQ(writeFileAtomically(path, "new").message(),
            "cannot write '" + path + "': Permission denied");
  EXPECT_EQ(slurp(path), "old");
}

TEST(AtomicFile, CommitIsTheLastCall) {
  TempFolder folder;
  std::string path = folder / "a";
  auto file = AtomicFile::create(path);
  ASSERT_TRUE(file.ok() && file->commit().ok());
  EXPECT_EQ(file->commit().message(), "second commit of '" + path + "'");
  EXPECT_EQ(file->write("x").message(),
            "write to '" + path + "' after its commit");
}

TEST(AtomicFile, MovesCarryTheTemporary) {
  TempFolder folder;
  AtomicFile first = *AtomicFile::create(folder / "a");
  ASSERT_TRUE(first.write("1").ok());
  AtomicFile other = *AtomicFile::create(folder / "b");
  other = std::move(first); // "b" is given up.
  ASSERT_TRUE(other.write("2").ok());
  ASSERT_TRUE(other.commit().ok());
  EXPECT_EQ(slurp(folder / "a"), "12");
  EXPECT_EQ(folder.countFiles(), 1u);
}

// A signal's handler has no time for what the destructor does.
TEST(AtomicFile, WhatIsUnfinishedCanBeRemovedAtOnce) {
  TempFolder folder;
  std::string path = folder.add("file", "old");
  auto first = AtomicFile::create(path), second = AtomicFile::create(path);
  ASSERT_TRUE(first.ok() && second.ok());
  ASSERT_TRUE(first->write("new").ok());
  EXPECT_EQ(folder.countFiles(), 3u);
  pid_t child = fork();
  if (child == 0) { // These are its parent's.
    removeUnfinishedFiles();
    _exit(folder.countFiles() == 3 ? 0 : 1);
  }
  int status = -1;
  EXPECT_EQ(waitpid(child, &status, 0), child);
  EXPECT_EQ(status, 0);
  ASSERT_TRUE(second->write("whole").ok());
  ASSERT_TRUE(second->commit().ok());
  EXPECT_EQ(folder.countFiles(), 2u);
  removeUnfinishedFiles();
  EXPECT_EQ(folder.countFiles(), 1u);
  EXPECT_EQ(slurp(path), "whole");
  EXPECT_FALSE(first->commit().ok()) << "what was removed is no file";
}

// More at once than there are places: all are written.
TEST(AtomicFile, ManyAtOnce) {
  TempFolder folder;
  for (int round = 0; round < 3; ++round) {
    std::vector<AtomicFile> files;
    for (int i = 0; i < 40; ++i) {
      auto file = AtomicFile::create(folder / std::to_string(i));
      ASSERT_TRUE(file.ok());
      ASSERT_TRUE(file->write("text").ok());
      files.push_back(std::move(*file));
    }
    for (AtomicFile &file : files)
      EXPECT_TRUE(file.commit().ok());
    EXPECT_EQ(folder.countFiles(), 40u);
  }
}
