#include "compiler/codegen/Assemble.h"

#include "llvm/ADT/SmallString.h"
#include "llvm/Support/DynamicLibrary.h"
#include "llvm/Support/FileSystem.h"
#include "llvm/Support/MemoryBuffer.h"
#include "llvm/Support/Program.h"
#include "llvm/Support/raw_ostream.h"

#include <cstdlib>

using namespace llvm;

namespace mamba {
namespace {

/// nvJitLink's C interface, as far as it is used: its header need not be there.
class JitLink {
public:
  static const JitLink *get() {
    static JitLink library;
    return library.version ? &library : nullptr;
  }

  FailureOr<Assembly> assemble(StringRef ptx, StringRef chip, std::string &error) const {
    std::string arch = ("-arch=" + chip).str();
    const char *options[] = {arch.c_str()};
    void *handle = nullptr;
    if (create(&handle, 1, options) != 0) {
      error = ("nvJitLink does not know the chip '" + chip + "'").str();
      return failure();
    }
    constexpr int inputPtx = 2;
    // The PTX is passed with its terminating zero.
    std::string text = ptx.str();
    Assembly result;
    size_t size = 0;
    bool done = addData(handle, inputPtx, text.c_str(), text.size() + 1, "kernels") == 0 &&
                complete(handle) == 0 && cubinSize(handle, &size) == 0;
    if (done) {
      result.cubin.resize(size);
      done = cubin(handle, result.cubin.data()) == 0;
    }
    if (!done) {
      std::string log;
      if (logSize(handle, &size) == 0 && size > 0) {
        log.resize(size);
        if (errorLog(handle, log.data()) != 0)
          log.clear();
      }
      error = "nvJitLink refuses the PTX: " + StringRef(log.c_str()).split('\n').first.str();
    }
    destroy(&handle);
    if (!done)
      return failure();
    result.assembler = name();
    return result;
  }

  std::string name() const {
    unsigned major = 0, minor = 0;
    version(&major, &minor);
    return "nvJitLink " + std::to_string(major) + "." + std::to_string(minor);
  }

private:
  JitLink() {
    sys::DynamicLibrary library;
    for (const char *name : {"libnvJitLink.so", "libnvJitLink.so.13", "libnvJitLink.so.12",
                             "/usr/local/cuda/lib64/libnvJitLink.so"}) {
      library = sys::DynamicLibrary::getPermanentLibrary(name);
      if (library.isValid())
        break;
    }
    auto find = [&](auto &function, const char *name) {
      function = reinterpret_cast<std::decay_t<decltype(function)>>(
          library.isValid() ? library.getAddressOfSymbol(name) : nullptr);
      return function != nullptr;
    };
    bool whole = find(create, "nvJitLinkCreate") && find(addData, "nvJitLinkAddData") &&
                 find(complete, "nvJitLinkComplete") && find(destroy, "nvJitLinkDestroy") &&
                 find(cubinSize, "nvJitLinkGetLinkedCubinSize") &&
                 find(cubin, "nvJitLinkGetLinkedCubin") &&
                 find(logSize, "nvJitLinkGetErrorLogSize") &&
                 find(errorLog, "nvJitLinkGetErrorLog") && find(version, "nvJitLinkVersion");
    if (!whole)
      version = nullptr;
  }

  int (*create)(void **, uint32_t, const char **);
  int (*addData)(void *, int, const void *, size_t, const char *);
  int (*complete)(void *);
  int (*destroy)(void **);
  int (*cubinSize)(void *, size_t *);
  int (*cubin)(void *, void *);
  int (*logSize)(void *, size_t *);
  int (*errorLog)(void *, char *);
  int (*version)(unsigned *, unsigned *);
};

std::string findPtxas() {
  std::vector<std::string> folders;
  if (const char *home = std::getenv("CUDA_HOME"))
    folders.push_back(std::string(home) + "/bin");
  folders.push_back("/usr/local/cuda/bin");
  SmallVector<StringRef> also(folders.begin(), folders.end());
  if (auto path = sys::findProgramByName("ptxas"))
    return *path;
  if (auto path = sys::findProgramByName("ptxas", also))
    return *path;
  return "";
}

/// A file that is removed at the end.
struct TemporaryFile {
  explicit TemporaryFile(StringRef suffix) {
    failed = bool(sys::fs::createTemporaryFile("mamba", suffix, path));
  }
  ~TemporaryFile() {
    if (!failed)
      sys::fs::remove(path);
  }
  SmallString<128> path;
  bool failed;
};

FailureOr<Assembly> runPtxas(StringRef ptxas, StringRef ptx, StringRef chip, std::string &error) {
  TemporaryFile input("ptx"), output("cubin"), log("log");
  error = "cannot write to the folder for temporary files";
  if (input.failed || output.failed || log.failed)
    return failure();
  std::error_code code;
  raw_fd_ostream file(input.path, code);
  file << ptx;
  file.close();
  if (code || file.has_error())
    return file.clear_error(), failure();
  std::string arch = ("-arch=" + chip).str();
  std::optional<StringRef> redirects[] = {std::nullopt, StringRef(log.path), StringRef(log.path)};
  int status = sys::ExecuteAndWait(ptxas, {ptxas, arch, input.path, "-o", output.path},
                                   std::nullopt, redirects);
  if (status != 0) {
    auto words = MemoryBuffer::getFile(log.path);
    error = "ptxas refuses the PTX: " +
            (words ? (*words)->getBuffer().split('\n').first.str() : std::string());
    return failure();
  }
  auto made = MemoryBuffer::getFile(output.path, /*IsText=*/false, /*RequiresNullTerminator=*/false);
  if (!made)
    return failure();
  error.clear();
  StringRef bytes = (*made)->getBuffer();
  return Assembly{{bytes.bytes_begin(), bytes.bytes_end()}, "ptxas"};
}

} // namespace

std::string assemblerVersion() {
  const JitLink *library = JitLink::get();
  return library ? library->name() : "";
}

FailureOr<Assembly> assemblePtx(StringRef ptx, StringRef chip, std::string &error) {
  error.clear();
  if (const JitLink *library = JitLink::get())
    return library->assemble(ptx, chip, error);
  std::string ptxas = findPtxas();
  if (!ptxas.empty())
    return runPtxas(ptxas, ptx, chip, error);
  return Assembly{{}, "neither libnvJitLink.so nor ptxas is here"};
}

} // namespace mamba
