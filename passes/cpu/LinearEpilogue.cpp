#include "passes/cpu/LinearEpilogue.h"

using namespace mlir;

namespace mamba {

void writeOutputs(CpuEmitter &e, LinearParts parts, Value sums, Value factor, Value row,
                  Value column) {
  Value value = factor ? e.math.mul(sums, factor) : sums;
  if (Value bias = parts.linear.getBias())
    value = e.math.add(value, e.load1(e.buffer(bias), column));
  Value outputs = e.elementwise(parts.y, [&](Value v) -> Value {
    if (v == parts.linear.getY())
      return value;
    if (std::optional<View> view = e.view(v))
      return e.load(*view, row, column);
    return {};
  });
  for (unsigned i = 0; i < e.kernel.getNumResults(); ++i)
    e.store(outputs, {e.resultBuffer(i), 0, parts.O}, row, column);
}

} // namespace mamba
