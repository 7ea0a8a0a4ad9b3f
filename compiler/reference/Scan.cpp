// The selective scan, whole and in slices; formulas as in dialects/ssm/SSMSequences.td.
#include "compiler/reference/Ops.h"

#include <algorithm>
#include <cmath>

namespace mamba::reference {

namespace {

/// What both ops do to a channel's states.
struct Recurrence {
  const ScanOperands &in;
  int64_t N = in.A.shape[1];

  double stepSize(int64_t t, int64_t e) const {
    double dt = in.delta.row(t)[e];
    if (in.deltaBias)
      dt += in.deltaBias->values[e];
    return in.softplus ? softplus(dt) : dt;
  }

  /// What dt leaves of state n.
  double decay(double dt, int64_t e, int64_t n) const {
    double x = dt * in.A.row(e)[n];
    return in.log2Decay ? std::exp2(x) : std::exp(x);
  }

  static const double *rowOf(const Tensor &x, int64_t t) {
    return x.shape.size() == 1 ? x.values.data() : x.row(t);
  }

  void step(double *h, int64_t t, int64_t e) const {
    double dt = stepSize(t, e), dtU = dt * in.u.row(t)[e];
    const double *B = rowOf(in.B, t);
    for (int64_t n = 0; n < N; ++n)
      h[n] = decay(dt, e, n) * h[n] + dtU * B[n];
  }
};

/// The slices of the rows of a batch.
struct Slices {
  Slices(int64_t rows, int64_t count) : length(std::max<int64_t>(1, (rows + count - 1) / count)) {}
  int64_t length;
  int64_t of(int64_t t) const { return t / length; }
};

/// h with which a sequence that begins at row `first` enters the slice of row t,
/// from what scanSlices found.
void enter(double *h, const Recurrence &r, const Tensor &p, const Slices &slices, int64_t first,
           int64_t t, int64_t e) {
  int64_t N = r.N, E = p.shape[2];
  auto at = [&](int64_t slice, int64_t n) { return p.row(slice)[n * E + e]; };
  int64_t begin = slices.of(first), now = slices.of(t);
  for (int64_t n = 0; n < N; ++n) {
    h[n] = begin == now ? at(now, N + 1 + n) : at(begin, n);
    for (int64_t i = begin + 1; i < now; ++i)
      h[n] = r.decay(at(i, N), e, n) * h[n] + at(i, n);
  }
}

} // namespace

WithState selectiveScan(const ScanOperands &in, Tensor state, const BatchValue &batch,
                        const Tensor *p) {
  Recurrence r{in};
  int64_t E = in.A.shape[0], N = r.N;
  Slices slices(in.u.shape[0], p ? p->shape[0] : 1);
  Tensor y(in.u.shape);
  for (int64_t s = 0; s < batch.sequences(); ++s) {
    int64_t first = batch.seqStart[s], end = batch.seqStart[s + 1];
    for (int64_t t = first; t < end; ++t)
      for (int64_t e = 0; e < E; ++e) {
        double *h = state.row(batch.slot[s]) + e * N;
        bool enters = t == first || t % slices.length == 0;
        if (p && enters && slices.of(first) != slices.of(end - 1))
          enter(h, r, *p, slices, first, t, e);
        r.step(h, t, e);
        const double *C = Recurrence::rowOf(in.C, t);
        double sum = 0, u = in.u.row(t)[e];
        for (int64_t n = 0; n < N; ++n)
          sum += h[n] * C[n];
        if (in.D)
          sum += in.D->values[e] * u;
        if (in.z)
          sum *= silu(in.z->row(t)[e]);
        y.row(t)[e] = sum;
      }
  }
  return {std::move(y), std::move(state)};
}

Tensor scanSlices(const ScanOperands &in, const Tensor &state, const BatchValue &batch,
                  int64_t count) {
  Recurrence r{in};
  int64_t E = in.A.shape[0], N = r.N, T = in.u.shape[0];
  Slices slices(T, count);
  Tensor p({count, 2 * N + 1, E});
  std::vector<double> h(N);
  for (int64_t begin = 0; begin < T; begin += slices.length) {
    int64_t end = std::min(begin + slices.length, T), s = 0;
    while (batch.seqStart[s + 1] < end)
      ++s;
    int64_t first = std::max(begin, batch.seqStart[s]);
    bool begins = batch.seqStart[s] >= begin;
    double *found = p.row(slices.of(begin));
    for (int64_t e = 0; e < E; ++e) {
      const double *carried = state.row(batch.slot[s]) + e * N;
      for (int64_t n = 0; n < N; ++n)
        h[n] = found[(N + 1 + n) * E + e] = begins ? carried[n] : 0;
      for (int64_t t = first; t < end; ++t) {
        r.step(h.data(), t, e);
        found[N * E + e] += r.stepSize(t, e);
      }
      for (int64_t n = 0; n < N; ++n)
        found[n * E + e] = h[n];
    }
  }
  return p;
}

} // namespace mamba::reference
