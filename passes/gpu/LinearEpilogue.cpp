#include "passes/gpu/LinearEpilogue.h"
#include "passes/gpu/LinearOperand.h"

using namespace mlir;

namespace mamba {

LinearOutputs::LinearOutputs(GpuEmitter &e, const LinearParts &parts, ArrayRef<Value> sums,
                             Value factor, ArrayRef<Value> bias, Value row, Value column)
    : e(e), parts(parts) {
  int64_t count = sums.size();
  // Each element asks for its own of a view: the vector is loaded once.
  SmallVector<std::pair<View, Value>> loaded;
  for (int64_t j = 0; j < count; ++j)
    results.push_back(
        finishLinear(e, parts, sums[j], factor, bias[j], [&](const View &view) -> Value {
          if (count == 1 || !isLinearAligned(view, count))
            return e.load(view, row, e.add(column, j));
          auto known = llvm::find_if(loaded, [&](const std::pair<View, Value> &entry) {
            return entry.first.buffer == view.buffer && entry.first.offset == view.offset;
          });
          if (known == loaded.end()) {
            Value all = e.loadVector(view.buffer, {row, e.add(column, view.offset)}, count);
            known = loaded.insert(loaded.end(), {view, all});
          }
          return e.extract(known->second, j);
        }));
}

bool LinearOutputs::areVectors(GpuEmitter &e, const LinearParts &parts, int64_t count) {
  for (unsigned i = 0; i < e.kernel.getNumResults(); ++i)
    if (yielded(e.kernel, i) == parts.y)
      return isLinearAligned({e.resultBuffer(i), 0, parts.O}, count);
  return false;
}

void LinearOutputs::store(Value row, Value column, std::optional<LinearConv> &conv) {
  storeLinear(e, parts, results, row, column, conv);
}

} // namespace mamba
