// Whatever the text is: the simulator refuses to load it, or runs its kernels
// until they end, stop at a defect or have run long enough.
#include "runtime/device/sim/Sim.h"

#include <cstdio>
#include <cstdlib>
#include <cstring>

using namespace mamba;
using namespace mamba::sim;

extern "C" int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
  auto module = Module::load({reinterpret_cast<const char *>(data), size}, "fuzz");
  if (!module.ok())
    return 0;
  static std::vector<uint32_t> words(1024);
  GlobalMemory memory;
  auto address = memory.map(words.data(), words.size() * 4, "words", true);
  if (!address.ok())
    std::abort();
  for (uint32_t k = 0; k < (*module)->kernels().size(); ++k) {
    const Module::Kernel &kernel = (*module)->kernels()[k];
    std::vector<uint8_t> params(kernel.paramBytes);
    for (uint32_t offset : kernel.paramOffsets)
      if (offset + 8 <= params.size())
        std::memcpy(params.data() + offset, &*address, 8);
    Launch launch;
    launch.kernel = k;
    launch.grid[0] = 2;
    launch.block[0] = kernel.maxThreads < 48 ? kernel.maxThreads : 48;
    launch.dynamicShared = 64;
    launch.params = params;
    Checks checks;
    checks.unwritten = checks.races = size % 2;
    checks.maxWarpInstructions = 1000;
    Counts counts;
    Status status = run(**module, launch, memory, checks, 1, size % 3 ? &counts : nullptr);
    const std::string &message = status.message();
    if (!status.ok() && (message.empty() || message.find('\n') != std::string::npos)) {
      std::fprintf(stderr, "fuzz_sim: a message that is not one line: %s\n", message.c_str());
      std::abort();
    }
  }
  return 0;
}
