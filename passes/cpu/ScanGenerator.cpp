// The selective scan with what surrounds it: dt projection, softplus, skip, gate.
//
// A tile is one sequence by `col_block` channels; channels lie in lanes, time is
// serial. Time goes in chunks whose dt, dt * u and y are held in scratch memory:
//   1. dt of the chunk, row by row: projection, bias, softplus
//   2. the recurrence, `lanes` channels at a time, `state_block` states in
//      registers, only scratch memory and B and C
//   3. skip, gate and store of y, row by row
// The order of every sum is that of the states and of k, whatever the chunks.
#include "passes/cpu/Generator.h"
#include "passes/target/Schedule.h"
#include "passes/cpu/PanelProduct.h"
#include "passes/target/Recurrence.h"

#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/MemRef/IR/MemRef.h"
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
    int64_t across = (p.E + block - 1) / block;
    e.reach = block;
    dt = e.scratch(s.getChunk(), block);
    dtU = e.scratch(s.getChunk(), block);
    y = e.scratch(s.getChunk(), block);
    h = e.scratch(p.N, block);
    pool = e.buffer(p.scan.getState());
    A = e.buffer(packedArgument(p.scan.getA()));
    Value sequence = e.div(e.tile, e.index(across));
    panel = e.rem(e.tile, e.index(across));
    column0 = e.mul(panel, block);
    slot = e.slot(sequence);
    Value start = e.sequenceStart(sequence), end = e.sequenceStart(e.add(sequence, 1));
    e.when(e.less(start, end), [&] {
      moveState(/*load=*/true);
      e.loop(start, end, s.getChunk(), [&](Value chunk) {
        Value length = e.min(e.sub(end, chunk), e.index(s.getChunk()));
        computeDt(chunk, length);
        recur(chunk, length);
        finish(chunk, length);
      });
      moveState(/*load=*/false);
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
  void eachVector(const std::function<void(Value local, Value column)> &body) {
    for (int64_t j = 0; j < vectors; ++j)
      body(e.index(j * e.lanes), e.add(column0, j * e.lanes));
  }

  /// Between the pool [slots, E, N] and scratch [N, block]: a transposition.
  void moveState(bool load) {
    auto indexType = VectorType::get({e.lanes}, e.b.getI32Type());
    SmallVector<int32_t> steps;
    for (int64_t i = 0; i < e.lanes; ++i)
      steps.push_back(i * p.N);
    Value offsets = arith::ConstantOp::create(e.b, DenseElementsAttr::get(indexType, ArrayRef(steps)));
    auto maskType = VectorType::get({e.lanes}, e.b.getI1Type());
    e.loop(e.index(0), e.index(block), e.lanes, [&](Value local) {
      Value column = e.add(column0, local);
      Value mask = e.edgeMask(column, p.E);
      if (!mask)
        mask = arith::ConstantOp::create(e.b, DenseElementsAttr::get(maskType, true));
      e.loop(e.index(0), e.index(p.N), 1, [&](Value n) {
        SmallVector<Value> base = {slot, column, n};
        if (load)
          put(vector::GatherOp::create(e.b, e.vectorType, pool, base, offsets, mask, e.zero()), h,
              n, local);
        else
          vector::ScatterOp::create(e.b, Type(), pool, base, offsets, mask, at(h, n, local));
      }, /*keepRolled=*/true);
    }, /*keepRolled=*/true);
  }

  void computeDt(Value chunk, Value length) {
    int64_t tile = p.projection ? s.getRowTile() : 1;
    Value whole = e.b.createOrFold<arith::MulIOp>(e.div(length, e.index(tile)), e.index(tile));
    e.loop(e.index(0), whole, tile, [&](Value t) { dtRows(chunk, t, tile); });
    if (tile > 1)
      e.loop(whole, length, 1, [&](Value t) { dtRows(chunk, t, 1); });
  }

  void dtRows(Value chunk, Value t, int64_t count) {
    SmallVector<Value> rows, projected;
    for (int64_t i = 0; i < count; ++i)
      rows.push_back(e.add(e.add(chunk, t), i));
    View delta = *e.view(p.delta), u = *e.view(p.scan.getU());
    if (p.projection)
      projected = panelProduct(e, delta, rows, e.buffer(packedArgument(p.projection.getW())),
                               panel, vectors);
    for (int64_t i = 0; i < count; ++i) {
      Value local = e.add(t, i);
      int64_t j = 0;
      eachVector([&](Value lane, Value column) {
        Value value = p.projection ? projected[i * vectors + j] : e.load(delta, rows[i], column);
        ++j;
        if (p.projection && p.projection.getBias())
          value = e.math.add(value, e.load1(e.buffer(p.projection.getBias()), column));
        Value bias = p.scan.getDeltaBias() ? e.load1(e.buffer(p.scan.getDeltaBias()), column) : Value();
        value = scanStepSize(e.math, value, bias, p.softplus || p.scan.getSoftplus());
        put(value, dt, local, lane);
        put(e.math.mul(value, e.load(u, rows[i], column)), dtU, local, lane);
        if (p.N > s.getStateBlock())
          put(e.zero(), y, local, lane);
      });
    }
  }

  /// B or C of a row and state, in all lanes.
  Value inTime(Value value, Value row, Value state) {
    Value scalar;
    if (std::optional<View> view = e.view(value))
      scalar = memref::LoadOp::create(e.b, view->buffer, ValueRange{row, e.add(state, view->offset)});
    else
      scalar = memref::LoadOp::create(e.b, e.buffer(value), state);
    return e.broadcast(scalar);
  }

  void recur(Value chunk, Value length) {
    int64_t states = std::min(s.getStateBlock(), p.N);
    int64_t whole = p.N / states * states;
    e.loop(e.index(0), e.index(block), e.lanes, [&](Value lane) {
      e.loop(e.index(0), e.index(whole), states,
             [&](Value n) { recurStates(chunk, length, lane, n, states); });
      if (whole < p.N)
        recurStates(chunk, length, lane, e.index(whole), p.N - whole);
    });
  }

  void recurStates(Value chunk, Value length, Value lane, Value n0, int64_t states) {
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
      Value dtT = at(dt, t, lane), dtUT = at(dtU, t, lane);
      // Two chains for the sum over the states.
      SmallVector<Value> sums = {p.N > s.getStateBlock() ? at(y, t, lane) : e.zero(), e.zero()};
      SmallVector<Value> next(old);
      scanStep(
          e.math, dtT, dtUT, decay,
          [&](int64_t i) { return inTime(p.scan.getB(), row, e.add(n0, i)); },
          [&](int64_t i) { return inTime(p.scan.getC(), row, e.add(n0, i)); }, next, sums);
      put(e.math.add(sums[0], sums[1]), y, t, lane);
      return next;
    });
    for (int64_t i = 0; i < states; ++i)
      put(carried[i], h, e.add(n0, i), lane);
  }

  void finish(Value chunk, Value length) {
    View u = *e.view(p.scan.getU());
    unsigned result = e.kernel.getBlock().getTerminator()->getOperand(0) == p.scan.getNewState();
    View out{e.resultBuffer(result), 0, p.E};
    e.loop(e.index(0), length, 1, [&](Value t) {
      Value row = e.add(chunk, t);
      eachVector([&](Value lane, Value column) {
        Value D = p.scan.getD() ? e.load1(e.buffer(p.scan.getD()), column) : Value();
        Value z = p.scan.getZ() ? e.load(*e.view(p.scan.getZ()), row, column) : Value();
        Value value = scanOutput(e.math, at(y, t, lane), D, D ? e.load(u, row, column) : D, z);
        Value gated = e.elementwise(
            e.kernel.getBlock().getTerminator()->getOperand(result), [&](Value v) -> Value {
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
  Value dt, dtU, y, h, pool, A, panel, column0, slot;
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
    return parts && readsOnlyF32(kernel, reason);
  }

  ssm::ScheduleAttr schedule(ssm::KernelOp kernel, const Target &target,
                             TokenClass tokens) const override {
    std::string reason;
    ScanParts parts = *matchScan(kernel, reason);
    int64_t lanes = target.lanes;
    int64_t block = std::min<int64_t>(target.registers >= 32 ? 4 * lanes : 2 * lanes,
                                      (parts.E + lanes - 1) / lanes * lanes);
    // One schedule for all classes: time is serial in each of them.
    return Schedule{.lanes = lanes, .colBlock = block, .rowTile = 4, .chunk = 32,
                    .stateBlock = target.registers / 2}
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
    int64_t states = matchScan(kernel, reason)->N;
    int64_t bytes = (3 * s.getChunk() + states) * s.getColBlock() * 4;
    if (bytes > target.l2Bytes) {
      reason = "chunk and col_block take " + std::to_string(bytes) +
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
