// A target's kernels on a GPU, from the form of them that works there.
#pragma once

#include "runtime/device/cuda/CudaTargets.h"
#include "runtime/device/cuda/Gpu.h"
#include "runtime/support/KernelCache.h"

#include <span>
#include <vector>

namespace mamba::cuda {

class CudaCode {
public:
  /// The cubin if it is for this chip, else the PTX by the driver, else the
  /// C++ by NVRTC; `wanted` alone if it is given. What was compiled is kept in
  /// the cache. The failure says why each form does not do. The GPU's context
  /// is current.
  static Result<CudaCode> load(std::shared_ptr<const Gpu> gpu,
                               const Pack &pack, const TargetSpec &target,
                               std::optional<CodeForm> wanted,
                               const KernelCache &cache);

  CUfunction function(uint32_t kernel) const { return functions_[kernel]; }
  CodeForm form() const { return form_; }
  /// What the code depends on, besides the pack's bytes: "ptx, sm_90, ...".
  const std::string &key() const { return key_; }

private:
  CudaCode(std::shared_ptr<const Gpu> gpu, const Pack &pack,
           const TargetSpec &target)
      : gpu_(std::move(gpu)), pack_(&pack), target_(&target) {}
  Status tryForm(const KernelCache &cache);
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
  CodeForm form_ = CodeForm::Cubin;
  std::string key_;
  ModuleHandle module_;
  std::vector<CUfunction> functions_; // Of the target's kernels, in module_.
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
