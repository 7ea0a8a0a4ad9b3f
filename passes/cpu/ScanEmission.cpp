// The selective scan with what surrounds it: norms, dt projection, softplus, skip,
// gate.
//
// A tile is one sequence, or a slice of all rows (ScanSlices.cpp), by `col_block`
// channels; channels lie in lanes, time is serial. Time goes in chunks whose dt,
// dt * u and y are held in scratch memory:
//   1. dt of the chunk, row by row: projection, unless tiles have made it for
//      `row_block` rows, bias, softplus
//   2. the recurrence, `lanes` channels at a time, `state_block` states in
//      registers, only scratch memory and B and C
//   3. skip, gate and store of y, row by row
// In 2. what 3. and the next chunk read and write is fetched. States go between the
// pool and scratch memory by transpositions, once a sequence. A norm is a factor of its
// row, which is found before 1.: that of dt's projection multiplies its sums, that of B
// dt * u, that of C y. The order of every sum is that of the states and of k, whatever
// the chunks.
#include "passes/cpu/ScanEmission.h"
#include "passes/cpu/PanelProduct.h"
#include "passes/cpu/ScanState.h"
#include "passes/cpu/ScanTiles.h"
#include "passes/target/Recurrence.h"

#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/MemRef/IR/MemRef.h"
#include "mlir/Dialect/Vector/IR/VectorOps.h"

#include <numbers>

using namespace mlir;

namespace mamba {

static SmallVector<ssm::RMSNormOp> normsOf(const ScanParts &parts) {
  SmallVector<ssm::RMSNormOp> norms = {parts.deltaNorm, parts.normOfB, parts.normOfC};
  llvm::erase_if(norms, [](ssm::RMSNormOp norm) { return !norm; });
  return norms;
}

/// Factors of a norm: of a chunk's rows, whole vectors of them.
static int64_t factorsOfNorm(ssm::ScheduleAttr schedule) {
  return llvm::alignTo(schedule.getChunk(), schedule.getLanes());
}

int64_t ScanEmission::scratchBytes(const ScanParts &parts, ssm::ScheduleAttr schedule) {
  int64_t rows = parts.scanSlices ? 2 * schedule.getChunk() + parts.N + 1
                                  : 3 * schedule.getChunk() + parts.N;
  int64_t factors = int64_t(normsOf(parts).size()) * factorsOfNorm(schedule);
  return (rows * schedule.getColBlock() + factors) * 4;
}

void ScanEmission::allocate() {
  dt = e.scratch(s.getChunk(), block);
  dtU = e.scratch(s.getChunk(), block);
  if (!findsSlices())
    y = e.scratch(s.getChunk(), block);
  h = e.scratch(p.N + findsSlices(), block);
  norms = normsOf(p);
  if (!norms.empty())
    factors = e.scratch(norms.size(), factorsOfNorm(s));
  pool = e.buffer(p.state);
  A = e.buffer(packedArgument(p.A));
  if (findsSlices())
    return;
  result = yielded(e.kernel, 0) == p.scan.getNewState();
  out = {e.resultBuffer(result), 0, p.E};
  if (p.z)
    rowsAfter.push_back(p.z);
  for (Operation &op : e.kernel.getBlock())
    if (isElementwise(&op) && op.getOperand(0) != p.delta)
      llvm::append_range(rowsAfter, llvm::make_filter_range(op.getOperands(), isRowsView));
}

KernelGrid ScanEmission::run() {
  int64_t across = (p.E + block - 1) / block;
  e.reach = block;
  allocate();
  Value outer = e.div(e.tile, e.index(across));
  panel = e.rem(e.tile, e.index(across));
  column0 = e.mul(panel, block);
  if (p.slices) {
    runSlices(outer);
    return {KernelGrid::Constant, p.sliceCount * across, 1, 1};
  }
  slot = e.slot(outer);
  Value start = e.sequenceStart(outer), end = e.sequenceStart(e.add(outer, 1));
  e.when(e.less(start, end), [&] {
    fetchDecays();
    loadStates(e, pool, slot, column0, h);
    scanRows(start, end);
    storeStates(e, h, pool, slot, column0);
  });
  return {KernelGrid::Sequences, 1, 1, across};
}

Value ScanEmission::at(Value matrix, Value row, Value column) {
  return vector::LoadOp::create(e.b, e.vectorType, matrix, ValueRange{row, column});
}

void ScanEmission::put(Value vector, Value matrix, Value row, Value column) {
  vector::StoreOp::create(e.b, vector, matrix, ValueRange{row, column});
}

void ScanEmission::eachVector(
    const std::function<void(int64_t j, Value local, Value column)> &body) {
  constexpr int64_t together = 4;
  for (int64_t first = 0; first < vectors; first += together)
    e.interleave(std::min(together, vectors - first), [&](int64_t i) {
      int64_t j = first + i;
      body(j, e.index(j * e.lanes), e.add(column0, j * e.lanes));
    });
}

/// A alone lies in pieces that no prefetcher sees coming: fetched while the states
/// are read.
void ScanEmission::fetchDecays() {
  constexpr int64_t line = 16;
  e.loop(e.index(0), e.index(p.N), 1, [&](Value n) {
    for (int64_t i = 0; i < block; i += line)
      e.prefetch(A, {panel, n, e.index(i)});
  }, /*keepRolled=*/true);
}

void ScanEmission::scanRows(Value start, Value end) {
  if (s.getMma() > 0)
    scanSpans(start, end);
  else
    scanChunks(start, end);
}

void ScanEmission::scanChunks(Value start, Value end) {
  e.loop(start, end, s.getChunk(), [&](Value chunk) {
    Value length = e.min(e.sub(end, chunk), e.index(s.getChunk()));
    findFactors(chunk, length);
    computeDt(chunk, length);
    recur(chunk, length);
    if (!findsSlices())
      finish(chunk, length);
  });
}

/// dt of `row_block` rows at once by tiles.
void ScanEmission::scanSpans(Value start, Value end) {
  ScanTiles tiles(e, p, panel);
  projected = e.scratch(s.getRowBlock(), block);
  e.loop(start, end, s.getRowBlock(), [&](Value first) {
    Value past = e.min(end, e.add(first, s.getRowBlock()));
    tiles.project(first, e.sub(past, first), projected);
    span = first;
    scanChunks(first, past);
  });
}

void ScanEmission::computeDt(Value chunk, Value length) {
  int64_t tile = p.projection && !projected ? s.getRowTile() : 1;
  Value whole = e.b.createOrFold<arith::MulIOp>(e.div(length, e.index(tile)), e.index(tile));
  e.loop(e.index(0), whole, tile, [&](Value t) { dtRows(chunk, t, tile); });
  if (tile > 1)
    e.loop(whole, length, 1, [&](Value t) { dtRows(chunk, t, 1); });
}

/// Sums of rows wait for nothing, and of the roots `lanes` are found at a time.
void ScanEmission::findFactors(Value chunk, Value length) {
  if (norms.empty())
    return;
  e.loop(e.index(0), length, 1, [&](Value t) {
    for (auto [i, norm] : llvm::enumerate(norms)) {
      Value squares = sumOfSquares(e, *e.view(norm.getX()), e.add(chunk, t));
      memref::StoreOp::create(e.b, squares, factors, ValueRange{e.index(i), t});
    }
  });
  e.loop(e.index(0), length, e.lanes, [&](Value t) {
    for (auto [i, norm] : llvm::enumerate(norms)) {
      Value squares = at(factors, e.index(i), t);
      put(inverseRoot(e, squares, lastDim(norm.getX()), norm.getEps().convertToDouble()), factors,
          e.index(i), t);
    }
  });
}

Value ScanEmission::factorOf(ssm::RMSNormOp norm, Value t) {
  if (!norm)
    return {};
  Value place = e.index(llvm::find(norms, norm) - norms.begin());
  return e.broadcast(memref::LoadOp::create(e.b, factors, ValueRange{place, t}));
}

Value ScanEmission::times(Value vector, Value factor) {
  return factor ? e.math.mul(vector, factor) : vector;
}

void ScanEmission::dtRows(Value chunk, Value t, int64_t count) {
  SmallVector<Value> rows, sums;
  for (int64_t i = 0; i < count; ++i)
    rows.push_back(e.add(e.add(chunk, t), i));
  View delta = *e.view(p.delta), u = *e.view(p.u);
  if (p.projection && !projected)
    sums = panelProduct(e, {.x = delta, .rows = rows, .panel = panel, .vectors = vectors},
                        WeightPanel(e, p.projection.getW()));
  for (int64_t i = 0; i < count; ++i) {
    Value local = e.add(t, i);
    Value ofDelta = factorOf(p.deltaNorm, local), ofB = factorOf(p.normOfB, local);
    eachVector([&](int64_t j, Value lane, Value column) {
      Value value = projected      ? at(projected, e.sub(rows[i], span), lane)
                    : p.projection ? sums[i * vectors + j]
                                   : e.load(delta, rows[i], column);
      value = times(value, ofDelta);
      if (p.projection && p.projection.getBias())
        value = e.math.add(value, e.load1(e.buffer(p.projection.getBias()), column));
      Value bias = p.deltaBias ? e.load1(e.buffer(p.deltaBias), column) : Value();
      value = scanStepSize(e.math, value, bias, p.hasSoftplus);
      put(value, dt, local, lane);
      value = e.math.mul(value, e.load(u, rows[i], column));
      put(times(value, ofB), dtU, local, lane);
    });
  }
}

Value ScanEmission::inTime(Value value, Value row, Value state) {
  std::optional<View> view = e.view(value);
  return e.broadcast(view ? e.scalar(*view, row, state) : e.scalarAt(e.buffer(value), state));
}

Value ScanEmission::decay(Value n, Value lane) {
  Value a = vector::LoadOp::create(e.b, e.vectorType, A, ValueRange{panel, n, lane});
  return p.log2Decay ? a : e.math.mul(a, e.math.constant(e.vectorType, std::numbers::log2e));
}

void ScanEmission::recur(Value chunk, Value length) {
  int64_t states = std::min(s.getStateBlock(), p.N);
  int64_t whole = p.N / states * states;
  e.loop(e.index(0), e.index(block), e.lanes, [&](Value lane) {
    recurStates(chunk, length, lane, e.index(0), states, /*isFirst=*/true);
    e.loop(e.index(states), e.index(whole), states,
           [&](Value n) { recurStates(chunk, length, lane, n, states); });
    if (whole < p.N)
      recurStates(chunk, length, lane, e.index(whole), p.N - whole);
  });
}

/// What is next: the gate and y after this chunk, u before the following one.
/// Their rows lie too far apart for prefetchers.
void ScanEmission::fetchRows(Value row, Value lane) {
  Value column = e.add(column0, lane);
  auto fetch = [&](const View &view, Value row, bool isWritten = false) {
    e.prefetch(view.buffer, {row, e.add(column, view.offset)}, isWritten);
  };
  for (Value rows : rowsAfter)
    fetch(*e.view(rows), row);
  if (!findsSlices())
    fetch(out, row, /*isWritten=*/true);
  fetch(*e.view(p.u), e.min(e.add(row, s.getChunk()), e.sub(e.rows, e.index(1))));
}

void ScanEmission::recurStates(Value chunk, Value length, Value lane, Value n0, int64_t states,
                               bool isFirst) {
  SmallVector<Value> decays, carried, places;
  for (int64_t i = 0; i < states; ++i) {
    places.push_back(e.add(n0, i));
    decays.push_back(decay(places[i], lane));
    carried.push_back(at(h, places[i], lane));
  }
  // What slices find is the sum of dt too; y they do not.
  bool sumsDt = isFirst && findsSlices();
  if (sumsDt) {
    places.push_back(e.index(p.N));
    carried.push_back(at(h, places.back(), lane));
  }
  carried = e.loop(e.index(0), length, 1, carried, [&](Value t, ValueRange old) {
    Value row = e.add(chunk, t);
    if (isFirst)
      fetchRows(row, lane);
    Value dtT = at(dt, t, lane), dtUT = at(dtU, t, lane);
    SmallVector<Value> sums, next(old);
    // Two chains for the sum over the states.
    if (p.C)
      sums = {isFirst ? e.zero() : at(y, t, lane), e.zero()};
    auto B = [&](int64_t i) { return inTime(p.B, row, places[i]); };
    auto C = [&](int64_t i) { return inTime(p.C, row, places[i]); };
    llvm::function_ref<Value(int64_t)> output;
    if (p.C)
      output = C;
    // Decays of a recipe do not grow; those of a caller may.
    scanStep(e.math, dtT, dtUT, decays, B, output, next, sums,
             /*fmaExp=*/p.log2Decay ? states : 0);
    if (p.C)
      put(e.math.add(sums[0], sums[1]), y, t, lane);
    if (sumsDt)
      next.back() = e.math.add(next.back(), dtT);
    return next;
  });
  for (auto [place, value] : llvm::zip_equal(places, carried))
    put(value, h, place, lane);
}

void ScanEmission::finish(Value chunk, Value length) {
  View u = *e.view(p.u);
  e.loop(e.index(0), length, 1, [&](Value t) {
    Value row = e.add(chunk, t), ofC = factorOf(p.normOfC, t);
    eachVector([&](int64_t, Value lane, Value column) {
      Value D = p.D ? e.load1(e.buffer(p.D), column) : Value();
      Value z = p.z ? e.load(*e.view(p.z), row, column) : Value();
      Value sum = times(at(y, t, lane), ofC);
      Value value = scanOutput(e.math, sum, D, D ? e.load(u, row, column) : D, z);
      Value gated = e.elementwise(yielded(e.kernel, result), [&](Value v) -> Value {
        if (v == p.scan.getY())
          return value;
        if (std::optional<View> view = e.view(v))
          return e.load(*view, row, column);
        return {};
      });
      e.store(gated, out, row, column);
    });
  });
}

} // namespace mamba
