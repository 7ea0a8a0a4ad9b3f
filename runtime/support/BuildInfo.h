// What this build is, for people.
#pragma once

namespace mamba {

/// "mamba 0.1.0 (5d0b6dd, clang 22.1.8, Release)": version, revision if the
/// sources were a git checkout, compiler, build type if there is one.
const char *buildInfo();

} // namespace mamba
