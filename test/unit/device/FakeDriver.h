// The fake driver of test/fake-cuda in a test's process.
#pragma once

#include "test/unit/support/TempFolder.h"

#include <cstdint>
#include <string>

namespace mamba {

/// A fresh machine while this lives: the driver, NVRTC and an empty cache are
/// what the environment names, nothing is alive before and after.
class FakeDriver {
public:
  /// `settings` as test/fake-cuda/README.md has them.
  explicit FakeDriver(const std::string &settings = "");
  ~FakeDriver();
  FakeDriver(const FakeDriver &) = delete;

  /// Begins anew; the cache stays.
  void configure(const std::string &settings);
  uint64_t calls(const std::string &function) const;
  std::string alive() const;
  std::string defect() const;
  void acceptCubin(const std::string &bytes, unsigned chip,
                   const std::string &ptx);
  const TempFolder &cache() const { return cache_; }

  /// Another name of the library, for which it is loaded and asked anew.
  std::string linkDriver();
  /// The file of an older driver, "fakecuda11": a machine of its own, which
  /// `calls` does not know.
  static std::string older(const std::string &name);

  /// Makes the environment name it, for a test that wants no more.
  static void use();

private:
  TempFolder cache_;
};

/// Ends the process, and the test with it, if it takes longer.
class TimeLimit {
public:
  explicit TimeLimit(unsigned seconds);
  ~TimeLimit();
  TimeLimit(const TimeLimit &) = delete;
};

/// An environment variable, while this lives.
class Environment {
public:
  Environment(const char *name, const std::string &value);
  ~Environment();
  Environment(const Environment &) = delete;

private:
  const char *name_;
  bool wasSet_;
  std::string before_;
};

} // namespace mamba
