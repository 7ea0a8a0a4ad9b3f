#include "runtime/device/cuda/Nvrtc.h"

#include "runtime/device/cuda/Library.h"
#include "runtime/support/Quote.h"

#include <cstdlib>
#include <map>
#include <memory>
#include <mutex>

using namespace mamba;
using namespace mamba::cuda;

static constexpr int kInvalidOption = 5;    // NVRTC_ERROR_INVALID_OPTION
static constexpr int kCompilationError = 6; // NVRTC_ERROR_COMPILATION

/// Where the toolkits put it.
static constexpr const char *kLibraries[] = {
    "libnvrtc.so.13", "libnvrtc.so.12", "libnvrtc.so.11.2", "libnvrtc.so",
    "/usr/local/cuda/lib64/libnvrtc.so"};

static void *open(const char *wanted) {
  if (wanted)
    return dlopen(wanted, RTLD_NOW | RTLD_LOCAL);
  return openFirst(kLibraries);
}

Result<const Nvrtc *> Nvrtc::load() {
  const char *wanted = std::getenv("MAMBA_CUDA_NVRTC");
  if (wanted && !*wanted)
    wanted = nullptr;
  static std::mutex mutex;
  static auto &loaded = *new std::map<std::string, std::unique_ptr<Nvrtc>>();
  std::lock_guard held(mutex);
  std::unique_ptr<Nvrtc> &nvrtc = loaded[wanted ? wanted : ""];
  if (nvrtc)
    return nvrtc.get();
  void *library = open(wanted);
  if (!library)
    return unavailable(
        wanted ? "NVRTC " + inQuotes(wanted) +
                     " does not load, correct or unset MAMBA_CUDA_NVRTC"
               : "NVRTC (libnvrtc.so) is not here, install the CUDA toolkit or "
                 "its package cuda-nvrtc");
  auto made = std::make_unique<Nvrtc>();
  MAMBA_RETURN_IF_ERROR(made->bind(library));
  nvrtc = std::move(made);
  return nvrtc.get();
}

Status Nvrtc::bind(void *library) {
  SymbolFinder find{library};
  find(getErrorString, "nvrtcGetErrorString");
  find(getVersion, "nvrtcVersion");
  find(createProgram, "nvrtcCreateProgram");
  find(destroyProgram, "nvrtcDestroyProgram");
  find(compileProgram, "nvrtcCompileProgram");
  find(getLogSize, "nvrtcGetProgramLogSize");
  find(getLog, "nvrtcGetProgramLog");
  find(getCubinSize, "nvrtcGetCUBINSize");
  find(getCubin, "nvrtcGetCUBIN");
  if (find.missing)
    return unavailable("NVRTC has no " + inQuotes(find.missing) +
                       ", install the one of CUDA 11.2 or later");
  int major = 0, minor = 0;
  if (int result = getVersion(&major, &minor))
    return failure(result, "tell its version");
  version_ = std::to_string(major) + "." + std::to_string(minor);
  return {};
}

Status Nvrtc::failure(int result, const char *doing) const {
  const char *text = getErrorString(result);
  return unavailable(std::string("NVRTC cannot ") + doing + ": " +
                     (text ? text : std::to_string(result)));
}

/// The log's first line that tells of an error, or its first.
std::string Nvrtc::firstError(Program program) const {
  size_t size = 0;
  if (getLogSize(program, &size) != 0 || size <= 1)
    return "it says no more";
  std::string log(size, '\0');
  if (getLog(program, log.data()) != 0)
    return "it says no more";
  log.resize(log.find('\0'));
  size_t at = log.find("error");
  size_t start = at == log.npos ? 0 : log.rfind('\n', at);
  start = start == log.npos ? 0 : start + (log[start] == '\n');
  return log.substr(start, log.find('\n', start) - start);
}

Result<std::vector<uint8_t>> Nvrtc::build(Program program,
                                          const std::string &arch,
                                          unsigned mostRegisters) const {
  std::string architecture = "--gpu-architecture=" + arch;
  std::string registers = "--maxrregcount=" + std::to_string(mostRegisters);
  std::vector<const char *> options(std::begin(kOptions), std::end(kOptions));
  options.push_back(architecture.c_str());
  if (mostRegisters)
    options.push_back(registers.c_str());
  int result = compileProgram(program, static_cast<int>(options.size()),
                              options.data());
  std::string where = "NVRTC " + version_ + " for " + arch + ": ";
  if (result == kCompilationError)
    return invalidData(where + firstError(program));
  // Only the chip is not always the same.
  if (result == kInvalidOption)
    return unavailable(where + firstError(program) +
                       "; it does not know this GPU, install a newer NVRTC");
  if (result != 0)
    return failure(result, "compile").withContext(where + firstError(program));
  size_t size = 0;
  result = getCubinSize(program, &size);
  std::vector<uint8_t> cubin(size);
  if (result == 0 && size != 0)
    result = getCubin(program, reinterpret_cast<char *>(cubin.data()));
  if (result != 0 || size == 0)
    return failure(result, "make machine code");
  return cubin;
}

Result<std::vector<uint8_t>> Nvrtc::compile(const std::string &source,
                                            const std::string &arch,
                                            unsigned mostRegisters) const {
  Program program = nullptr;
  int result = createProgram(&program, source.c_str(), "pack.cu", 0, nullptr,
                             nullptr);
  if (result != 0)
    return failure(result, "take the source");
  struct Owner { // Also where memory ends.
    const Nvrtc &nvrtc;
    Program &program;
    ~Owner() { (void)nvrtc.destroyProgram(&program); }
  } owner = {*this, program};
  return build(program, arch, mostRegisters);
}
