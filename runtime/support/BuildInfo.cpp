// The one file that is compiled again when the revision changes.
#include "runtime/support/BuildInfo.h"
#include "runtime/support/Revision.h"
#include "runtime/support/Version.h"

#include <string>

static std::string compilerName() {
#if defined(__clang__)
  return "clang " + std::to_string(__clang_major__) + "." +
         std::to_string(__clang_minor__) + "." +
         std::to_string(__clang_patchlevel__);
#elif defined(__GNUC__)
  return "gcc " + std::to_string(__GNUC__) + "." +
         std::to_string(__GNUC_MINOR__) + "." +
         std::to_string(__GNUC_PATCHLEVEL__);
#else
  return "an unknown compiler";
#endif
}

const char *mamba::buildInfo() {
  static const std::string text = [] {
    std::string parts = compilerName();
    if (*MAMBA_REVISION)
      parts = MAMBA_REVISION ", " + parts;
    if (*MAMBA_BUILD_TYPE)
      parts += ", " MAMBA_BUILD_TYPE;
    return "mamba " MAMBA_VERSION " (" + parts + ")";
  }();
  return text.c_str();
}
