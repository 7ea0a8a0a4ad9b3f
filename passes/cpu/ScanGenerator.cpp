// The selective scan with what surrounds it: dt projection, softplus, skip, gate.
//
// A tile is one sequence by `col_block` channels; channels lie in lanes, time is
// serial. Time goes in chunks whose dt, dt * u and y are held in scratch memory:
//   1. dt of the chunk, row by row: projection, unless tiles have made it for
//      `row_block` rows, bias, softplus
//   2. the recurrence, `lanes` channels at a time, `state_block` states in
//      registers, only scratch memory and B and C
//   3. skip, gate and store of y, row by row
// In 2. what 3. and the next chunk read and write is fetched. States go between the
// pool and scratch memory by transpositions, once a sequence. The order of every sum
// is that of the states and of k, whatever the chunks.
#include "passes/cpu/Generator.h"
#include "passes/cpu/PanelProduct.h"
#include "passes/cpu/ScanState.h"
#include "passes/cpu/ScanTiles.h"
#include "passes/cpu/TilePanels.h"
#include "passes/target/Recurrence.h"
#include "passes/target/Schedule.h"

#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/Vector/IR/VectorOps.h"

#include <numbers>

using namespace mlir;

namespace mamba {
namespace {

class ScanEmission {
public:
  ScanEmission(CpuEmitter &e, ScanParts parts)
      : e(e), p(parts), s(e.schedule), block(s.getColBlock()), vectors(block / e.lanes) {}

  KernelGrid run() {
    if (p.z)
      rowsAfter.push_back(p.z);
    for (Operation &op : e.kernel.getBlock())
      if (isElementwise(&op) && op.getOperand(0) != p.delta)
        llvm::append_range(rowsAfter, llvm::make_filter_range(op.getOperands(), isRowsView));
    int64_t across = (p.E + block - 1) / block;
    e.reach = block;
    dt = e.scratch(s.getChunk(), block);
    dtU = e.scratch(s.getChunk(), block);
    y = e.scratch(s.getChunk(), block);
    h = e.scratch(p.N, block);
    result = yielded(e.kernel, 0) == p.scan.getNewState();
    out = {e.resultBuffer(result), 0, p.E};
    pool = e.buffer(p.scan.getState());
    A = e.buffer(packedArgument(p.scan.getA()));
    Value sequence = e.div(e.tile, e.index(across));
    panel = e.rem(e.tile, e.index(across));
    column0 = e.mul(panel, block);
    slot = e.slot(sequence);
    Value start = e.sequenceStart(sequence), end = e.sequenceStart(e.add(sequence, 1));
    e.when(e.less(start, end), [&] {
      fetchDecays();
      loadStates(e, pool, slot, column0, h);
      if (s.getMma() > 0)
        scanSpans(start, end);
      else
        scanChunks(start, end);
      storeStates(e, h, pool, slot, column0);
    });
    return {KernelGrid::Sequences, 1, 1, across};
  }

private:
  Value at(Value matrix, Value row, Value column) {
    return vector::LoadOp::create(e.b, e.vectorType, matrix, ValueRange{row, column});
  }
  void put(Value vector, Value matrix, Value row, Value column) {
    vector::StoreOp::create(e.b, vector, matrix, ValueRange{row, column});
  }
  /// Some vectors at a time, side by side: each is one long chain.
  void eachVector(const std::function<void(int64_t j, Value local, Value column)> &body) {
    constexpr int64_t together = 4;
    for (int64_t first = 0; first < vectors; first += together)
      e.interleave(std::min(together, vectors - first), [&](int64_t i) {
        int64_t j = first + i;
        body(j, e.index(j * e.lanes), e.add(column0, j * e.lanes));
      });
  }

  void scanChunks(Value start, Value end) {
    e.loop(start, end, s.getChunk(), [&](Value chunk) {
      Value length = e.min(e.sub(end, chunk), e.index(s.getChunk()));
      computeDt(chunk, length);
      recur(chunk, length);
      finish(chunk, length);
    });
  }

  /// dt of `row_block` rows at once by tiles.
  void scanSpans(Value start, Value end) {
    ScanTiles tiles(e, p, panel);
    projected = e.scratch(s.getRowBlock(), block);
    e.loop(start, end, s.getRowBlock(), [&](Value first) {
      Value past = e.min(end, e.add(first, s.getRowBlock()));
      tiles.project(first, e.sub(past, first), projected);
      span = first;
      scanChunks(first, past);
    });
  }

  /// A alone lies in pieces that no prefetcher sees coming: fetched while the states
  /// are read.
  void fetchDecays() {
    constexpr int64_t line = 16;
    e.loop(e.index(0), e.index(p.N), 1, [&](Value n) {
      for (int64_t i = 0; i < block; i += line)
        e.prefetch(A, {panel, n, e.index(i)});
    }, /*keepRolled=*/true);
  }

  void computeDt(Value chunk, Value length) {
    int64_t tile = p.projection && !projected ? s.getRowTile() : 1;
    Value whole = e.b.createOrFold<arith::MulIOp>(e.div(length, e.index(tile)), e.index(tile));
    e.loop(e.index(0), whole, tile, [&](Value t) { dtRows(chunk, t, tile); });
    if (tile > 1)
      e.loop(whole, length, 1, [&](Value t) { dtRows(chunk, t, 1); });
  }

  void dtRows(Value chunk, Value t, int64_t count) {
    SmallVector<Value> rows, sums;
    for (int64_t i = 0; i < count; ++i)
      rows.push_back(e.add(e.add(chunk, t), i));
    View delta = *e.view(p.delta), u = *e.view(p.scan.getU());
    if (p.projection && !projected)
      sums = panelProduct(e, {.x = delta, .rows = rows, .panel = panel, .vectors = vectors},
                          WeightPanel(e, p.projection.getW()));
    for (int64_t i = 0; i < count; ++i) {
      Value local = e.add(t, i);
      eachVector([&](int64_t j, Value lane, Value column) {
        Value value = projected      ? at(projected, e.sub(rows[i], span), lane)
                      : p.projection ? sums[i * vectors + j]
                                     : e.load(delta, rows[i], column);
        if (p.projection && p.projection.getBias())
          value = e.math.add(value, e.load1(e.buffer(p.projection.getBias()), column));
        Value bias = p.deltaBias ? e.load1(e.buffer(p.deltaBias), column) : Value();
        value = scanStepSize(e.math, value, bias, p.hasSoftplus);
        put(value, dt, local, lane);
        put(e.math.mul(value, e.load(u, rows[i], column)), dtU, local, lane);
      });
    }
  }

  /// B or C of a row and state, in all lanes.
  Value inTime(Value value, Value row, Value state) {
    std::optional<View> view = e.view(value);
    return e.broadcast(view ? e.scalar(*view, row, state) : e.scalarAt(e.buffer(value), state));
  }

  void recur(Value chunk, Value length) {
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
  void fetchRows(Value row, Value lane) {
    Value column = e.add(column0, lane);
    auto fetch = [&](const View &view, Value row, bool isWritten = false) {
      e.prefetch(view.buffer, {row, e.add(column, view.offset)}, isWritten);
    };
    for (Value rows : rowsAfter)
      fetch(*e.view(rows), row);
    fetch(out, row, /*isWritten=*/true);
    fetch(*e.view(p.u), e.min(e.add(row, s.getChunk()), e.sub(e.rows, e.index(1))));
  }

  void recurStates(Value chunk, Value length, Value lane, Value n0, int64_t states,
                   bool isFirst = false) {
    SmallVector<Value> decay, carried;
    for (int64_t i = 0; i < states; ++i) {
      Value n = e.add(n0, i);
      Value a = vector::LoadOp::create(e.b, e.vectorType, A, ValueRange{panel, n, lane});
      if (!p.scan.getLog2Decay())
        a = e.math.mul(a, e.math.constant(e.vectorType, std::numbers::log2e));
      decay.push_back(a);
      carried.push_back(at(h, n, lane));
    }
    carried = e.loop(e.index(0), length, 1, carried, [&](Value t, ValueRange old) {
      Value row = e.add(chunk, t);
      if (isFirst)
        fetchRows(row, lane);
      Value dtT = at(dt, t, lane), dtUT = at(dtU, t, lane);
      // Two chains for the sum over the states.
      SmallVector<Value> sums = {isFirst ? e.zero() : at(y, t, lane), e.zero()};
      SmallVector<Value> next(old);
      scanStep(
          e.math, dtT, dtUT, decay,
          [&](int64_t i) { return inTime(p.scan.getB(), row, e.add(n0, i)); },
          [&](int64_t i) { return inTime(p.scan.getC(), row, e.add(n0, i)); }, next, sums,
          // Decays of a recipe do not grow; those of a caller may.
          /*fmaExp=*/p.log2Decay ? states : 0);
      put(e.math.add(sums[0], sums[1]), y, t, lane);
      return next;
    });
    for (int64_t i = 0; i < states; ++i)
      put(carried[i], h, e.add(n0, i), lane);
  }

  void finish(Value chunk, Value length) {
    View u = *e.view(p.scan.getU());
    e.loop(e.index(0), length, 1, [&](Value t) {
      Value row = e.add(chunk, t);
      eachVector([&](int64_t, Value lane, Value column) {
        Value D = p.scan.getD() ? e.load1(e.buffer(p.scan.getD()), column) : Value();
        Value z = p.scan.getZ() ? e.load(*e.view(p.scan.getZ()), row, column) : Value();
        Value value = scanOutput(e.math, at(y, t, lane), D, D ? e.load(u, row, column) : D, z);
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

  CpuEmitter &e;
  ScanParts p;
  ssm::ScheduleAttr s;
  int64_t block, vectors;
  Value projected, span; // sums of dt from that row on; null: not by tiles
  Value dt, dtU, y, h, pool, A, panel, column0, slot;
  SmallVector<Value> rowsAfter; // read by what stands after the scan
  unsigned result;
  View out;
};

class ScanGenerator : public CpuGenerator {
public:
  StringRef family() const override { return "scan"; }

  bool canGenerate(ssm::KernelOp kernel, const Target &target, std::string &reason) const override {
    std::optional<ScanParts> parts = matchScan(kernel, reason);
    if (parts && parts->conv.conv) {
      reason = "kernels of a CPU compute a convolution once, in a kernel of its own";
      return false;
    }
    if (parts && parts->slices) {
      reason = "time is cut into slices on GPUs only";
      return false;
    }
    return parts.has_value();
  }

  ssm::ScheduleAttr schedule(ssm::KernelOp kernel, const Target &target,
                             TokenClass tokens) const override {
    std::string reason;
    ScanParts parts = *matchScan(kernel, reason);
    int64_t lanes = target.lanes;
    int64_t block = std::min<int64_t>(4 * lanes, (parts.E + lanes - 1) / lanes * lanes);
    // Time is serial in every class; only the projection of dt differs.
    bool isMany = tokens == TokenClass::Prefill || tokens == TokenClass::Long;
    bool tiles = isMany && ScanTiles::takes(parts, target);
    return Schedule{.lanes = lanes,
                    .rowBlock = tiles ? 256 : 0,
                    .colBlock = block,
                    .rowTile = target.registers / 8,
                    .chunk = 32,
                    .stateBlock = 8,
                    .mma = tiles ? kTileStep : 0}
        .get(kernel.getContext());
  }

  SmallVector<PackedUse> packedUses(ssm::KernelOp kernel, ssm::ScheduleAttr s) const override {
    std::string reason;
    ScanParts parts = *matchScan(kernel, reason);
    SmallVector<PackedUse> uses = {{&parts.scan.getAMutable(), s.getColBlock()}};
    if (parts.projection)
      uses.push_back({&parts.projection.getWMutable(), s.getColBlock()});
    return uses;
  }

  KernelGrid generate(CpuEmitter &e) const override {
    std::string reason;
    ScanParts parts = *matchScan(e.kernel, reason);
    return ScanEmission(e, parts).run();
  }

protected:
  bool checkSchedule(ssm::KernelOp kernel, const Target &target, ssm::ScheduleAttr s,
                     std::string &reason) const override {
    if (s.getColBlock() <= 0 || s.getColBlock() % s.getLanes() || s.getChunk() <= 0 ||
        s.getStateBlock() <= 0 || s.getStateBlock() % 2 || s.getRowTile() <= 0) {
      reason = "a scan needs positive chunk and row_tile, an even state_block, and col_block a "
               "multiple of lanes";
      return false;
    }
    ScanParts parts = *matchScan(kernel, reason);
    if (s.getMma() > 0 && !ScanTiles::isLegal(parts, target, s, reason))
      return false;
    int64_t accumulators = s.getRowTile() * (s.getColBlock() / s.getLanes());
    if (parts.projection && s.getMma() <= 0 && accumulators > 64) {
      reason = "row_tile * col_block takes " + std::to_string(accumulators) +
               " accumulators, 64 is the limit";
      return false;
    }
    int64_t bytes = (3 * s.getChunk() + parts.N) * s.getColBlock() * 4;
    if (s.getMma() > 0)
      bytes += ScanTiles::scratchBytes(parts, s);
    if (bytes > target.l2Bytes) {
      reason = "chunk, col_block and row_block take " + std::to_string(bytes) +
               " bytes of scratch memory, the second level cache has " +
               std::to_string(target.l2Bytes);
      return false;
    }
    return true;
  }
};

} // namespace

std::unique_ptr<CpuGenerator> createScanGenerator() { return std::make_unique<ScanGenerator>(); }

} // namespace mamba
