// Short PTX texts for tests of the reader.
#pragma once

#include "runtime/device/sim/ptx/Ptx.h"

#include <gtest/gtest.h>

namespace mamba::ptx {

inline const std::string kHeader = ".version 8.0\n.target sm_80\n.address_size 64\n";

/// A module with one kernel `k`, whose body starts in line 12. It has the
/// parameters p and q, the registers %r0 to %r9, %rd0 to %rd9, %f0 to %f9 and
/// %p0 to %p3; the module has the variables `table` and `dyn`.
inline std::string kernel(const std::string &body) {
  return kHeader + ".const .align 16 .b8 table[16];\n"
                   ".extern .shared .align 16 .b8 dyn[];\n"
                   ".visible .entry k(.param .u64 p, .param .u32 q)\n{\n"
                   ".reg .b32 %r<10>;\n.reg .b64 %rd<10>;\n.reg .f32 %f<10>; .reg .pred %p<4>;\n"
                   "\n" + body + "\n}\n";
}

/// The module, or null and a failure of the test.
inline std::unique_ptr<Module> parsed(const std::string &text) {
  Result<std::unique_ptr<Module>> module = parse(text, "text");
  if (!module.ok()) {
    ADD_FAILURE() << module.status().message();
    return nullptr;
  }
  return *std::move(module);
}

/// The first kernel of a module with this body; empty after a failure.
inline Function parsedKernel(const std::string &body) {
  std::unique_ptr<Module> module = parsed(kernel(body));
  return module ? std::move(module->functions.back()) : Function();
}

/// The first instruction of a kernel with this body; empty after a failure.
inline Instruction parsedInstruction(const std::string &text) {
  Function function = parsedKernel(text);
  return function.instructions.empty() ? Instruction() : function.instructions.front();
}

inline std::string failure(const std::string &text) {
  Result<std::unique_ptr<Module>> module = parse(text, "text");
  return module.ok() ? "parsed" : module.status().message();
}

} // namespace mamba::ptx
