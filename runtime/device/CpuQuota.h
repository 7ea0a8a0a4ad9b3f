// How much of the processors the container lets this process use.
#pragma once

#include <optional>
#include <string>

namespace mamba {

/// Processors' worth of time that control groups (version 1 or 2) grant, the
/// least of this process's group and those around it; none where nothing limits
/// it. `root` stands before every path, for tests.
std::optional<double> cpuQuota(const std::string &root = "");

} // namespace mamba
