#include "passes/target/Recurrence.h"

using namespace mlir;

namespace mamba {

Value scanStepSize(VectorMath &math, Value delta, Value bias, bool softplus) {
  if (bias)
    delta = math.add(delta, bias);
  return softplus ? math.softplus(delta) : delta;
}

void scanStep(VectorMath &math, Value dt, Value dtU, ArrayRef<Value> decay,
              llvm::function_ref<Value(int64_t)> B, llvm::function_ref<Value(int64_t)> C,
              MutableArrayRef<Value> h, MutableArrayRef<Value> sums, int64_t fmaExp) {
  for (auto [i, rate] : llvm::enumerate(decay)) {
    bool isPolynomial = int64_t(i) < fmaExp;
    Value a = isPolynomial ? math.exp2OfProduct(dt, rate) : math.exp2(math.mul(dt, rate));
    h[i] = math.fma(a, h[i], math.mul(dtU, B(i)));
    if (!C)
      continue;
    Value &sum = sums[i % sums.size()];
    sum = math.fma(h[i], C(i), sum);
  }
}

Value scanEntry(VectorMath &math, Value sum, Value decay, Value h, Value found) {
  return math.fma(math.exp2(math.mul(sum, decay)), h, found);
}

Value scanOutput(VectorMath &math, Value y, Value D, Value u, Value z) {
  if (D)
    y = math.fma(D, u, y);
  return z ? math.mul(y, math.silu(z)) : y;
}

} // namespace mamba
