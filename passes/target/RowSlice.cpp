#include "passes/target/RowSlice.h"

#include "mlir/Dialect/Arith/IR/Arith.h"

using namespace mlir;

namespace mamba {

RowSlice::RowSlice(KernelEmitter &e, Value number, int64_t slices) : number(number) {
  length = e.ceilDiv(e.rows, slices);
  begin = e.mul(number, length);
  stop = e.min(e.add(begin, length), e.rows);
  // Sequences that end before the slice, and that begin before its end.
  Value zero = e.index(0), one = e.index(1);
  SmallVector<Value> counts = e.loop(
      zero, e.sequences, 1, {zero, zero, e.sequenceStart(zero)},
      [&](Value sequence, ValueRange old) -> SmallVector<Value> {
        Value next = e.sequenceStart(e.add(sequence, 1));
        auto count = [&](Value condition, Value so) {
          return e.add(so, e.b.createOrFold<arith::SelectOp>(condition, one, zero));
        };
        return {count(e.less(next, e.add(begin, 1)), old[0]), count(e.less(old[2], stop), old[1]),
                next};
      });
  first = counts[0], past = counts[1];
  isThere = e.b.createOrFold<arith::AndIOp>(e.less(begin, stop), e.less(first, past));
}

} // namespace mamba
