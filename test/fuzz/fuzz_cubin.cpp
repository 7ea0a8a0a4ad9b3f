// Whatever the bytes are: the reader refuses them in one line, or each kernel's
// code lies within them and can be counted.
#include "runtime/device/sim/CubinMix.h"
#include "runtime/pack/Cubin.h"

#include <cstdio>
#include <cstdlib>

using namespace mamba;

static void require(bool condition, const char *what) {
  if (condition)
    return;
  std::fprintf(stderr, "fuzz_cubin: %s\n", what);
  std::abort();
}

extern "C" int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
  Result<Cubin> cubin = readCubin({data, size}, "cubin");
  if (!cubin.ok()) {
    require(cubin.status().message().find('\n') == std::string::npos,
            "a message that is not one line");
    return 0;
  }
  for (const CubinKernel &kernel : cubin->kernels) {
    require(!kernel.name.empty(), "a kernel without a name");
    require(kernel.code.empty() || (kernel.code.data() >= data && kernel.code.size() <= size &&
                                    kernel.code.data() + kernel.code.size() <= data + size),
            "code outside of the file");
    require(sim::mixOfCode(kernel.code, cubin->chip).total() <= kernel.code.size() / 16,
            "more instructions than the code has");
  }
  return 0;
}
