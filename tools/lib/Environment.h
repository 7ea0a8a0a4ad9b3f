// The environment variables that our programs read, for man pages.
#pragma once

#include <span>

namespace mamba::cli {

struct EnvironmentVariable {
  const char *name;
  const char *meaning;
  bool ofCompiler; // read when packs are made, else when they run
};

std::span<const EnvironmentVariable> environmentVariables();

} // namespace mamba::cli
