// Runs a kernel of the text with any launch; `out` is its only parameter.
#pragma once

#include "runtime/device/sim/Sim.h"

#include <gtest/gtest.h>

#include <cstring>
#include <string>
#include <vector>

namespace mamba::sim {

struct EngineRun {
  uint32_t grid = 1, block = 32, dynamicShared = 0;
  unsigned threads = 1;
  Checks checks;
  size_t words = 32; // of out, all 0xcdcdcdcd before
  uint32_t fill = 0xcdcdcdcd;

  // Afterwards.
  std::vector<uint32_t> out;
  Status status;
  Counts counts;

  /// `body` is that of kernel k(.param .u64 out): %out holds the address, %t
  /// %tid.x; registers %p0-9, %r0-39, %q0-19 and %f0-9 are declared.
  EngineRun &run(const std::string &body, const std::string &moduleText = "") {
    return runText(".version 8.0\n.target sm_80\n.address_size 64\n" + moduleText +
                   ".visible .entry k(.param .u64 out)\n{\n.reg .pred %p<10>;\n.reg .b32 %r<40>;\n"
                   ".reg .b64 %q<20>;\n.reg .f32 %f<10>;\n.reg .u32 %t;\n.reg .u64 %out, %mine;\n"
                   "ld.param.u64 %out, [out];\nmov.u32 %t, %tid.x;\n"
                   "mad.wide.u32 %mine, %t, 4, %out;\n" +
                   body + "\nret;\n}\n");
  }
  EngineRun &runText(const std::string &text) {
    out.assign(words, fill);
    auto module = Module::load(text, "test");
    if (!module.ok()) {
      status = module.status();
      return *this;
    }
    // At a multiple of 256, so that sectors can be counted.
    std::vector<uint32_t> room(words + 64, fill);
    uint32_t *place = room.data() + (-(reinterpret_cast<uintptr_t>(room.data()) / 4) & 63);
    GlobalMemory memory;
    auto address = memory.map(place, words * 4, "out", true);
    EXPECT_TRUE(address.ok());
    uint64_t param = *address;
    std::vector<uint8_t> params(8);
    std::memcpy(params.data(), &param, 8);
    Launch launch;
    launch.grid[0] = grid;
    launch.block[0] = block;
    launch.dynamicShared = dynamicShared;
    launch.params = params;
    status = sim::run(**module, launch, memory, checks, threads, &counts);
    std::memcpy(out.data(), place, words * 4);
    return *this;
  }
};

inline testing::AssertionResult succeeded(const EngineRun &run) {
  return run.status.ok() ? testing::AssertionSuccess()
                         : testing::AssertionFailure() << run.status.message();
}
/// The run failed and its message holds all of these.
inline testing::AssertionResult failedWith(const EngineRun &run,
                                           std::initializer_list<const char *> parts) {
  if (run.status.ok())
    return testing::AssertionFailure() << "it succeeded";
  for (const char *part : parts)
    if (run.status.message().find(part) == std::string::npos)
      return testing::AssertionFailure() << "no '" << part << "' in: " << run.status.message();
  return testing::AssertionSuccess();
}

} // namespace mamba::sim
