// Code: PTX to the fake's own cubins, modules, launches on the simulator.
#include "test/fake-cuda/Machine.h"

#include "runtime/device/GpuArch.h"

#include <algorithm>
#include <cstdio>
#include <cstring>

namespace mamba::cuda {

/// A cubin of ours: this, the chip and the PTX's bytes in decimal, the PTX.
static constexpr char kMagic[] = "FAKE-CUBIN ";

static void writeLog(CUlinkState link, const std::string &text) {
  if (link->log && link->logBytes != 0)
    std::snprintf(link->log, link->logBytes, "%s\n", text.c_str());
}

/// The word after the first `name` at the beginning of a line.
static std::string directive(const std::string &ptx, const std::string &name) {
  size_t at = ptx.starts_with(name) ? 0 : ptx.find("\n" + name);
  if (at == ptx.npos)
    return "";
  at = ptx.find_first_not_of(" \t", ptx.find(name, at) + name.size());
  return ptx.substr(at, ptx.find_first_of(" \t,\r\n", at) - at);
}

CUresult cuLinkCreate_v2(unsigned options, CUjit_option *names, void **values,
                         CUlinkState *link) {
  ENTER(enterCurrent, cuLinkCreate_v2)
  CUlinkState_st made;
  made.context = m.current();
  for (unsigned i = 0; i < options; ++i) {
    if (names[i] == CU_JIT_ERROR_LOG_BUFFER)
      made.log = static_cast<char *>(values[i]);
    else if (names[i] == CU_JIT_ERROR_LOG_BUFFER_SIZE_BYTES)
      made.logBytes = reinterpret_cast<size_t>(values[i]);
    else if (names[i] == CU_JIT_TARGET)
      made.target = static_cast<unsigned>(reinterpret_cast<size_t>(values[i]));
    else
      return CUDA_ERROR_INVALID_VALUE;
  }
  *link = m.links.add(std::move(made));
  return CUDA_SUCCESS;
}

CUresult cuLinkAddData_v2(CUlinkState link, CUjitInputType type, void *data,
                          size_t bytes, const char *name, unsigned,
                          CUjit_option *, void **) {
  ENTER(enterCurrent, cuLinkAddData_v2)
  if (!m.links.has(link))
    return CUDA_ERROR_INVALID_HANDLE;
  auto *text = static_cast<const char *>(data);
  if (type != CU_JIT_INPUT_PTX || bytes == 0 || text[bytes - 1] != '\0')
    return CUDA_ERROR_INVALID_VALUE;
  std::string ptx(text, bytes - 1);
  std::string version = directive(ptx, ".version");
  std::erase(version, '.');
  if (version.empty() || std::stoul(version) > m.settings.ptx) {
    writeLog(link, "ptxas application ptx input, line 1; fatal   : Unsupported "
                   ".version " + directive(ptx, ".version"));
    return CUDA_ERROR_UNSUPPORTED_PTX_VERSION;
  }
  std::string arch = directive(ptx, ".target");
  unsigned chip = link->context->chip;
  bool fits = arch.starts_with("sm_") && GpuArch::of(arch).compilesFor(chip);
  if (fits && !GpuArch::of(arch).suffix.empty())
    fits = link->target % 0x10000 == GpuArch::of(arch).number &&
           link->target / 0x10000 == (arch.ends_with("f") ? 2 : 1);
  if (!fits) {
    writeLog(link, "ptxas fatal   : SM version specified by .target is higher "
                   "than default SM version assumed");
    return CUDA_ERROR_INVALID_PTX;
  }
  if (auto module = sim::Module::load(ptx, name); !module.ok()) {
    writeLog(link, "ptxas " + module.status().message());
    return CUDA_ERROR_INVALID_PTX;
  }
  link->cubin = kMagic + std::to_string(chip) + " " +
                std::to_string(ptx.size()) + "\n" + ptx;
  return CUDA_SUCCESS;
}

CUresult cuLinkComplete(CUlinkState link, void **cubin, size_t *bytes) {
  ENTER(enterCurrent, cuLinkComplete)
  if (!m.links.has(link))
    return CUDA_ERROR_INVALID_HANDLE;
  *cubin = link->cubin.data();
  *bytes = link->cubin.size();
  return CUDA_SUCCESS;
}

CUresult cuLinkDestroy(CUlinkState link) {
  Machine &m = Machine::get();
  std::lock_guard held(m.mutex);
  CUresult result = m.enterCurrent("cuLinkDestroy");
  m.links.remove(link);
  return result;
}

/// The PTX of a cubin for this chip.
static CUresult readCubin(Machine &m, const char *image, unsigned chip,
                          std::string &ptx) {
  for (const Machine::Cubin &cubin : m.cubins)
    if (std::memcmp(image, cubin.bytes.data(), 4) == 0 &&
        std::memcmp(image, cubin.bytes.data(), cubin.bytes.size()) == 0) {
      ptx = cubin.ptx;
      return cubin.chip / 10 == chip / 10 && cubin.chip <= chip
                 ? CUDA_SUCCESS
                 : CUDA_ERROR_NO_BINARY_FOR_GPU;
    }
  if (std::memcmp(image, "\x7f" "ELF", 4) == 0)
    return CUDA_ERROR_NO_BINARY_FOR_GPU;
  unsigned made = 0, start = 0;
  size_t bytes = 0;
  if (std::strncmp(image, kMagic, sizeof(kMagic) - 1) != 0 ||
      std::sscanf(image + sizeof(kMagic) - 1, "%u %zu%n", &made, &bytes,
                  &start) != 2)
    return CUDA_ERROR_INVALID_IMAGE;
  if (made / 10 != chip / 10 || made > chip)
    return CUDA_ERROR_NO_BINARY_FOR_GPU;
  ptx.assign(image + sizeof(kMagic) - 1 + start + 1, bytes);
  return CUDA_SUCCESS;
}

CUresult cuModuleLoadData(CUmodule *module, const void *image) {
  ENTER(enterCurrent, cuModuleLoadData)
  std::string ptx;
  if (CUresult result = readCubin(m, static_cast<const char *>(image),
                                  m.current()->chip, ptx))
    return result;
  auto code = sim::Module::load(ptx, "cubin");
  if (!code.ok())
    return CUDA_ERROR_INVALID_IMAGE;
  CUmod_st made;
  made.context = m.current();
  made.code = *std::move(code);
  *module = m.modules.add(std::move(made));
  return CUDA_SUCCESS;
}

CUresult cuModuleUnload(CUmodule module) {
  Machine &m = Machine::get();
  std::lock_guard held(m.mutex);
  CUresult result = m.enterCurrent("cuModuleUnload");
  m.modules.remove(module);
  return result;
}

CUresult cuModuleGetFunction(CUfunction *function, CUmodule module,
                             const char *name) {
  ENTER(enterCurrent, cuModuleGetFunction)
  if (!m.modules.has(module))
    return CUDA_ERROR_INVALID_HANDLE;
  int index = module->code->find(name);
  if (index < 0)
    return CUDA_ERROR_NOT_FOUND;
  *function = &module->functions
                   .try_emplace(name, CUfunc_st{module, uint32_t(index)})
                   .first->second;
  return CUDA_SUCCESS;
}

CUresult cuFuncGetAttribute(int *value, CUfunction_attribute attribute,
                            CUfunction function) {
  ENTER(enterCurrent, cuFuncGetAttribute)
  if (attribute != CU_FUNC_ATTRIBUTE_MAX_THREADS_PER_BLOCK)
    return CUDA_ERROR_INVALID_VALUE;
  const sim::Module &code = *function->module->code;
  *value = static_cast<int>(code.kernels()[function->kernel].maxThreads);
  return CUDA_SUCCESS;
}

/// The first parameter that is an address on another GPU, or -1: the simulator
/// has one memory for all.
static int otherGpus(Machine &m, CUfunction function,
                     const std::vector<uint8_t> &params) {
  const CUmod_st &module = *function->module;
  const sim::Module::Kernel &kernel = module.code->kernels()[function->kernel];
  for (size_t i = 0; i < kernel.paramOffsets.size(); ++i) {
    uint64_t value = 0;
    if (kernel.paramSizes[i] != sizeof(value))
      continue;
    std::memcpy(&value, params.data() + kernel.paramOffsets[i], sizeof(value));
    if (Block *block = m.findDevice(value, 1);
        block && block->context != module.context)
      return static_cast<int>(i);
  }
  return -1;
}

/// A launch whose parameters have been read.
static CUresult run(Machine &m, CUfunction function, sim::Launch launch,
                    const std::vector<uint8_t> &params) {
  if (!m.modules.has(function->module))
    return CUDA_ERROR_INVALID_HANDLE;
  launch.params = params;
  if (int other = otherGpus(m, function, params); other >= 0)
    return m.fail("parameter " + std::to_string(other) +
                  " is another GPU's memory");
  Status status = sim::run(*function->module->code, launch, *m.memory,
                           m.settings.checks, m.settings.threads, nullptr);
  return status.ok() ? CUDA_SUCCESS : m.fail(status.message());
}

/// What may begin while the launches before it run may find there what they had
/// found when the host last saw the stream empty.
static CUresult launch(Machine &m, const CUlaunchConfig &config,
                       CUfunction function, void **params, void **extra,
                       bool overlaps) {
  const unsigned grid[] = {config.gridDimX, config.gridDimY, config.gridDimZ};
  const unsigned block[] = {config.blockDimX, config.blockDimY,
                            config.blockDimZ};
  if (!m.modules.has(function->module) ||
      function->module->context != m.current())
    return CUDA_ERROR_INVALID_HANDLE;
  if (std::count(grid, grid + 3, 0) || std::count(block, block + 3, 0) ||
      grid[0] > 0x7fffffff || extra ||
      uint64_t(block[0]) * block[1] * block[2] > 1024)
    return CUDA_ERROR_INVALID_VALUE;
  const sim::Module::Kernel &kernel =
      function->module->code->kernels()[function->kernel];
  std::vector<uint8_t> bytes(kernel.paramBytes);
  for (size_t i = 0; i < kernel.paramOffsets.size(); ++i)
    std::memcpy(bytes.data() + kernel.paramOffsets[i], params[i],
                kernel.paramSizes[i]);
  sim::Launch shape;
  shape.kernel = function->kernel;
  std::copy(grid, grid + 3, shape.grid);
  std::copy(block, block + 3, shape.block);
  shape.dynamicShared = config.sharedMemBytes;
  std::string kind = overlaps ? "overlapping kernel " : "kernel ";
  return m.queue(config.hStream,
                 {kind + kernel.name, [=, &m]() mutable {
                    if (overlaps)
                      shape.overlapsSince = m.running->emptyAt;
                    return run(m, function, shape, bytes);
                  }});
}

CUresult cuLaunchKernel(CUfunction function, unsigned gridX, unsigned gridY,
                        unsigned gridZ, unsigned blockX, unsigned blockY,
                        unsigned blockZ, unsigned sharedBytes, CUstream stream,
                        void **params, void **extra) {
  ENTER(enterCurrent, cuLaunchKernel)
  return launch(m,
                {gridX, gridY, gridZ, blockX, blockY, blockZ, sharedBytes,
                 stream, nullptr, 0},
                function, params, extra, false);
}

CUresult cuLaunchKernelEx(const CUlaunchConfig *config, CUfunction function,
                          void **params, void **extra) {
  ENTER(enterCurrent, cuLaunchKernelEx)
  constexpr int kOverlapsInGraphs = 12030;
  if (!config || (config->numAttrs != 0 && !config->attrs) ||
      !m.streams.has(config->hStream))
    return CUDA_ERROR_INVALID_VALUE;
  bool overlaps = false;
  for (unsigned i = 0; i < config->numAttrs; ++i) {
    const CUlaunchAttribute &attribute = config->attrs[i];
    if (attribute.id != CU_LAUNCH_ATTRIBUTE_PROGRAMMATIC_STREAM_SERIALIZATION)
      return CUDA_ERROR_INVALID_VALUE;
    overlaps = attribute.value.programmaticStreamSerializationAllowed != 0;
  }
  if (overlaps && m.current()->chip < 90)
    return CUDA_ERROR_NOT_SUPPORTED;
  if (overlaps && config->hStream->capture &&
      m.settings.version < kOverlapsInGraphs) {
    config->hStream->isCaptureBroken = true;
    return CUDA_ERROR_STREAM_CAPTURE_UNSUPPORTED;
  }
  return launch(m, *config, function, params, extra, overlaps);
}

} // namespace mamba::cuda
