// run(): the blocks of a grid over host threads.
#include "runtime/device/sim/Helpers.h"
#include "runtime/device/sim/Loaded.h"
#include "runtime/device/sim/Numerics.h"
#include "runtime/device/sim/Schedule.h"

#include <algorithm>
#include <mutex>
#include <new>

using namespace mamba;
using namespace mamba::sim;

namespace {
constexpr uint32_t maxShared = 256 * 1024;
/// Of the registers, and of the local memory, of the threads of a block.
constexpr uint64_t maxBlockBytes = uint64_t(1) << 30;
/// Of all blocks that run at once, if that leaves one.
constexpr uint64_t maxTeamBytes = uint64_t(2) << 30;

Status checkLaunch(const Module::Kernel &kernel, const ptx::Function &function,
                   const Program &program, const Launch &launch) {
  auto wrong = [&](const std::string &why) {
    return invalidArgument("kernel '" + kernel.name + "': " + why);
  };
  auto three = [](const uint32_t *n) {
    return std::to_string(n[0]) + " x " + std::to_string(n[1]) + " x " + std::to_string(n[2]);
  };
  uint64_t threads = 1;
  for (unsigned k = 0; k < 3; ++k) {
    static constexpr uint32_t most[] = {0x7fffffff, 65535, 65535};
    if (launch.grid[k] == 0 || launch.block[k] == 0)
      return wrong("a grid of " + three(launch.grid) + " blocks of " + three(launch.block) +
                   " threads has none");
    if (launch.grid[k] > most[k])
      return wrong("a grid of " + three(launch.grid) + " is too large: at most 2147483647 x "
                   "65535 x 65535 blocks");
    threads *= launch.block[k];
  }
  if (threads > kernel.maxThreads || launch.block[2] > 64)
    return wrong("blocks of " + three(launch.block) + " threads, but it takes at most " +
                 std::to_string(kernel.maxThreads));
  if (function.reqntid)
    for (unsigned k = 0; k < 3; ++k)
      if (launch.block[k] != (*function.reqntid)[k])
        return wrong("blocks of " + three(launch.block) + " threads, but it requires " +
                     three(function.reqntid->data()));
  if (launch.params.size() != kernel.paramBytes)
    return wrong(std::to_string(launch.params.size()) + " bytes of parameters, but it takes " +
                 std::to_string(kernel.paramBytes));
  if (uint64_t(program.staticShared) + launch.dynamicShared > maxShared)
    return wrong("needs " +
                 std::to_string(uint64_t(program.staticShared) + launch.dynamicShared) +
                 " bytes of shared memory: at most " + std::to_string(maxShared));
  uint64_t warps = (threads + kLanes - 1) / kLanes;
  if (program.rows * uint64_t(kRowBytes) * warps > maxBlockBytes ||
      program.localBytes * uint64_t(kLanes) * warps > maxBlockBytes)
    return outOfMemory("kernel '" + kernel.name + "': the registers or the local memory of a "
                       "block take more than " + std::to_string(maxBlockBytes) + " bytes");
  return {};
}

/// Of those host threads, as many as have room for their blocks.
uint64_t teamFor(unsigned threads, const Grid &grid, uint64_t blocks) {
  const Program &program = *grid.program;
  uint64_t rows = program.rows * uint64_t(kRowBytes) * grid.warps;
  uint64_t local = program.localBytes * uint64_t(kLanes) * grid.warps;
  uint64_t most = maxTeamBytes / (rows + local + grid.sharedBytes + 1);
  return std::clamp<uint64_t>(std::min<uint64_t>(threads, blocks), 1, std::max<uint64_t>(most, 1));
}

LaunchShape shapeOf(const Grid &grid) {
  const Launch &launch = *grid.launch;
  LaunchShape shape;
  shape.blocks = uint64_t(launch.grid[0]) * launch.grid[1] * launch.grid[2];
  shape.threads = grid.threads;
  shape.sharedBytes = grid.sharedBytes;
  shape.localBytes = grid.program->localBytes;
  shape.canOrderBlocks = grid.program->canOrderBlocks;
  shape.hasNonCoherent = grid.program->hasNonCoherent;
  if (launch.overlapsSince && (grid.checks.unwritten || grid.checks.races))
    shape.settled = *launch.overlapsSince;
  shape.shared = grid.program->shared;
  if (launch.dynamicShared)
    shape.shared.push_back({"dynamic shared memory", grid.program->staticShared,
                            launch.dynamicShared});
  shape.local = grid.program->local;
  return shape;
}
Status runGrid(const Module &module, const Launch &launch, GlobalMemory &memory,
               const Checks &checks, unsigned threads, Counts *counts) {
  const Module::Impl &impl = module.impl();
  if (launch.kernel >= impl.kernels.size())
    return invalidArgument("the module has no kernel " + std::to_string(launch.kernel));
  const Module::Kernel &kernel = impl.kernels[launch.kernel];
  const Program &program = *impl.programs[launch.kernel];
  MAMBA_RETURN_IF_ERROR(
      checkLaunch(kernel, *impl.functions[launch.kernel], program, launch));

  Grid grid;
  grid.program = &program;
  grid.launch = &launch;
  grid.memory = &memory;
  grid.moduleData = impl.layout.data.data();
  grid.moduleBytes = impl.layout.data.size();
  grid.checks = checks;
  grid.isCounted = counts != nullptr;
  grid.threads = launch.block[0] * launch.block[1] * launch.block[2];
  grid.warps = (grid.threads + kLanes - 1) / kLanes;
  grid.sharedBytes = program.staticShared + launch.dynamicShared;
  LaunchShape shape = shapeOf(grid);
  uint64_t blocks = shape.blocks;
  LaunchMonitor monitor(memory, checks, std::move(shape));

  std::atomic<uint64_t> next{0};
  std::mutex mutex;
  Defect defect; // of block grid.firstDefect
  Counts sum;
  std::atomic<bool> isMemoryGone{false};
  auto runBlocks = [&] {
    numerics::IeeeMode mode;
    BlockRunner runner(grid, monitor);
    for (;;) {
      uint64_t number = next.fetch_add(1);
      if (number >= blocks || number > grid.firstDefect.load())
        break;
      if (runner.run(number))
        continue;
      std::lock_guard lock(mutex);
      if (number < grid.firstDefect.load()) {
        grid.firstDefect = number;
        defect = runner.defect();
      }
    }
    if (grid.isCounted) {
      std::lock_guard lock(mutex);
      runner.addCounts(sum);
    }
  };
  auto work = [&] {
    try {
      runBlocks();
    } catch (const std::bad_alloc &) {
      isMemoryGone = true;
      grid.firstDefect = 0; // the others stop
    }
  };
  Helpers::shared().run(unsigned(teamFor(threads, grid, blocks) - 1), work);

  if (isMemoryGone)
    throw std::bad_alloc();
  if (grid.firstDefect != ~uint64_t(0)) {
    LaunchText text;
    text.kernel = kernel.name;
    std::copy(launch.grid, launch.grid + 3, text.grid);
    text.instruction = [&](uint32_t pc) { return program.texts[program.notes[pc].text]; };
    return describe(defect, text);
  }
  if (counts) {
    sum.launches = 1;
    if (checks.unwritten || checks.races) // else it has not seen every access
      monitor.addUnique(sum);
    counts->add(sum);
  }
  return {};
}
} // namespace

Status sim::run(const Module &module, const Launch &launch, GlobalMemory &memory,
                const Checks &checks, unsigned threads, Counts *counts) {
  try {
    return runGrid(module, launch, memory, checks, threads, counts);
  } catch (const std::bad_alloc &) {
    return outOfMemory("not enough memory to simulate a launch, use fewer threads or feed less "
                       "at once");
  }
}
