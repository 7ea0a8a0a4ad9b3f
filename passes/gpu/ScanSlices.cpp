// A scan of slices of the rows, beside each other: a block is of a slice by some
// channels, and goes through the sequences that have rows there.
//
// A first kernel finds what each slice leaves to the next by itself: of its last
// sequence the states, the sum of dt and the states it began with. In the second a
// sequence that began in an earlier slice enters with what these make of it. The
// block in which a sequence ends writes its pool; none that goes on reads there.
#include "passes/gpu/ScanThread.h"
#include "passes/target/Recurrence.h"

#include "mlir/Dialect/SCF/IR/SCF.h"

using namespace mlir;

namespace mamba {

void ScanThread::runSlices(Value number) {
  RowSlice slice(e, number, shape.slices);
  auto branch = scf::IfOp::create(e.b, slice.isThere, /*withElseRegion=*/shape.findsSlices);
  OpBuilder::InsertionGuard guard(e.b);
  e.b.setInsertionPointToStart(branch.thenBlock());
  loadOnce();
  if (shape.findsSlices) {
    findSlice(slice);
    e.b.setInsertionPointToStart(branch.elseBlock());
    Values none(shape.states, e.f32(0));
    storeFound(number, 0, none);
    storeSum(number, none[0]);
    storeFound(number, shape.N + 1, none);
  } else {
    e.loop(slice.first, slice.past, 1, [&](Value sequence) { scanSlice(slice, sequence); });
  }
}

void ScanThread::findSlice(const RowSlice &slice) {
  Value sequence = e.sub(slice.past, e.index(1)), first = e.sequenceStart(sequence);
  slot = e.slot(sequence);
  end = slice.stop;
  Values h = either(e.less(first, slice.begin), [&] { return Values(shape.states, e.f32(0)); },
                    [&] { return loadStates(); });
  storeFound(slice.number, shape.N + 1, h);
  h.push_back(e.f32(0));
  h = runChunks(e.max(first, slice.begin), h);
  storeSum(slice.number, h.back());
  storeFound(slice.number, 0, ValueRange(h).drop_back());
}

void ScanThread::scanSlice(const RowSlice &slice, Value sequence) {
  Value first = e.sequenceStart(sequence), past = e.sequenceStart(e.add(sequence, 1));
  slot = e.slot(sequence);
  end = e.min(past, slice.stop);
  Value goesOn = e.less(slice.stop, past), start = e.max(first, slice.begin);
  e.when(e.less(start, end), [&] {
    Values h = either(
        e.less(first, slice.begin), [&] { return enter(slice, first); },
        [&] {
          return either(
              goesOn, [&] { return loadFound(slice.number, shape.N + 1); },
              [&] { return loadStates(); });
        });
    h = runChunks(start, h);
    e.when(e.less(past, e.add(slice.stop, 1)), [&] { storeStates(h); });
  });
}

ScanThread::Values ScanThread::enter(const RowSlice &slice, Value first) {
  Value from = e.div(first, slice.length);
  return e.loop(e.add(from, 1), slice.number, 1, loadFound(from, 0),
                [&](Value between, ValueRange old) {
                  Values next = loadFound(between, 0);
                  Value sum = e.load(found(), {between, e.index(shape.N), column});
                  for (int64_t i = 0; i < shape.states; ++i)
                    next[i] = scanEntry(e.math, sum, decay[i], old[i], next[i]);
                  return next;
                });
}

Value ScanThread::found() {
  return shape.findsSlices ? e.resultBuffer(0) : e.buffer(p.slices);
}

ScanThread::Values ScanThread::loadFound(Value slice, int64_t first) {
  Values h;
  for (int64_t i = 0; i < shape.states; ++i) {
    Value state = e.add(state0, i), there;
    if (shape.masksStates()) {
      there = e.less(state, e.index(shape.N));
      state = e.min(state, e.index(shape.N - 1));
    }
    Value x = e.load(found(), {slice, e.add(state, first), column});
    h.push_back(there ? e.select(there, x, e.f32(0)) : x);
  }
  return h;
}

void ScanThread::storeFound(Value slice, int64_t first, ValueRange h) {
  whenAll(exists, [&] {
    for (int64_t i = 0; i < shape.states; ++i) {
      Value state = e.add(state0, i);
      whenAll(shape.masksStates() ? e.less(state, e.index(shape.N)) : Value(),
              [&] { e.store(h[i], found(), {slice, e.add(state, first), column}); });
    }
  });
}

void ScanThread::storeSum(Value slice, Value sum) {
  Value isFirst = shape.lanes > 1 ? e.equal(lane, e.index(0)) : Value();
  whenAll(here(isFirst), [&] { e.store(sum, found(), {slice, e.index(shape.N), column}); });
}

ScanThread::Values ScanThread::either(Value condition, llvm::function_ref<Values()> body,
                                      llvm::function_ref<Values()> otherwise) {
  SmallVector<Type> types(shape.states, e.b.getF32Type());
  auto branch = scf::IfOp::create(e.b, types, condition, /*withElseRegion=*/true);
  OpBuilder::InsertionGuard guard(e.b);
  for (bool isThen : {true, false}) {
    e.b.setInsertionPointToStart(isThen ? branch.thenBlock() : branch.elseBlock());
    scf::YieldOp::create(e.b, isThen ? body() : otherwise());
  }
  return branch.getResults();
}

} // namespace mamba
