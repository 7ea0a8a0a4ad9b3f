// A scan of slices of the rows, beside each other: a tile is of a slice by some
// channels, and goes through the sequences that have rows there.
//
// A first kernel finds what each slice leaves to the next by itself, as
// passes/gpu/ScanSlices.cpp does; in the second a sequence that began in an earlier
// slice enters with what these make of it. The tile in which a sequence ends writes its
// pool; none that goes on reads there.
//
// Of a step and state the first kernel takes a product, a multiply-add and an
// exponential, the second one multiply-add more. The other way, to scan each slice from
// 0 at once and to add what it entered with afterwards, C[n] exp2(A[n] * the sum of dt
// since) h[n], takes the same, and y to memory and back: so it is not ours.
#include "passes/cpu/ScanEmission.h"
#include "passes/cpu/ScanState.h"
#include "passes/target/Recurrence.h"

#include "mlir/Dialect/SCF/IR/SCF.h"

using namespace mlir;

namespace mamba {

void ScanEmission::runSlices(Value number) {
  RowSlice slice(e, number, p.sliceCount);
  auto none = [&] {
    clear(p.N + 1);
    storeFound(number, 0, p.N + 1);
    storeFound(number, p.N + 1, p.N);
  };
  auto all = [&] {
    fetchDecays();
    if (findsSlices())
      findSlice(slice);
    else
      e.loop(slice.first, slice.past, 1, [&](Value sequence) { scanSlice(slice, sequence); });
  };
  if (findsSlices())
    choose(slice.isThere, all, none);
  else
    e.when(slice.isThere, all);
}

void ScanEmission::findSlice(const RowSlice &slice) {
  Value sequence = e.sub(slice.past, e.index(1)), first = e.sequenceStart(sequence);
  slot = e.slot(sequence);
  clear(p.N + 1);
  e.when(e.less(slice.begin, e.add(first, 1)),
         [&] { loadStates(e, pool, slot, column0, h); });
  storeFound(slice.number, p.N + 1, p.N);
  scanRows(e.max(first, slice.begin), slice.stop);
  storeFound(slice.number, 0, p.N + 1);
}

void ScanEmission::scanSlice(const RowSlice &slice, Value sequence) {
  Value first = e.sequenceStart(sequence), past = e.sequenceStart(e.add(sequence, 1));
  slot = e.slot(sequence);
  Value start = e.max(first, slice.begin), end = e.min(past, slice.stop);
  e.when(e.less(start, end), [&] {
    choose(
        e.less(first, slice.begin), [&] { enter(slice, first); },
        [&] {
          choose(
              e.less(slice.stop, past), [&] { loadFound(slice.number, p.N + 1, p.N); },
              [&] { loadStates(e, pool, slot, column0, h); });
        });
    scanRows(start, end);
    e.when(e.less(past, e.add(slice.stop, 1)),
           [&] { storeStates(e, h, pool, slot, column0); });
  });
}

void ScanEmission::enter(const RowSlice &slice, Value first) {
  Value from = e.div(first, slice.length);
  eachRow(p.N, [&](Value n, Value lane) {
    Value rate = decay(n, lane);
    auto next = [&](Value between, ValueRange old) -> SmallVector<Value> {
      return {scanEntry(e.math, found(between, e.index(p.N), lane), rate, old[0],
                        found(between, n, lane))};
    };
    put(e.loop(e.add(from, 1), slice.number, 1, found(from, n, lane), next)[0], h, n, lane);
  });
}

void ScanEmission::eachRow(int64_t count, const std::function<void(Value, Value)> &body) {
  e.loop(e.index(0), e.index(count), 1, [&](Value row) {
    for (int64_t j = 0; j < block; j += e.lanes)
      body(row, e.index(j));
  }, /*keepRolled=*/true);
}

void ScanEmission::clear(int64_t count) {
  eachRow(count, [&](Value row, Value lane) { put(e.zero(), h, row, lane); });
}

Value ScanEmission::found(Value slice, Value row, Value lane) {
  Value column = e.add(column0, lane);
  return e.loadAt(e.buffer(p.slices), {slice, row, column}, e.edgeMask(column, p.E));
}

void ScanEmission::loadFound(Value slice, int64_t first, int64_t count) {
  eachRow(count, [&](Value row, Value lane) {
    put(found(slice, e.add(row, first), lane), h, row, lane);
  });
}

void ScanEmission::storeFound(Value slice, int64_t first, int64_t count) {
  eachRow(count, [&](Value row, Value lane) {
    Value column = e.add(column0, lane);
    e.storeAt(at(h, row, lane), e.resultBuffer(0), {slice, e.add(row, first), column},
              e.edgeMask(column, p.E));
  });
}

void ScanEmission::choose(Value condition, const std::function<void()> &body,
                          const std::function<void()> &otherwise) {
  auto branch = scf::IfOp::create(e.b, condition, /*withElseRegion=*/true);
  OpBuilder::InsertionGuard guard(e.b);
  e.b.setInsertionPointToStart(branch.thenBlock());
  body();
  e.b.setInsertionPointToStart(branch.elseBlock());
  otherwise();
}

} // namespace mamba
