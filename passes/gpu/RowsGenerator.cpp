// Kernels that treat each row by itself: embedding, norm, last rows, and any
// expression of elementwise ops.
//
// A tile is one row; the block's threads take its columns in turn.
#include "passes/gpu/Generator.h"
#include "passes/gpu/RowNorm.h"
#include "passes/target/Schedule.h"
#include "passes/target/WeightElement.h"

#include "mlir/Dialect/Arith/IR/Arith.h"

using namespace mlir;

namespace mamba {
namespace {

class RowsGenerator : public GpuGenerator {
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
    int64_t threads = std::clamp<int64_t>(llvm::alignTo(width, 32), 32, 256);
    return Schedule{.rowBlock = 1, .threads = threads}.get(kernel.getContext());
  }

  KernelGrid generate(GpuEmitter &e) const override {
    Value row = e.tile;
    // What a source needs once a row: the norm's factor, the row that is read
    // and for last_rows whether there is one.
    llvm::DenseMap<Operation *, Value> factor, source, present;
    for (Operation &op : e.kernel.getBlock().without_terminator()) {
      if (auto norm = dyn_cast<ssm::RMSNormOp>(op)) {
        factor[&op] = blockInverseRms(e, *e.view(norm.getX()), row, norm.getEps().convertToDouble());
      } else if (auto embedding = dyn_cast<ssm::EmbeddingOp>(op)) {
        Value token = e.load(e.buffer(embedding.getTokens()), row);
        source[&op] = arith::IndexCastOp::create(e.b, e.b.getIndexType(), token);
      } else if (isa<ssm::LastRowsOp>(op)) {
        Value start = e.sequenceStart(row), end = e.sequenceStart(e.add(row, 1));
        present[&op] = e.less(start, end);
        source[&op] = e.sub(end, e.index(1));
      }
    }
    for (unsigned i = 0; i < e.kernel.getNumResults(); ++i) {
      View out{e.resultBuffer(i), 0, lastDim(yielded(e.kernel, i))};
      e.loop(e.thread, e.index(out.columns), e.threads, [&](Value column) {
        Value value = e.elementwise(yielded(e.kernel, i), [&](Value v) -> Value {
          if (std::optional<View> view = e.view(v))
            return e.load(*view, row, column);
          Operation *op = v.getDefiningOp();
          if (auto norm = dyn_cast<ssm::RMSNormOp>(op)) {
            Value x = e.math.mul(e.load(*e.view(norm.getX()), row, column), factor[op]);
            return norm.getWeight() ? e.math.mul(x, e.load(e.buffer(norm.getWeight()), column)) : x;
          }
          if (auto embedding = dyn_cast<ssm::EmbeddingOp>(op))
            return weightAt(e, embedding.getTable(), {source[op], column});
          if (auto last = dyn_cast<ssm::LastRowsOp>(op))
            return e.when(present[op], [&] { return e.load(*e.view(last.getX()), source[op], column); },
                          e.f32(0));
          return {};
        });
        e.store(value, out, row, column);
      });
    }
    return {KernelGrid::Rows, 1, 1, 1};
  }

protected:
  bool checkSchedule(ssm::KernelOp kernel, const Target &target, ssm::ScheduleAttr s, Needs &needs,
                     std::string &reason) const override {
    if (s.getRowBlock() != 1) {
      reason = "row_block must be 1, got " + std::to_string(s.getRowBlock());
      return false;
    }
    needs = {s.getThreads() / 32 * 4, 32};
    return true;
  }
};

} // namespace

std::unique_ptr<GpuGenerator> createGpuRowsGenerator() { return std::make_unique<RowsGenerator>(); }

} // namespace mamba
