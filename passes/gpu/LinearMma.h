// Projections of many rows on the matrix unit: the cut of their work.
#pragma once

#include "passes/gpu/Linear.h"
#include "passes/target/Schedule.h"

namespace mamba {

/// What a schedule with `mma` means: a block makes row_block by col_block
/// outputs, a warp row_tile by col_tile of them for its share of k; stages
/// pieces of k_block are in shared memory or on their way.
struct MmaCut {
  explicit MmaCut(ssm::ScheduleAttr s)
      : rowBlock(s.getRowBlock()), colBlock(s.getColBlock()), rowTile(s.getRowTile()),
        colTile(s.getColTile()), kBlock(s.getKBlock()), stages(s.getStages()), mma(s.getMma()),
        threads(s.getThreads()) {}

  int64_t rowBlock, colBlock, rowTile, colTile, kBlock, stages, mma, threads;

  /// k of a step: two matrices of 16 bytes a row.
  static constexpr int64_t step = 16;
  /// Elements of a copy of 16 bytes, and copies of a line of a piece.
  static constexpr int64_t chunk = 8;
  int64_t chunks() const { return kBlock / chunk; }
  /// Lines that the threads copy at once.
  int64_t linesAtOnce() const { return threads / chunks(); }
  int64_t warpsDown() const { return rowBlock / rowTile; }
  int64_t warpsAcross() const { return colBlock / colTile; }
  /// Warps that share the sums of a tile, each with its steps of every piece.
  int64_t shares() const {
    return threads / GpuEmitter::warpSize / (warpsDown() * warpsAcross());
  }
  int64_t stepsOfShare() const { return kBlock / step / shares(); }
  int64_t lineBytes() const { return 2 * kBlock; }
  int64_t stageBytes() const { return (rowBlock + colBlock) * lineBytes(); }
  /// Four sums of a thread each.
  int64_t vectors() const { return rowTile / 16 * (colTile / 8); }
};

/// The type of the rows and weights that the matrix unit multiplies, or null
/// with a phrase: those of the kernel do not fit it on this chip.
mlir::Type mmaElement(ssm::KernelOp kernel, const LinearParts &parts, const Target &target,
                      std::string &reason);

/// Whether a schedule with `mma` cuts the work evenly; what it needs.
bool checkMma(ssm::KernelOp kernel, const LinearParts &parts, const Target &target,
              ssm::ScheduleAttr schedule, int64_t &sharedBytes, int64_t &registers,
              std::string &reason);

/// Its heuristic: nothing where the matrix unit cannot be used.
std::optional<Schedule> mmaSchedule(ssm::KernelOp kernel, const LinearParts &parts,
                                    const Target &target, TokenClass tokens);

/// Of shared memory.
int64_t mmaSharedBytes(const MmaCut &cut, const LinearParts &parts);

KernelGrid linearMma(GpuEmitter &e, const LinearParts &parts);

} // namespace mamba
