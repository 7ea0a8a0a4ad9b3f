#include "compiler/codegen/Nvrtc.h"

#include "compiler/codegen/Cuda.h"

#include "llvm/ADT/SmallVector.h"
#include "llvm/Support/DynamicLibrary.h"

using namespace llvm;

namespace mamba {
namespace {

/// NVRTC's C interface, as far as it is used: its header need not be there.
struct Nvrtc {
  using Program = void *;
  int (*version)(int *, int *);
  int (*createProgram)(Program *, const char *, const char *, int, const char *const *,
                       const char *const *);
  int (*destroyProgram)(Program *);
  int (*compileProgram)(Program, int, const char *const *);
  int (*logSize)(Program, size_t *);
  int (*log)(Program, char *);
  int (*ptxSize)(Program, size_t *);
  int (*ptx)(Program, char *);
  int (*cubinSize)(Program, size_t *);
  int (*cubin)(Program, char *);
  const char *(*errorString)(int);

  bool isThere = false;
  std::string name = "libnvrtc.so is not here";

  static const Nvrtc &get() {
    static Nvrtc library;
    return library;
  }

private:
  Nvrtc() {
    sys::DynamicLibrary library;
    for (const char *file : {"libnvrtc.so", "libnvrtc.so.13", "libnvrtc.so.12",
                             "/usr/local/cuda/lib64/libnvrtc.so"}) {
      library = sys::DynamicLibrary::getPermanentLibrary(file);
      if (library.isValid())
        break;
    }
    if (!library.isValid())
      return;
    struct Symbol {
      const char *name;
      void **place;
    };
    const Symbol symbols[] = {{"nvrtcVersion", reinterpret_cast<void **>(&version)},
                              {"nvrtcCreateProgram", reinterpret_cast<void **>(&createProgram)},
                              {"nvrtcDestroyProgram", reinterpret_cast<void **>(&destroyProgram)},
                              {"nvrtcCompileProgram", reinterpret_cast<void **>(&compileProgram)},
                              {"nvrtcGetProgramLogSize", reinterpret_cast<void **>(&logSize)},
                              {"nvrtcGetProgramLog", reinterpret_cast<void **>(&log)},
                              {"nvrtcGetPTXSize", reinterpret_cast<void **>(&ptxSize)},
                              {"nvrtcGetPTX", reinterpret_cast<void **>(&ptx)},
                              {"nvrtcGetCUBINSize", reinterpret_cast<void **>(&cubinSize)},
                              {"nvrtcGetCUBIN", reinterpret_cast<void **>(&cubin)},
                              {"nvrtcGetErrorString", reinterpret_cast<void **>(&errorString)}};
    for (const Symbol &symbol : symbols) {
      *symbol.place = library.getAddressOfSymbol(symbol.name);
      if (!*symbol.place) {
        name = std::string("libnvrtc.so has no ") + symbol.name;
        return;
      }
    }
    int major = 0, minor = 0;
    version(&major, &minor);
    name = "NVRTC " + std::to_string(major) + "." + std::to_string(minor);
    isThere = true;
  }
};

/// One translation unit on its way.
class Compilation {
public:
  explicit Compilation(const Nvrtc &nvrtc) : nvrtc(nvrtc) {}
  ~Compilation() {
    if (program)
      nvrtc.destroyProgram(&program);
  }

  bool compile(const std::string &source, ArrayRef<std::string> options, std::string &error) {
    int code = nvrtc.createProgram(&program, source.c_str(), "kernels.cu", 0, nullptr, nullptr);
    SmallVector<const char *> list;
    for (const std::string &option : options)
      list.push_back(option.c_str());
    if (code == 0)
      code = nvrtc.compileProgram(program, int(list.size()), list.data());
    if (code != 0)
      error = "NVRTC refuses the C++: " + complaint(code);
    return code == 0;
  }

  bool read(NvrtcCode &code) {
    size_t size = 0;
    if (nvrtc.ptxSize(program, &size) != 0 || size == 0)
      return false;
    code.ptx.resize(size);
    if (nvrtc.ptx(program, code.ptx.data()) != 0)
      return false;
    code.ptx.pop_back(); // its terminating zero
    if (nvrtc.cubinSize(program, &size) != 0)
      return false;
    code.cubin.resize(size);
    return nvrtc.cubin(program, reinterpret_cast<char *>(code.cubin.data())) == 0;
  }

private:
  /// The first line of the log that speaks of an error.
  std::string complaint(int code) const {
    std::string text;
    size_t size = 0;
    if (program && nvrtc.logSize(program, &size) == 0 && size > 1) {
      text.resize(size);
      if (nvrtc.log(program, text.data()) != 0)
        text.clear();
    }
    SmallVector<StringRef> lines;
    StringRef(text.c_str()).split(lines, '\n');
    for (StringRef line : lines)
      if (line.contains("error"))
        return line.trim().str();
    return nvrtc.errorString(code);
  }

  const Nvrtc &nvrtc;
  Nvrtc::Program program = nullptr;
};

} // namespace

const std::string &nvrtcName() { return Nvrtc::get().name; }
bool hasNvrtc() { return Nvrtc::get().isThere; }

FailureOr<NvrtcCode> compileCuda(StringRef source, StringRef chip, bool fromPtx,
                                 std::string &error) {
  const Nvrtc &nvrtc = Nvrtc::get();
  if (!nvrtc.isThere) {
    error = nvrtc.name;
    return failure();
  }
  SmallVector<std::string> options = {"--gpu-architecture=" + chip.str()};
  for (StringRef option : cudaOptions)
    options.push_back(option.str());
  if (fromPtx)
    options.push_back("-D" + cudaPtxMacro.str());
  Compilation compilation(nvrtc);
  NvrtcCode code;
  if (!compilation.compile(source.str(), options, error))
    return failure();
  if (!compilation.read(code)) {
    error = "NVRTC gives no code";
    return failure();
  }
  return code;
}

} // namespace mamba
