// NVRTC for tests: cubins as the fake driver takes them. The source's PTX stands
// in a comment that begins with "/* PTX" on its own line, and a line
// "#error TEXT" is a compile error; where FAKE_NVRTC names NVIDIA's library,
// that compiles the source to PTX.
#include "test/fake-cuda/Undisturbed.h"

#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <dlfcn.h>
#include <string>
#include <vector>

namespace {

using RealProgram = struct RealProgram_ *;

/// NVIDIA's.
struct Real {
  int (*create)(RealProgram *, const char *, const char *, int,
                const char *const *, const char *const *);
  int (*destroy)(RealProgram *);
  int (*compile)(RealProgram, int, const char *const *);
  int (*logSize)(RealProgram, size_t *);
  int (*log)(RealProgram, char *);
  int (*ptxSize)(RealProgram, size_t *);
  int (*ptx)(RealProgram, char *);

  /// Null unless it is asked for.
  static const Real *get() {
    static const Real *real = [] {
      const char *name = std::getenv("FAKE_NVRTC");
      return name && *name ? new Real(name) : nullptr;
    }();
    return real;
  }

private:
  explicit Real(const char *name) {
    void *library = dlopen(name, RTLD_NOW | RTLD_LOCAL);
    auto find = [&](auto &function, const char *symbol) {
      void *found = library ? dlsym(library, symbol) : nullptr;
      if (!found) {
        std::fprintf(stderr, "FAKE_NVRTC: %s\n", dlerror());
        std::abort(); // Nobody could see why tests fail.
      }
      function = reinterpret_cast<std::decay_t<decltype(function)>>(found);
    };
    find(create, "nvrtcCreateProgram");
    find(destroy, "nvrtcDestroyProgram");
    find(compile, "nvrtcCompileProgram");
    find(logSize, "nvrtcGetProgramLogSize");
    find(log, "nvrtcGetProgramLog");
    find(ptxSize, "nvrtcGetPTXSize");
    find(ptx, "nvrtcGetPTX");
  }
};

constexpr int kCompilationError = 6;
constexpr char kArch[] = "--gpu-architecture=sm_";

} // namespace

// Named as the runtime names it, so that its calls are of our functions' types.
namespace mamba::cuda {
struct NvrtcProgram {
  std::string source, log, cubin;
};
} // namespace mamba::cuda
using mamba::cuda::NvrtcProgram;

/// A text of the library, without its end.
static std::string textOf(RealProgram program,
                          int (*size)(RealProgram, size_t *),
                          int (*get)(RealProgram, char *)) {
  size_t bytes = 0;
  if (size(program, &bytes) != 0 || bytes == 0)
    return "";
  std::string text(bytes, '\0');
  if (get(program, text.data()) != 0)
    return "";
  return text.c_str();
}

/// With the options for the chip, but to PTX.
static int compileReally(const Real &real, NvrtcProgram &program,
                         std::vector<const char *> options,
                         const std::string &chip, std::string &ptx) {
  std::string arch = "--gpu-architecture=compute_" + chip;
  for (const char *&option : options)
    if (std::strncmp(option, kArch, std::strlen(kArch)) == 0)
      option = arch.c_str();
  RealProgram made = nullptr;
  if (int result = real.create(&made, program.source.c_str(), "pack.cu", 0,
                               nullptr, nullptr))
    return result;
  int result =
      real.compile(made, static_cast<int>(options.size()), options.data());
  program.log = textOf(made, real.logSize, real.log);
  if (result == 0)
    ptx = textOf(made, real.ptxSize, real.ptx);
  (void)real.destroy(&made);
  return result;
}

/// What stands in the comment.
static int readComment(NvrtcProgram &program, std::string &ptx) {
  const std::string &source = program.source;
  constexpr std::string_view begin = "/* PTX\n";
  size_t start = source.find(begin), end = source.find("*/", start);
  size_t error = source.find("#error ");
  if (error != source.npos || end == source.npos) {
    program.log = "pack.cu(1): warning #1: nothing\npack.cu(3): error: " +
                  source.substr(error == source.npos ? 0 : error + 7, 40) +
                  "\n1 error detected\n";
    return kCompilationError;
  }
  ptx = source.substr(start + begin.size(), end - start - begin.size());
  return 0;
}

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
  mamba::cuda::Undisturbed undisturbed;
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
  mamba::cuda::Undisturbed undisturbed;
  std::string chip; // 90a
  for (int i = 0; i < count; ++i)
    if (std::strncmp(options[i], kArch, std::strlen(kArch)) == 0)
      chip = options[i] + std::strlen(kArch);
  if (chip.empty()) {
    program->log = "no sm_ to make machine code for\n";
    return kCompilationError;
  }
  std::string ptx;
  const Real *real = Real::get();
  int result = real ? compileReally(*real, *program, {options, options + count},
                                    chip, ptx)
                    : readComment(*program, ptx);
  if (result == 0)
    program->cubin = "FAKE-CUBIN " + std::to_string(std::atoi(chip.c_str())) +
                     " " + std::to_string(ptx.size()) + "\n" + ptx;
  return result;
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
