#include "runtime/device/cuda/CudaCode.h"

#include "runtime/device/GpuArch.h"
#include "runtime/device/cuda/Nvrtc.h"
#include "runtime/support/Quote.h"
#include "runtime/support/Version.h"

#include <algorithm>

using namespace mamba;
using namespace mamba::cuda;

const char *cuda::nameOf(CodeForm form) {
  switch (form) {
  case CodeForm::Cubin:
    return "cubin";
  case CodeForm::Ptx:
    return "PTX";
  case CodeForm::Nvrtc:
    return "CUDA C++";
  }
  return "";
}

Result<CudaCode> CudaCode::load(std::shared_ptr<const Gpu> gpu,
                                const Pack &pack, const TargetSpec &target,
                                std::optional<CodeForm> wanted,
                                const KernelCache &cache, const Warn &warn) {
  std::string reasons;
  StatusCode code = StatusCode::Unavailable;
  for (CodeForm form : {CodeForm::Cubin, CodeForm::Ptx, CodeForm::Nvrtc}) {
    if (wanted && *wanted != form)
      continue;
    CudaCode loaded(gpu, pack, target);
    loaded.choice_ = {form, 0};
    Status status = loaded.tryForm(cache);
    if (status.ok() && !wanted)
      loaded.takeNamed(cache, warn);
    if (status.ok())
      return loaded;
    status = status.withContext(std::string("its ") + nameOf(form));
    // Another form would not help.
    if (status.code() == StatusCode::OutOfMemory)
      return status;
    reasons += (reasons.empty() ? "" : "; ") + status.message();
    code = status.code();
  }
  if (wanted)
    reasons += "; MAMBA_CUDA_PREFER allows no other form, unset it";
  return Status(code, reasons);
}

/// Kernels for which another form is known to be faster have that one; where it
/// does not work here, what the others have.
void CudaCode::takeNamed(const KernelCache &cache, const Warn &warn) {
  std::vector<std::pair<CodeChoice, std::vector<uint32_t>>> named;
  for (uint32_t i = 0; i < target_->kernels.size(); ++i) {
    auto choice = CodeChoice::parse(target_->kernels[i].codeForm.value_or(""));
    if (!choice || *choice == choice_)
      continue;
    auto at = std::find_if(named.begin(), named.end(),
                           [&](const auto &known) { return known.first == *choice; });
    if (at == named.end())
      at = named.insert(named.end(), {*choice, {}});
    at->second.push_back(i);
  }
  for (const auto &[choice, kernels] : named) {
    CudaCode other(gpu_, *pack_, *target_);
    other.choice_ = choice;
    if (Status status = other.tryForm(cache); !status.ok()) {
      if (warn)
        warn("kernels that are faster as " + choice.text() + " run from their " +
             nameOf(choice_.form) + ": " + status.message());
      continue;
    }
    for (uint32_t kernel : kernels) {
      functions_[kernel] = other.functions_[kernel];
      choices_[kernel] = choice;
      key_ += "\n" + target_->kernels[kernel].symbol;
    }
    key_ += " by " + other.key_;
    others_.push_back(std::move(other.module_));
  }
}

Status CudaCode::tryForm(const KernelCache &cache) {
  if (choice_.form == CodeForm::Cubin) {
    if (!target_->cubin)
      return unavailable("the pack has none");
    if (!GpuArch::of(target_->arch).runsOn(gpu_->chip()))
      return unavailable("it is for " + target_->arch);
  }
  if (choice_.form == CodeForm::Nvrtc && !target_->cuda)
    return unavailable("the pack has none");
  MAMBA_ASSIGN_OR_RETURN(key_, makeKey());
  if (choice_.form == CodeForm::Cubin) {
    MAMBA_ASSIGN_OR_RETURN(std::vector<uint8_t> cubin,
                           pack_->code(*target_->cubin));
    return loadModule(cubin);
  }
  if (auto kept = cache.find(key_)) {
    Status loaded = loadModule(*kept);
    if (loaded.ok() || loaded.code() == StatusCode::OutOfMemory)
      return loaded;
    // Whole, and yet the driver does not take it.
    cache.remove(key_);
  }
  MAMBA_ASSIGN_OR_RETURN(std::vector<uint8_t> cubin, compile());
  MAMBA_RETURN_IF_ERROR(loadModule(cubin));
  cache.store(key_, cubin.data(), cubin.size());
  return {};
}

/// The chip that NVRTC compiles for: this one, but code for one chip alone.
std::string CudaCode::archOfCxx() const {
  return GpuArch::of(target_->arch).suffix.empty()
             ? "sm_" + std::to_string(gpu_->chip())
             : target_->arch;
}

Result<std::string> CudaCode::makeKey() const {
  const std::string &name = choice_.form == CodeForm::Cubin ? *target_->cubin
                            : choice_.form == CodeForm::Ptx ? target_->code
                                                     : *target_->cuda;
  std::string key = std::string("mamba " MAMBA_VERSION "\n") + nameOf(choice_.form);
  // Verified with the manifest: every blob is in its table.
  for (const BlobSpec &blob : pack_->manifest().blobs)
    if (blob.name == name)
      key += "\n" + blob.sha256;
  key += "\nsm_" + std::to_string(gpu_->chip()) + "\ndriver " +
         std::to_string(gpu_->driver().version());
  if (choice_.form == CodeForm::Nvrtc) {
    MAMBA_ASSIGN_OR_RETURN(const Nvrtc *nvrtc, Nvrtc::load());
    key += "\nNVRTC " + nvrtc->version() + " " + archOfCxx();
    for (const char *option : Nvrtc::kOptions)
      key += std::string(" ") + option;
    if (choice_.mostRegisters)
      key += " " + std::to_string(choice_.mostRegisters) + " registers";
  }
  return key;
}

Result<std::vector<uint8_t>> CudaCode::compile() const {
  return choice_.form == CodeForm::Ptx ? compilePtx() : compileCxx();
}

/// The first line of a log of the driver's compiler, or nothing.
static std::string firstLine(const std::string &log) {
  size_t start = log.find_first_not_of("\n ");
  if (start == log.npos || log[start] == '\0')
    return "";
  return ": " + log.substr(start, std::min(log.find('\n', start),
                                           log.find('\0', start)) -
                                      start);
}

static unsigned jitTarget(const GpuArch &arch) {
  return arch.number +
         (arch.suffix == "f" ? kFamilyTarget : kAcceleratedTarget);
}

Result<std::vector<uint8_t>> CudaCode::compilePtx() const {
  MAMBA_ASSIGN_OR_RETURN(std::vector<uint8_t> ptx, pack_->code(target_->code));
  ptx.push_back(0); // The driver wants the text with its end.
  return linkPtx(gpu_, ptx, target_->arch, target_->code);
}

Result<std::vector<uint8_t>>
cuda::linkPtx(const std::shared_ptr<const Gpu> &gpu, std::span<uint8_t> ptx,
              const std::string &archOfPtx, const std::string &name) {
  std::string log(4096, '\0');
  // Without a target it compiles for the current GPU, but no code for that
  // chip alone.
  GpuArch arch = GpuArch::of(archOfPtx);
  CUjit_option names[] = {CU_JIT_ERROR_LOG_BUFFER,
                          CU_JIT_ERROR_LOG_BUFFER_SIZE_BYTES, CU_JIT_TARGET};
  void *values[] = {log.data(), reinterpret_cast<void *>(log.size() - 1),
                    reinterpret_cast<void *>(uintptr_t(jitTarget(arch)))};
  const Driver &driver = gpu->driver();
  CUlinkState state = nullptr;
  MAMBA_RETURN_IF_ERROR(gpu->check(
      driver.cuLinkCreate_v2(arch.suffix.empty() ? 2 : 3, names, values,
                             &state),
      "start to compile"));
  LinkHandle link(gpu, state); // Uses log until it ends.
  CUresult result =
      driver.cuLinkAddData_v2(state, CU_JIT_INPUT_PTX, ptx.data(), ptx.size(),
                              name.c_str(), 0, nullptr, nullptr);
  void *cubin = nullptr;
  size_t bytes = 0;
  if (result == CUDA_SUCCESS)
    result = driver.cuLinkComplete(state, &cubin, &bytes);
  if (result != CUDA_SUCCESS) {
    Status status = driver.failure(result, "compile it for sm_" +
                                               std::to_string(gpu->chip()));
    return Status(status.code(), status.message() + firstLine(log));
  }
  auto *first = static_cast<const uint8_t *>(cubin);
  return std::vector<uint8_t>(first, first + bytes); // The link's own goes.
}

Result<std::vector<uint8_t>> CudaCode::compileCxx() const {
  MAMBA_ASSIGN_OR_RETURN(const Nvrtc *nvrtc, Nvrtc::load());
  MAMBA_ASSIGN_OR_RETURN(std::vector<uint8_t> source,
                         pack_->code(*target_->cuda));
  return nvrtc->compile(std::string(source.begin(), source.end()), archOfCxx(),
                        choice_.mostRegisters);
}

Status CudaCode::loadModule(const std::vector<uint8_t> &cubin) {
  functions_.clear();
  choices_.assign(target_->kernels.size(), choice_);
  CUmodule module = nullptr;
  MAMBA_RETURN_IF_ERROR(gpu_->check(
      gpu_->driver().cuModuleLoadData(&module, cubin.data()), "load it"));
  module_ = ModuleHandle(gpu_, module);
  for (const KernelSpec &kernel : target_->kernels)
    MAMBA_RETURN_IF_ERROR(
        bindKernel(kernel).withContext("kernel " + inQuotes(kernel.symbol)));
  return {};
}

/// Asking for an attribute also makes the driver load a kernel, which it may
/// put off, and a capture is no time for it.
Status CudaCode::bindKernel(const KernelSpec &kernel) {
  const Driver &driver = gpu_->driver();
  CUfunction function = nullptr;
  MAMBA_RETURN_IF_ERROR(
      gpu_->check(driver.cuModuleGetFunction(&function, module_.get(),
                                             kernel.symbol.c_str()),
                  "find it"));
  int threads = 0;
  MAMBA_RETURN_IF_ERROR(gpu_->check(
      driver.cuFuncGetAttribute(
          &threads, CU_FUNC_ATTRIBUTE_MAX_THREADS_PER_BLOCK, function),
      "ask for its threads"));
  if (static_cast<uint32_t>(threads) < kernel.launch->threads)
    return invalidData("blocks can have at most " + std::to_string(threads) +
                       " threads on this GPU, the pack has " +
                       std::to_string(kernel.launch->threads));
  functions_.push_back(function);
  return {};
}
