#include "runtime/predict/Code.h"

#include "runtime/pack/Cubin.h"
#include "runtime/support/Quote.h"

namespace mamba::predict {

Result<Code> readCode(std::string_view ptx, std::span<const uint8_t> cubin,
                      const TargetSpec &target) {
  Code code;
  code.arch = target.arch;
  MAMBA_ASSIGN_OR_RETURN(code.module, sim::Module::load(ptx, "PTX for " + target.arch));
  Cubin machine;
  if (!cubin.empty()) {
    MAMBA_ASSIGN_OR_RETURN(machine, readCubin(cubin, "the cubin for " + target.arch));
  }
  for (const KernelSpec &spec : target.kernels) {
    Kernel kernel;
    kernel.name = spec.symbol;
    kernel.ops = spec.ops;
    kernel.schedule = spec.schedule;
    kernel.threads = spec.launch->threads;
    kernel.shared = spec.launch->shared;
    int index = code.module->find(spec.symbol);
    if (index < 0)
      return invalidData("the PTX has no kernel " + inQuotes(spec.symbol));
    kernel.index = uint32_t(index);
    kernel.registers = code.module->kernels()[kernel.index].registers;
    kernel.text = std::string(ptx) + spec.symbol;
    for (const CubinKernel &found : machine.kernels)
      if (found.name == spec.symbol) {
        kernel.registers = found.registers;
        kernel.localBytes = found.localBytes;
        kernel.machine = sim::mixOfCode(found.code, machine.chip);
      }
    code.kernels.push_back(std::move(kernel));
  }
  return std::move(code);
}

Result<Code> readCode(const Pack &pack, const TargetSpec &target) {
  MAMBA_ASSIGN_OR_RETURN(std::vector<uint8_t> ptx, pack.code(target.code));
  std::vector<uint8_t> cubin;
  if (target.cubin) {
    MAMBA_ASSIGN_OR_RETURN(cubin, pack.code(*target.cubin));
  }
  std::string_view text(reinterpret_cast<const char *>(ptx.data()), ptx.size());
  return readCode(text, cubin, target);
}

} // namespace mamba::predict
