#include "passes/gpu/RowNorm.h"

using namespace mlir;

namespace mamba {

/// The sum of squares of every step-th column from `first` on.
static Value squares(GpuEmitter &e, const View &x, Value row, Value first, int64_t step) {
  return e.loop(first, e.index(x.columns), step, e.f32(0), [&](Value column, ValueRange sum) {
    Value value = e.load(x, row, column);
    return SmallVector<Value>{e.math.fma(value, value, sum[0])};
  })[0];
}

Value inverseRms(GpuEmitter &e, Value squares, int64_t columns, double eps) {
  return e.math.rsqrt(e.math.fma(squares, e.f32(1.0 / columns), e.f32(eps)));
}

Value blockInverseRms(GpuEmitter &e, const View &x, Value row, double eps) {
  return inverseRms(e, e.blockSum(squares(e, x, row, e.thread, e.threads)), x.columns, eps);
}

Value warpInverseRms(GpuEmitter &e, const View &x, Value row, double eps) {
  return inverseRms(e, e.warpSum(squares(e, x, row, e.lane, GpuEmitter::warpSize)), x.columns, eps);
}

} // namespace mamba
