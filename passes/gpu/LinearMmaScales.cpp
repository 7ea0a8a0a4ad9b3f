#include "passes/gpu/LinearMmaScales.h"

#include "llvm/Support/MathExtras.h"

using namespace mlir;

namespace mamba {

MmaScales::MmaScales(GpuEmitter &e, const MmaCut &cut, Value scales, Value first, Value shared,
                     int64_t place)
    : e(e), cut(cut), scales(scales), first(first), shared(shared), place(place) {
  auto shape = cast<MemRefType>(scales.getType()).getShape();
  O = shape[0];
  allGroups = shape[1];
  vector = int64_t(llvm::MinAlign(allGroups, groups));
}

SmallVector<Type> MmaScales::loadedTypes() {
  Type type = e.b.getF32Type();
  if (vector > 1)
    type = VectorType::get({vector}, type);
  return SmallVector<Type>(lines() * groups / vector, type);
}

Value MmaScales::buffer(Value k) {
  return e.add(e.mul(e.rem(e.div(k, e.index(period)), e.index(2)), groups * cut.colBlock), place);
}

SmallVector<Value> MmaScales::load(Value k) {
  Type type = loadedTypes().front();
  Value group0 = e.mul(e.div(k, e.index(period)), groups), zero = e.math.constant(type, 0);
  SmallVector<Value> loaded;
  for (int64_t i = 0; i < lines(); ++i)
    for (int64_t v = 0; v < groups; v += vector) {
      Value at = e.add(group0, v), column = e.add(first, line(i));
      Value there = e.both(e.less(at, e.index(allGroups)), e.less(column, e.index(O)));
      loaded.push_back(e.when(
          there,
          [&] {
            return vector > 1 ? e.loadVector(scales, {column, at}, vector)
                              : e.load(scales, {column, at});
          },
          zero));
    }
  return loaded;
}

void MmaScales::store(ArrayRef<Value> loaded, Value k) {
  Value base = buffer(k);
  for (int64_t i = 0; i < lines(); ++i) {
    auto one = [&] {
      for (int64_t g = 0; g < groups; ++g) {
        Value value = loaded[(i * groups + g) / vector];
        e.store(vector > 1 ? e.extract(value, g % vector) : value, shared,
                e.add(base, e.add(line(i), g * cut.colBlock)));
      }
    };
    if ((i + 1) * cut.threads > cut.colBlock)
      e.when(e.less(line(i), e.index(cut.colBlock)), one);
    else
      one();
  }
}

Value MmaScales::read(Value k, Value column) {
  Value row = e.rem(e.div(k, e.index(group)), e.index(groups));
  return e.loadVector(shared, e.add(buffer(k), e.add(e.mul(row, cut.colBlock), column)), 4);
}

} // namespace mamba
