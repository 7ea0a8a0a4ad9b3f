// What a tile of a scan writes, whether its time is whole or a slice.
#pragma once

#include "passes/cpu/CpuEmitter.h"
#include "passes/target/Match.h"
#include "passes/target/RowSlice.h"

namespace mamba {

class ScanEmission {
public:
  ScanEmission(CpuEmitter &e, ScanParts parts)
      : e(e), p(parts), s(e.schedule), block(s.getColBlock()), vectors(block / e.lanes) {}

  /// Emits the whole kernel.
  KernelGrid run();

  /// Bytes of scratch memory, those of tiles left out.
  static int64_t scratchBytes(const ScanParts &parts, ssm::ScheduleAttr schedule);

private:
  // ScanEmission.cpp
  void allocate();
  mlir::Value at(mlir::Value matrix, mlir::Value row, mlir::Value column);
  void put(mlir::Value vector, mlir::Value matrix, mlir::Value row, mlir::Value column);
  /// Some vectors at a time, side by side: each is one long chain.
  void eachVector(
      const std::function<void(int64_t j, mlir::Value local, mlir::Value column)> &body);
  void fetchDecays();
  /// The states move on over the rows, whose y is written.
  void scanRows(mlir::Value start, mlir::Value end);
  void scanChunks(mlir::Value start, mlir::Value end);
  void scanSpans(mlir::Value start, mlir::Value end);
  void computeDt(mlir::Value chunk, mlir::Value length);
  void dtRows(mlir::Value chunk, mlir::Value t, int64_t count);
  /// What the norms multiply the chunk's rows by, into scratch memory.
  void findFactors(mlir::Value chunk, mlir::Value length);
  /// The factor of the chunk's row t, in all lanes; null without a norm.
  mlir::Value factorOf(ssm::RMSNormOp norm, mlir::Value t);
  /// The vector, times the factor if there is one.
  mlir::Value times(mlir::Value vector, mlir::Value factor);
  /// B or C of a row and state, in all lanes.
  mlir::Value inTime(mlir::Value value, mlir::Value row, mlir::Value state);
  /// A of a state, times log2(e).
  mlir::Value decay(mlir::Value n, mlir::Value lane);
  void recur(mlir::Value chunk, mlir::Value length);
  void fetchRows(mlir::Value row, mlir::Value lane);
  void recurStates(mlir::Value chunk, mlir::Value length, mlir::Value lane, mlir::Value n0,
                   int64_t states, bool isFirst = false);
  void finish(mlir::Value chunk, mlir::Value length);

  // ScanSlices.cpp
  void runSlices(mlir::Value number);
  void findSlice(const RowSlice &slice);
  void scanSlice(const RowSlice &slice, mlir::Value sequence);
  /// h becomes the states of a sequence that began at row `first`, before the slice.
  void enter(const RowSlice &slice, mlir::Value first);
  /// The first `count` rows of h, each vector by `body(row, lane)`.
  void eachRow(int64_t count,
               const std::function<void(mlir::Value row, mlir::Value lane)> &body);
  void clear(int64_t count);
  /// What slices find: its rows from the `first` one on are the first of h.
  mlir::Value found(mlir::Value slice, mlir::Value row, mlir::Value lane);
  void loadFound(mlir::Value slice, int64_t first, int64_t count);
  void storeFound(mlir::Value slice, int64_t first, int64_t count);
  void choose(mlir::Value condition, const std::function<void()> &body,
              const std::function<void()> &otherwise);

  bool findsSlices() const { return bool(p.scanSlices); }

  CpuEmitter &e;
  ScanParts p;
  ssm::ScheduleAttr s;
  int64_t block, vectors;
  mlir::Value projected, span; // sums of dt from that row on; null: not by tiles
  /// The states of `block` channels; where slices are found, below them the sum of dt.
  mlir::Value h;
  mlir::Value dt, dtU, y, factors, pool, A, panel, column0, slot;
  llvm::SmallVector<ssm::RMSNormOp> norms; // of the rows of `factors`
  llvm::SmallVector<mlir::Value> rowsAfter; // read by what stands after the scan
  // Where y is computed.
  unsigned result = 0;
  View out;
};

} // namespace mamba
