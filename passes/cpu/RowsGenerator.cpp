// Kernels that treat each row by itself: embedding, norm, last rows, and any
// expression of elementwise ops.
//
// A tile is `row_block` rows, whole.
#include "passes/cpu/Generator.h"
#include "passes/target/Schedule.h"
#include "passes/cpu/PanelProduct.h"
#include "passes/cpu/WeightRow.h"

#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/MemRef/IR/MemRef.h"
#include "mlir/Dialect/Vector/IR/VectorOps.h"

using namespace mlir;

namespace mamba {
namespace {

class RowsGenerator : public CpuGenerator {
public:
  StringRef family() const override { return "rows"; }

  bool canGenerate(ssm::KernelOp kernel, const Target &target, std::string &reason) const override {
    return matchRows(kernel, reason);
  }

  ssm::ScheduleAttr schedule(ssm::KernelOp kernel, const Target &target,
                             TokenClass tokens) const override {
    int64_t width = 1;
    for (Value result : kernel.getResults())
      width = std::max(width, lastDim(result));
    int64_t rows = std::max<int64_t>(1, 16384 / width);
    return Schedule{.lanes = target.lanes, .rowBlock = rows}.get(kernel.getContext());
  }

  KernelGrid generate(CpuEmitter &e) const override {
    Value row0 = e.mul(e.tile, e.schedule.getRowBlock());
    Value rowEnd = e.min(e.rows, e.add(row0, e.schedule.getRowBlock()));
    e.loop(row0, rowEnd, 1, [&](Value row) { oneRow(e, row); });
    return {KernelGrid::Rows, 1, e.schedule.getRowBlock(), 1};
  }

protected:
  bool checkSchedule(ssm::KernelOp kernel, const Target &target, ssm::ScheduleAttr s,
                     std::string &reason) const override {
    if (s.getRowBlock() <= 0) {
      reason = "rows need a positive row_block";
      return false;
    }
    return true;
  }

private:
  static void oneRow(CpuEmitter &e, Value row) {
    // What a source needs once a row: the norm's factor, the row that is read
    // and for last_rows whether there is one.
    llvm::DenseMap<Operation *, Value> factor, source, present;
    for (Operation &op : e.kernel.getBlock().without_terminator()) {
      if (auto norm = dyn_cast<ssm::RMSNormOp>(op)) {
        factor[&op] = e.broadcast(inverseRms(e, *e.view(norm.getX()), row,
                                             norm.getEps().convertToDouble()));
      } else if (auto embedding = dyn_cast<ssm::EmbeddingOp>(op)) {
        Value token = memref::LoadOp::create(e.b, e.buffer(embedding.getTokens()), row);
        source[&op] = arith::IndexCastOp::create(e.b, e.b.getIndexType(), token);
      } else if (isa<ssm::LastRowsOp>(op)) {
        Value start = e.sequenceStart(row), end = e.sequenceStart(e.add(row, 1));
        present[&op] = e.less(start, end);
        // An empty sequence reads row 0 of a masked vector: nothing.
        Value last = e.sub(end, e.index(1));
        source[&op] = arith::SelectOp::create(e.b, present[&op], last, e.index(0));
      }
    }
    for (unsigned i = 0; i < e.kernel.getNumResults(); ++i) {
      Value made = yielded(e.kernel, i);
      View out{e.resultBuffer(i), 0, lastDim(made)};
      e.loop(e.index(0), e.index(out.columns), e.lanes, [&](Value column) {
        Value value = e.elementwise(made, [&](Value v) -> Value {
          if (std::optional<View> view = e.view(v))
            return e.load(*view, row, column);
          Operation *op = v.getDefiningOp();
          if (auto norm = dyn_cast<ssm::RMSNormOp>(op)) {
            Value x = e.math.mul(e.load(*e.view(norm.getX()), row, column), factor[op]);
            return norm.getWeight() ? e.math.mul(x, e.load1(e.buffer(norm.getWeight()), column)) : x;
          }
          if (auto embedding = dyn_cast<ssm::EmbeddingOp>(op))
            return WeightRow(e).wide(embedding.getTable(), source[op], column, e.lanes);
          if (auto last = dyn_cast<ssm::LastRowsOp>(op))
            return lastRow(e, *e.view(last.getX()), source[op], present[op], column);
          return {};
        });
        e.store(value, out, row, column);
      });
    }
  }

  static Value lastRow(CpuEmitter &e, const View &x, Value row, Value present, Value column) {
    auto maskType = VectorType::get({e.lanes}, e.b.getI1Type());
    Value mask = vector::BroadcastOp::create(e.b, maskType, present);
    if (Value edge = e.edgeMask(column, x.columns))
      mask = arith::AndIOp::create(e.b, mask, edge);
    return e.loadAt(x.buffer, {row, e.add(column, x.offset)}, mask);
  }
};

} // namespace

std::unique_ptr<CpuGenerator> createRowsGenerator() { return std::make_unique<RowsGenerator>(); }

} // namespace mamba
