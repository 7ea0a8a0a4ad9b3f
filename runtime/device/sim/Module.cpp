// Module::load: the text once parsed, every kernel decoded.
#include "runtime/device/sim/Decoder.h"
#include "runtime/device/sim/Loaded.h"

#include <algorithm>
#include <new>

using namespace mamba;
using namespace mamba::sim;

Module::Module() : impl_(std::make_unique<Impl>()) {}
Module::~Module() = default;

const std::vector<Module::Kernel> &Module::kernels() const { return impl_->kernels; }
const std::string &Module::target() const { return impl_->parsed->target; }
int Module::find(std::string_view name) const {
  for (size_t i = 0; i < impl_->kernels.size(); ++i)
    if (impl_->kernels[i].name == name)
      return int(i);
  return -1;
}

namespace {
constexpr uint64_t maxModuleBytes = uint64_t(1) << 28;

Status placeVariables(const ptx::Module &parsed, ModuleLayout &layout) {
  for (const ptx::Variable &v : parsed.variables) {
    if (v.space == ptx::Space::Shared) {
      layout.addresses.push_back(0);
      continue;
    }
    std::string where = "line " + std::to_string(v.line) + ": variable '" + v.name + "' ";
    if (v.isExtern)
      return invalidData(where + "is defined elsewhere: the simulator links no modules");
    uint64_t align = std::max(v.align, 16u);
    uint64_t at = (layout.data.size() + align - 1) & ~(align - 1);
    if (v.bytes > maxModuleBytes || at + v.bytes > maxModuleBytes)
      return invalidData(where + "does not fit: a module may have " +
                         std::to_string(maxModuleBytes) + " bytes of variables");
    layout.addresses.push_back(kModuleWindow + at);
    layout.data.resize(at + v.bytes);
    std::copy_n(v.init.begin(), std::min<uint64_t>(v.init.size(), v.bytes),
                layout.data.begin() + at);
  }
  return {};
}

/// Parses, and decodes every kernel.
Status decode(std::string_view ptx, const std::string &what, Module::Impl &impl) {
  MAMBA_ASSIGN_OR_RETURN(impl.parsed, ptx::parse(ptx, what));
  if (Status s = placeVariables(*impl.parsed, impl.layout); !s.ok())
    return s.withContext(what);
  for (const ptx::Function &f : impl.parsed->functions) {
    if (!f.isEntry)
      continue;
    auto program = Decoder(*impl.parsed, impl.layout, f).run();
    if (!program.ok())
      return program.status().withContext(what);
    Module::Kernel kernel;
    kernel.name = f.name;
    kernel.paramBytes = f.paramBytes;
    kernel.paramOffsets = f.paramOffsets;
    for (const ptx::Variable &v : f.params)
      kernel.paramSizes.push_back(uint32_t(v.bytes));
    kernel.sharedBytes = (*program)->staticShared;
    auto limit = f.reqntid ? f.reqntid : f.maxntid;
    kernel.maxThreads = limit ? uint32_t(std::min<uint64_t>(
                                    1024, uint64_t((*limit)[0]) * (*limit)[1] * (*limit)[2]))
                              : 1024;
    kernel.registers = (*program)->registerRows;
    impl.kernels.push_back(std::move(kernel));
    impl.functions.push_back(&f);
    impl.programs.push_back(*std::move(program));
  }
  return {};
}
} // namespace

Result<std::unique_ptr<Module>> Module::load(std::string_view ptx, const std::string &what) {
  try {
    std::unique_ptr<Module> module(new Module());
    MAMBA_RETURN_IF_ERROR(decode(ptx, what, *module->impl_));
    return module;
  } catch (const std::bad_alloc &) {
    return outOfMemory(what + ": not enough memory to decode " + std::to_string(ptx.size()) +
                       " bytes of PTX");
  }
}
