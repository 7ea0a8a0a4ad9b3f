// Projections: y = epilogue(norm(x) W^T + bias), W as it lies in memory, [O, K],
// aligned to its elements only.
//
// Two forms, by the schedule's lanes:
//   0  tiles for many rows: a block makes row_block by col_block outputs, a
//      thread row_tile by col_tile; k_block of k are in shared memory at once
//   8, 16 or 32 few rows: so many lanes make col_tile columns of row_block rows, a
//      block col_block columns; if that takes fewer lanes than it has, several
//      groups of them share a column; k_block of x are in shared memory at once
//   4  few rows on the matrix unit (with mma): a warp sums col_tile columns, several
//      share them if it takes fewer warps than a block has
// The norm's factor of a row is applied to the finished sum; its squares are
// added up while x is loaded for the product.
#include "passes/gpu/Generator.h"
#include "passes/gpu/Linear.h"
#include "passes/gpu/LinearConv.h"
#include "passes/gpu/LinearFewRowsMma.h"
#include "passes/gpu/LinearMma.h"
#include "passes/gpu/LinearOperand.h"
#include "passes/target/Int8Rows.h"
#include "passes/target/Schedule.h"

#include "llvm/Support/MathExtras.h"

using namespace mlir;

namespace mamba {

Value finishLinear(GpuEmitter &e, const LinearParts &parts, Value sum, Value factor, Value bias,
                   const std::function<Value(const View &)> &load) {
  if (factor)
    sum = e.math.mul(sum, factor);
  if (bias)
    sum = e.math.add(sum, bias);
  ssm::LinearOp linear = parts.linear;
  return e.elementwise(parts.y, [&](Value v) -> Value {
    if (v == linear.getY())
      return sum;
    if (std::optional<View> view = e.view(v))
      return load(*view);
    return {};
  });
}

namespace {

/// Rows that a grid is made for, and its blocks.
constexpr int64_t maxRows = 65536, maxBlocks = 0x7fffffff;

/// Rows or columns of a thread's tile, and k of a piece, that make sense at all.
constexpr int64_t maxTile = 64, maxPiece = 1024;

/// For each tile and step that the heuristic takes, three blocks of 128 threads a
/// multiprocessor.
constexpr int64_t enoughRegisters = 168;

/// Rows of a step of few tokens; rows at a time by FMA, and where a convolution makes
/// them.
constexpr int64_t rowsOfFew = 16, rowsByFma = 8, rowsOfConv = 4;

/// Steps of few sequences that have schedules of their own, from the most on.
struct FewSequences {
  int64_t most;
  const char *name;
};
constexpr FewSequences fewSequences[] = {
    {rowsOfFew, "few"}, {8, "eight"}, {4, "four"}, {2, "two"}, {1, "one"}};

LinearParts partsOf(ssm::KernelOp kernel) {
  std::string reason;
  return *matchLinear(kernel, reason);
}

/// For so many rows: by FMA, or on the matrix unit if that is faster, unless a
/// convolution makes them.
ssm::ScheduleAttr fewRows(ssm::KernelOp kernel, const LinearParts &parts, const Target &target,
                          int64_t rows) {
  MLIRContext *context = kernel.getContext();
  if (parts.conv.conv)
    return fewRowsSchedule(parts, std::min(rows, rowsOfConv)).get(context);
  Schedule fma = fewRowsSchedule(parts, std::min(rows, rowsByFma));
  if (std::optional<Schedule> mma =
          fewRowsMmaSchedule(kernel, parts, target, std::max<int64_t>(rows, 8))) {
    ssm::ScheduleAttr schedule = mma->get(context);
    if (fewRowsMmaTime(FewRowsMmaShape(parts, schedule), rows) < fewRowsTime(parts, fma, rows))
      return schedule;
  }
  return fma.get(context);
}

/// The widest of 64, 32 and 16 columns that leaves at most a fifth unused, or 16.
int64_t columnsOfTile(int64_t O) {
  for (int64_t block : {64, 32})
    if (int64_t(llvm::alignTo(O, block)) * 5 <= O * 6)
      return block;
  return 16;
}

Schedule tiles(int64_t rowBlock, int64_t colBlock, int64_t rowTile, int64_t colTile,
               int64_t kBlock) {
  return {.rowBlock = rowBlock,
          .colBlock = colBlock,
          .rowTile = rowTile,
          .colTile = colTile,
          .kBlock = kBlock,
          .threads = rowBlock / rowTile * (colBlock / colTile)};
}

/// Tiles of 32 rows for a step of many sequences, else of 64. Threads of 8 by 8
/// outputs keep up with shared memory; where there are too few outputs for that,
/// longer pieces hide the way from global memory.
Schedule manyRows(const LinearParts &parts, TokenClass tokens) {
  int64_t columns = columnsOfTile(parts.O);
  if (tokens == TokenClass::Decode)
    return tiles(32, std::min<int64_t>(columns, 32), 4, 4, 32);
  if (columns < 64)
    return tiles(64, columns, 4, 4, 32);
  return tiles(64, parts.O >= 2048 ? 128 : 64, 8, 8, 8);
}

class LinearGenerator : public GpuGenerator {
public:
  StringRef family() const override { return "linear"; }

  bool canGenerate(ssm::KernelOp kernel, const Target &target, std::string &reason) const override {
    std::optional<LinearParts> parts = matchLinear(kernel, reason);
    if (parts && !kernel.getBlock().getOps<ssm::UnpackOp>().empty()) {
      reason = "kernels of a GPU read no packed weights";
      return false;
    }
    if (parts && int8RowsOf(*parts)) {
      reason = "kernels of a GPU read no rows of int8";
      return false;
    }
    if (parts && parts->after.conv && !isOfDecode(kernel)) {
      reason = "a projection's outputs go through a convolution only where each is its "
               "sequence's one row, in class decode";
      return false;
    }
    return parts.has_value();
  }

  ssm::ScheduleAttr schedule(ssm::KernelOp kernel, const Target &target,
                             TokenClass tokens) const override {
    LinearParts parts = partsOf(kernel);
    bool few = tokens == TokenClass::Few || parts.conv.conv ||
               (tokens == TokenClass::Prefill && isOfSequences(kernel, parts.x));
    if (few)
      return fewRows(kernel, parts, target, tokens == TokenClass::Few ? rowsOfFew : rowsByFma);
    std::optional<Schedule> mma = mmaSchedule(kernel, parts, target, tokens);
    return (mma ? *mma : manyRows(parts, tokens)).get(kernel.getContext());
  }

  SmallVector<GpuVariant> variants(ssm::KernelOp kernel, const Target &target,
                                   TokenClass tokens) const override {
    LinearParts parts = partsOf(kernel);
    if (tokens != TokenClass::Decode ||
        (isFewRows(kernel.getScheduleAttr()) && !parts.conv.conv))
      return {};
    SmallVector<GpuVariant> all;
    ssm::ScheduleAttr last = kernel.getScheduleAttr();
    for (auto [most, name] : fewSequences) {
      ssm::ScheduleAttr schedule = fewRows(kernel, parts, target, most);
      if (schedule != last)
        all.insert(all.begin(), {most, schedule, name});
      last = schedule;
    }
    return all;
  }

  KernelGrid generate(GpuEmitter &e) const override {
    LinearParts parts = partsOf(e.kernel);
    Needs needs;
    std::string reason;
    checkSchedule(e.kernel, e.target, e.schedule, needs, reason);
    if (isFewRows(e.schedule)) {
      bool more = e.schedule.getMma() && (parts.norm || parts.after.conv);
      e.allowRegisters(needs.registers + (more ? 88 : 56));
      return e.schedule.getMma() ? linearFewRowsMma(e, parts) : linearFewRows(e, parts);
    }
    e.allowRegisters(std::max(needs.registers + 48, enoughRegisters));
    return e.schedule.getMma() ? linearMma(e, parts) : linearTiles(e, parts);
  }

protected:
  bool checkSchedule(ssm::KernelOp kernel, const Target &target, ssm::ScheduleAttr s, Needs &needs,
                     std::string &reason) const override {
    LinearParts parts = partsOf(kernel);
    if (parts.conv.conv && (!isFewRows(s) || s.getMma())) {
      reason = "a convolution is computed where rows are few: lanes must be 8, 16 or 32, got " +
               std::to_string(s.getLanes());
      return false;
    }
    bool fits = s.getMma() && isFewRows(s)
                    ? checkFewRowsMma(kernel, parts, target, s, needs.sharedBytes,
                                      needs.registers, reason)
                : s.getMma() ? checkMma(kernel, parts, target, s, needs.sharedBytes,
                                        needs.registers, reason)
                : isFewRows(s)
                    ? checkFewRows(parts, s, needs.sharedBytes, needs.registers, reason)
                    : checkTiles(parts, s, needs, reason);
    if (!fits)
      return false;
    int64_t blocks = llvm::divideCeil(maxRows, s.getRowBlock()) *
                     llvm::divideCeil(parts.O, s.getColBlock());
    if (blocks > maxBlocks) {
      reason = std::to_string(maxRows) + " rows take " + std::to_string(blocks) +
               " blocks, a grid has " + std::to_string(maxBlocks) + ": take larger tiles";
      return false;
    }
    return true;
  }

private:
  static bool checkTiles(const LinearParts &parts, ssm::ScheduleAttr s, Needs &needs,
                         std::string &reason) {
    int64_t rowBlock = s.getRowBlock(), colBlock = s.getColBlock(), rowTile = s.getRowTile(),
            colTile = s.getColTile(), kBlock = s.getKBlock();
    if (rowTile <= 0 || colTile <= 0 || rowTile > maxTile || colTile > maxTile || rowBlock <= 0 ||
        colBlock <= 0 || rowBlock % rowTile || colBlock % colTile ||
        s.getThreads() % (rowBlock / rowTile) ||
        s.getThreads() / (rowBlock / rowTile) != colBlock / colTile) {
      reason = "row_block / row_tile times col_block / col_tile must be the threads, with tiles "
               "from 1 to " + std::to_string(maxTile);
      return false;
    }
    int64_t lines = s.getThreads() / LinearOperand::sector;
    if (rowBlock % lines || colBlock % lines) {
      reason = "row_block and col_block must be multiples of the " + std::to_string(lines) +
               " rows that " + std::to_string(s.getThreads()) + " threads load at a time";
      return false;
    }
    if (kBlock <= 0 || kBlock > maxPiece || kBlock % LinearOperand::sector) {
      reason = "k_block must be a multiple of 8 up to " + std::to_string(maxPiece) + ", got " +
               std::to_string(kBlock);
      return false;
    }
    int64_t stage = kBlock * (rowBlock + colBlock + 2 * LinearOperand::padding);
    int64_t loads = (rowBlock + colBlock) / lines;
    needs.sharedBytes = 4 * (2 * stage + (parts.norm ? rowBlock : 0));
    needs.registers = rowTile * colTile + rowTile + colTile + 2 * loads +
                      loads * (kBlock / LinearOperand::sector) +
                      (parts.norm ? rowBlock / lines : 0) + 16;
    return true;
  }
};

} // namespace

std::unique_ptr<GpuGenerator> createGpuLinearGenerator() {
  return std::make_unique<LinearGenerator>();
}

} // namespace mamba
