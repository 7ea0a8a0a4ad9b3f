// NVRTC for tests: the source's PTX stands in a comment that begins with
// "/* PTX" on its own line; a line "#error TEXT" is a compile error.
#include <cstdlib>
#include <cstring>
#include <string>

struct NvrtcProgram {
  std::string source, log, cubin;
};

extern "C" {
#define EXPORT __attribute__((visibility("default")))

EXPORT const char *nvrtcGetErrorString(int result) {
  return result == 0 ? "NVRTC_SUCCESS" : "NVRTC_ERROR";
}

EXPORT int nvrtcVersion(int *major, int *minor) {
  *major = 13;
  *minor = 0;
  return 0;
}

EXPORT int nvrtcCreateProgram(NvrtcProgram **program, const char *source,
                              const char *, int, const char *const *,
                              const char *const *) {
  *program = new NvrtcProgram{source, "", ""};
  return 0;
}

EXPORT int nvrtcDestroyProgram(NvrtcProgram **program) {
  delete *program;
  *program = nullptr;
  return 0;
}

EXPORT int nvrtcCompileProgram(NvrtcProgram *program, int count,
                               const char *const *options) {
  std::string chip;
  for (int i = 0; i < count; ++i)
    if (const char *arch = std::strstr(options[i], "--gpu-architecture=sm_"))
      chip = std::to_string(std::atoi(arch + 22));
  const std::string &source = program->source;
  constexpr std::string_view begin = "/* PTX\n";
  size_t start = source.find(begin), end = source.find("*/", start);
  size_t error = source.find("#error ");
  if (chip.empty() || error != source.npos || end == source.npos) {
    program->log = "pack.cu(1): warning #1: nothing\npack.cu(3): error: " +
                   source.substr(error == source.npos ? 0 : error + 7, 40) +
                   "\n1 error detected\n";
    return 6;
  }
  std::string ptx =
      source.substr(start + begin.size(), end - start - begin.size());
  program->cubin = "FAKE-CUBIN " + chip + " " + std::to_string(ptx.size()) +
                   "\n" + ptx;
  return 0;
}

EXPORT int nvrtcGetProgramLogSize(NvrtcProgram *program, size_t *size) {
  *size = program->log.size() + 1;
  return 0;
}

EXPORT int nvrtcGetProgramLog(NvrtcProgram *program, char *log) {
  std::memcpy(log, program->log.c_str(), program->log.size() + 1);
  return 0;
}

EXPORT int nvrtcGetCUBINSize(NvrtcProgram *program, size_t *size) {
  *size = program->cubin.size();
  return 0;
}

EXPORT int nvrtcGetCUBIN(NvrtcProgram *program, char *cubin) {
  std::memcpy(cubin, program->cubin.data(), program->cubin.size());
  return 0;
}
}
