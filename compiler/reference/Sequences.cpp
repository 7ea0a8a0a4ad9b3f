// The ops that know which rows belong together; formulas as in
// dialects/ssm/SSMSequences.td.
#include "compiler/reference/Ops.h"

#include <algorithm>

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

} // namespace mamba::reference
