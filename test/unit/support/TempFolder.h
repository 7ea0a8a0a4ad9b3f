// A folder that lives as long as a test.
#pragma once

#include <gtest/gtest.h>

#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <sstream>
#include <string>

class TempFolder {
public:
  TempFolder() {
    std::string path = testing::TempDir() + "/mamba-XXXXXX";
    if (!::mkdtemp(path.data()))
      ADD_FAILURE() << "cannot make a folder " << path;
    path_ = path;
  }
  ~TempFolder() {
    std::error_code ignored;
    std::filesystem::remove_all(path_, ignored);
  }
  TempFolder(const TempFolder &) = delete;
  TempFolder &operator=(const TempFolder &) = delete;

  const std::string &path() const { return path_; }
  std::string operator/(const std::string &name) const {
    return path_ + "/" + name;
  }

  /// Writes a file and returns its path.
  std::string add(const std::string &name, const std::string &bytes) const {
    std::string path = *this / name;
    std::ofstream(path, std::ios::binary) << bytes;
    return path;
  }

  size_t countFiles() const {
    auto entries = std::filesystem::directory_iterator(path_);
    return size_t(std::distance(begin(entries), end(entries)));
  }

private:
  std::string path_;
};

inline std::string slurp(const std::string &path) {
  std::ostringstream text;
  text << std::ifstream(path, std::ios::binary).rdbuf();
  return text.str();
}
