// The selective scan on a CPU, with the projection of dt.
#include "compiler/tune/PredictCosts.h"

#include "llvm/Support/MathExtras.h"

#include <algorithm>
#include <cmath>

using namespace mlir;

namespace mamba {

/// dt of `group` rows at once: all their sums are in registers, or none.
static double dtCycles(double group, double across, const Target &target) {
  double sums = group * across, cycles = productCycles(group, across);
  return sums + across + 1 > double(target.registers) ? cycles + sums : cycles;
}

double scanCycles(ScanParts parts, const Target &target, const Schedule &s, int64_t count) {
  constexpr double exponential = 5, update = 1.5, spill = 0.34;
  double rows = double(count), N = double(parts.N);
  double across = double(s.colBlock) / double(s.lanes);
  double held = std::min(double(s.stateBlock ? s.stateBlock : parts.N), N);
  double passes = std::ceil(N / held);
  double chunk = double(std::clamp<int64_t>(s.chunk, 1, count));
  // A step: each state, then dt, dt u and y for each pass. States and their decays are
  // in registers, beside eight others.
  double step = N * (exponential + update) + passes * 2;
  step += passes * spill * std::max(0.0, 2 * held + 8 - double(target.registers));
  // Between chunks the states go to memory and back.
  step += (2 * N + 30 * passes) / chunk;
  // Each pass reads the chunk again: its vectors lie `col_block` apart, so the first
  // level cache keeps as much of one as of all.
  if (3 * chunk * double(s.colBlock) * 4 > double(target.l1Bytes) * 0.75)
    step += (passes + 2) / 2 * 3 * double(s.lanes) * 4 / kBytesOfL2;
  double cycles = rows * across * step;
  if (parts.projection && !s.mma) {
    double rank = lastDim(parts.projection.getX());
    double group = double(std::max<int64_t>(s.rowTile, 1));
    // Groups do not reach beyond a chunk.
    double whole = std::floor(chunk / group) * std::floor(rows / chunk);
    double rest = rows - whole * group;
    cycles += rank * (whole * dtCycles(group, across, target) + rest * dtCycles(1, across, target));
  }
  // The registers of tiles wake up for each block of rows.
  if (s.mma && s.rowBlock > 0)
    cycles += 500 * std::ceil(rows / double(s.rowBlock));
  // Softplus, skip, gate: row by row.
  return cycles + rows * across * 30 + 60 * std::ceil(rows / chunk);
}

} // namespace mamba
