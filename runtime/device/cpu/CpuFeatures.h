// What this machine's processor and operating system offer, by LLVM's names.
#pragma once

#include "runtime/support/Status.h"

#include <map>
#include <string>
#include <string_view>

namespace mamba {

class CpuFeatures {
public:
  /// Asks the processor. On x86-64 features whose registers the operating
  /// system does not save count as missing.
  static CpuFeatures detect();

  /// Features by name; names that are not there are unknown to this program.
  const std::map<std::string, bool, std::less<>> &all() const { return all_; }

  bool has(std::string_view name) const {
    auto feature = all_.find(name);
    return feature != all_.end() && feature->second;
  }
  bool isKnown(std::string_view name) const { return all_.count(name) != 0; }

  static bool isAmx(std::string_view name) {
    return name.substr(0, 4) == "amx-";
  }

private:
  std::map<std::string, bool, std::less<>> all_;
};

/// The architecture of this program, by LLVM's name: "x86_64", "aarch64".
std::string_view hostArch();

/// Asks the operating system to let this process use AMX tile registers.
/// Once granted it holds for all threads.
Status requestAmx();

} // namespace mamba
