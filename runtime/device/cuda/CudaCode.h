// A target's kernels on a GPU, from the form of them that works there.
#pragma once

#include "runtime/device/cuda/CudaTargets.h"
#include "runtime/device/cuda/Gpu.h"
#include "runtime/support/KernelCache.h"

#include <functional>
#include <span>
#include <vector>

namespace mamba::cuda {

class CudaCode {
public:
  /// Told in one line which form that kernels name does not work here, and why.
  using Warn = std::function<void(const std::string &)>;

  /// The cubin if it is for this chip, else the PTX by the driver, else the
  /// C++ by NVRTC; `wanted` alone if it is given. Kernels that name a form have
  /// it where it works here, unless another is wanted. What was compiled is kept
  /// in the cache. The failure says why each form does not do. The GPU's context
  /// is current.
  static Result<CudaCode> load(std::shared_ptr<const Gpu> gpu,
                               const Pack &pack, const TargetSpec &target,
                               std::optional<CodeForm> wanted,
                               const KernelCache &cache,
                               const Warn &warn = nullptr);

  CUfunction function(uint32_t kernel) const { return functions_[kernel]; }
  /// Of the kernels that name none.
  CodeForm form() const { return choice_.form; }
  const CodeChoice &choice(uint32_t kernel) const { return choices_[kernel]; }
  /// What the code depends on, besides the pack's bytes: "ptx, sm_90, ...".
  const std::string &key() const { return key_; }

private:
  CudaCode(std::shared_ptr<const Gpu> gpu, const Pack &pack,
           const TargetSpec &target)
      : gpu_(std::move(gpu)), pack_(&pack), target_(&target) {}
  Status tryForm(const KernelCache &cache);
  void takeNamed(const KernelCache &cache, const Warn &warn);
  Result<std::string> makeKey() const;
  Result<std::vector<uint8_t>> compile() const;
  Result<std::vector<uint8_t>> compilePtx() const;
  Result<std::vector<uint8_t>> compileCxx() const;
  Status loadModule(const std::vector<uint8_t> &cubin);
  Status bindKernel(const KernelSpec &kernel);
  std::string archOfCxx() const;

  std::shared_ptr<const Gpu> gpu_;
  const Pack *pack_;         // Borrowed; outlives this.
  const TargetSpec *target_; // Of pack_.
  CodeChoice choice_;
  std::string key_;
  ModuleHandle module_;
  std::vector<ModuleHandle> others_;  // Of kernels that name another form.
  std::vector<CUfunction> functions_; // Of the target's kernels.
  std::vector<CodeChoice> choices_;   // Likewise.
};

/// PTX, with the zero that ends it, as machine code for this GPU by its driver.
/// The failure has the first line of the driver's log.
Result<std::vector<uint8_t>> linkPtx(const std::shared_ptr<const Gpu> &gpu,
                                     std::span<uint8_t> ptx,
                                     const std::string &archOfPtx,
                                     const std::string &name);

/// "cubin", "PTX" or "CUDA C++".
const char *nameOf(CodeForm form);

} // namespace mamba::cuda
