// A GPU in software: executes PTX warp by warp, in lockstep over the lanes.
#pragma once

#include "runtime/device/sim/Counts.h"
#include "runtime/support/Status.h"

#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace mamba::sim {

/// Global memory: allocations with room between them. An address that lies in
/// none, or a byte that nothing wrote, is found when a kernel reads it. Host
/// calls that change it must not run beside a launch.
class GlobalMemory {
public:
  GlobalMemory();
  ~GlobalMemory();
  GlobalMemory(const GlobalMemory &) = delete;

  /// Takes host memory (borrowed until release) as an allocation; `name` is
  /// what messages call it. Its address is a multiple of 256 plus host modulo 256,
  /// so that alignment is the host's. If !isWritten its bytes count as never written.
  Result<uint64_t> map(void *host, uint64_t bytes, std::string name, bool isWritten);
  /// The same at a multiple of 256, for memory that kernels may only read.
  Result<uint64_t> mapReadOnly(const void *host, uint64_t bytes, std::string name);
  /// From here on kernels may only read the allocation; what was never written
  /// stays so.
  void makeReadOnly(uint64_t address);
  void release(uint64_t address);
  /// From here on the range counts as never written, or as written by the host.
  void markUnwritten(uint64_t address, uint64_t bytes);
  void markWritten(uint64_t address, uint64_t bytes);
  /// Of the allocation at `address`: the first byte that nothing wrote, or its size.
  uint64_t firstUnwritten(uint64_t address) const;
  /// Goes on with each allocation, launch and write of the host.
  uint64_t time() const;

  struct Impl;
  Impl &impl() const { return *impl_; }

private:
  std::unique_ptr<Impl> impl_;
};

/// A decoded module. Immutable after load; any number of launches at once.
class Module {
public:
  /// Parses and decodes. Every instruction of every kernel must be known: else
  /// a failure names it and its line.
  static Result<std::unique_ptr<Module>> load(std::string_view ptx, const std::string &what);
  ~Module();

  struct Kernel {
    std::string name;
    uint32_t paramBytes;
    std::vector<uint32_t> paramOffsets, paramSizes;
    uint32_t sharedBytes;  // static
    uint32_t maxThreads;   // of .reqntid or .maxntid, or 1024
    uint32_t registers;    // of 32 bits, needed at once: about what the assembler takes
  };
  const std::vector<Kernel> &kernels() const;
  /// Index of the kernel, or -1.
  int find(std::string_view name) const;
  /// What the text was made for, "sm_80".
  const std::string &target() const;

  struct Impl;
  const Impl &impl() const { return *impl_; }

private:
  Module();
  std::unique_ptr<Impl> impl_;
};

struct Launch {
  uint32_t kernel = 0; // index in Module::kernels
  uint32_t grid[3] = {1, 1, 1}, block[3] = {1, 1, 1};
  uint32_t dynamicShared = 0;
  std::span<const uint8_t> params; // exactly paramBytes
  /// Of a launch that may begin while earlier ones run: a GlobalMemory::time() at
  /// which those before had ended. Until a thread has executed griddepcontrol.wait
  /// it may only read, and only what has not changed since; it must execute it
  /// itself before it ends.
  std::optional<uint64_t> overlapsSince = {};
};

/// How much is checked. Bounds, alignment, barriers and deadlock always are; the
/// waits of cp.async if anything else is.
struct Checks {
  bool unwritten = true; // reads of memory that nothing wrote
  bool races = true;     // on shared and global memory
  /// A warp that runs longer is reported as a deadlock; instructions, of which an
  /// atomic or ordered access counts for 128. A scan of 65536 steps of 1000
  /// instructions takes a quarter.
  uint64_t maxWarpInstructions = uint64_t(1) << 28;
};

/// Runs a grid over `threads` host threads and waits for its end. The first
/// defect (of the lowest block number) is the Status: what, kernel, PTX line
/// with its text, block, warp, lane, address and allocation. After a defect the
/// memory's content is unspecified. Adds to `counts` unless it is null.
Status run(const Module &module, const Launch &launch, GlobalMemory &memory, const Checks &checks,
           unsigned threads, Counts *counts);

} // namespace mamba::sim
