// A scan of slices of the rows, beside each other: a block is of a slice by some
// channels, and goes through the sequences that have rows there.
//
// A first kernel finds what each slice leaves to the next by itself: of its last
// sequence the states, the sum of dt and the states it began with. In the second a
// sequence that began in an earlier slice enters with what these make of it. The
// block in which a sequence ends writes its pool; none that goes on reads there.
#include "passes/gpu/ScanThread.h"

#include "mlir/Dialect/SCF/IR/SCF.h"

using namespace mlir;

namespace mamba {

void ScanThread::runSlices(Value slice) {
  Value length = e.ceilDiv(e.rows, shape.slices), begin = e.mul(slice, length);
  Value stop = e.min(e.add(begin, length), e.rows);
  // Sequences that end before the slice, and that begin before its end.
  Value zero = e.index(0), one = e.index(1);
  Values counts = e.loop(zero, e.sequences, 1, {zero, zero, e.sequenceStart(zero)},
                        [&](Value sequence, ValueRange old) -> Values {
                          Value next = e.sequenceStart(e.add(sequence, 1));
                          auto count = [&](Value condition, Value so) {
                            return e.add(so, e.select(condition, one, zero));
                          };
                          return {count(e.less(next, e.add(begin, 1)), old[0]),
                                  count(e.less(old[2], stop), old[1]), next};
                        });
  Value first = counts[0], past = counts[1];
  Slice cut = {slice, begin, stop, length};
  auto branch = scf::IfOp::create(e.b, e.both(e.less(begin, stop), e.less(first, past)),
                                  /*withElseRegion=*/shape.findsSlices);
  OpBuilder::InsertionGuard guard(e.b);
  e.b.setInsertionPointToStart(branch.thenBlock());
  loadOnce();
  if (shape.findsSlices) {
    findSlice(cut, e.sub(past, one));
    e.b.setInsertionPointToStart(branch.elseBlock());
    Values none(shape.states, e.f32(0));
    storeFound(slice, 0, none);
    storeSum(slice, none[0]);
    storeFound(slice, shape.N + 1, none);
  } else {
    e.loop(first, past, 1, [&](Value sequence) { scanSlice(cut, sequence); });
  }
}

void ScanThread::findSlice(const Slice &slice, Value sequence) {
  Value first = e.sequenceStart(sequence);
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

void ScanThread::scanSlice(const Slice &slice, Value sequence) {
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

ScanThread::Values ScanThread::enter(const Slice &slice, Value first) {
  Value from = e.div(first, slice.length);
  return e.loop(e.add(from, 1), slice.number, 1, loadFound(from, 0),
                [&](Value between, ValueRange old) {
                  Values next = loadFound(between, 0);
                  Value sum = e.load(found(), {between, e.index(shape.N), column});
                  for (int64_t i = 0; i < shape.states; ++i)
                    next[i] = e.math.fma(e.math.exp2(e.math.mul(sum, decay[i])), old[i], next[i]);
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
