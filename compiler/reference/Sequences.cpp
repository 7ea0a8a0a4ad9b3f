// The ops that know which rows belong together; formulas as in
// dialects/ssm/SSMOps.td.
#include "compiler/reference/Ops.h"

#include <algorithm>
#include <cmath>

namespace mamba::reference {

Tensor lastRows(const Tensor &x, const BatchValue &batch) {
  Tensor y({batch.sequences(), x.rowSize()});
  for (int64_t s = 0; s < batch.sequences(); ++s)
    if (batch.seqStart[s] < batch.seqStart[s + 1])
      std::copy_n(x.row(batch.seqStart[s + 1] - 1), x.rowSize(), y.row(s));
  return y;
}

WithState conv1d(const Tensor &x, const Tensor &w, const Tensor *bias,
                 Tensor state, const BatchValue &batch) {
  int64_t E = w.shape[0], W = w.shape[1];
  Tensor y(x.shape);
  for (int64_t s = 0; s < batch.sequences(); ++s) {
    int64_t first = batch.seqStart[s];
    int64_t length = batch.seqStart[s + 1] - first;
    // The carried W-1 inputs, then those of this step.
    Tensor inputs({W - 1 + length, E});
    double *carried = state.row(batch.slot[s]);
    std::copy_n(carried, (W - 1) * E, inputs.row(0));
    std::copy_n(x.row(first), length * E, inputs.row(W - 1));

    for (int64_t t = 0; t < length; ++t)
      for (int64_t c = 0; c < E; ++c) {
        double sum = bias ? bias->values[c] : 0.0;
        for (int64_t k = 0; k < W; ++k)
          sum += w.row(c)[k] * inputs.row(t + k)[c];
        y.row(first + t)[c] = sum;
      }
    std::copy_n(inputs.row(length), (W - 1) * E, carried);
  }
  return {std::move(y), std::move(state)};
}

WithState selectiveScan(const ScanOperands &in, Tensor state,
                        const BatchValue &batch) {
  int64_t E = in.A.shape[0], N = in.A.shape[1];
  Tensor y(in.u.shape);
  for (int64_t s = 0; s < batch.sequences(); ++s)
    for (int64_t t = batch.seqStart[s]; t < batch.seqStart[s + 1]; ++t) {
      const double *B =
          in.B.shape.size() == 1 ? in.B.values.data() : in.B.row(t);
      const double *C =
          in.C.shape.size() == 1 ? in.C.values.data() : in.C.row(t);
      for (int64_t e = 0; e < E; ++e) {
        double u = in.u.row(t)[e];
        double dt = in.delta.row(t)[e];
        if (in.deltaBias)
          dt += in.deltaBias->values[e];
        if (in.softplus)
          dt = softplus(dt);

        const double *A = in.A.row(e);
        double *h = state.row(batch.slot[s]) + e * N;
        double sum = 0;
        for (int64_t n = 0; n < N; ++n) {
          double a = in.log2Decay ? std::exp2(dt * A[n]) : std::exp(dt * A[n]);
          h[n] = a * h[n] + dt * u * B[n];
          sum += h[n] * C[n];
        }
        if (in.D)
          sum += in.D->values[e] * u;
        if (in.z)
          sum *= silu(in.z->row(t)[e]);
        y.row(t)[e] = sum;
      }
    }
  return {std::move(y), std::move(state)};
}

} // namespace mamba::reference
