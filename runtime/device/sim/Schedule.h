// Runs the warps of a block in turn.
#pragma once

#include "runtime/device/sim/Warp.h"

#include <memory>

namespace mamba::sim {

/// All that a host thread needs to run blocks of one launch after the other.
class BlockRunner {
public:
  BlockRunner(Grid &grid, LaunchMonitor &monitor);
  ~BlockRunner();
  BlockRunner(const BlockRunner &) = delete;

  /// False at a defect: defect() tells it.
  bool run(uint64_t number);
  const Defect &defect() const { return block_.defect; }

  /// What its blocks have done, if the grid is counted.
  void addCounts(Counts &counts) const;

private:
  template <bool IsCounted> void runWarp(Warp &warp);
  const Inst *runTimed(Warp &warp, const Inst *inst);
  void fillRows(Warp &warp);
  void fillBlockRows(Warp &warp);
  bool schedule();

  Grid &grid_;
  const Program &program_;
  BlockMonitor monitor_;
  Block block_;
  struct Storage;
  std::unique_ptr<Storage> storage_;
  uint64_t blocks_ = 0, warps_ = 0, criticalPath_ = 0;
};

} // namespace mamba::sim
