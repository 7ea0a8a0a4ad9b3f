// Reads what a cubin, NVIDIA's ELF for one chip, says of its kernels. Assumes an
// enemy: nothing outside the bytes is read, whatever they say.
#pragma once

#include "runtime/support/Status.h"

#include <cstdint>
#include <span>
#include <string>
#include <vector>

namespace mamba {

struct CubinKernel {
  std::string name;
  uint32_t registers = 0;         // of a thread
  uint64_t sharedBytes = 0;       // static, of a block; without what the system keeps
  uint64_t localBytes = 0;        // stack of a thread: arrays and spills
  std::span<const uint8_t> code;  // borrowed from the cubin
};

struct Cubin {
  unsigned chip = 0; // 80 for sm_80
  std::vector<CubinKernel> kernels;
};

/// `what` names the cubin in messages.
Result<Cubin> readCubin(std::span<const uint8_t> bytes, const std::string &what);

} // namespace mamba
