// What every CPU generator writes with: the kernel's arguments as memrefs,
// loads and stores of channel vectors with masked edges, loops.
#pragma once

#include "passes/target/VectorMath.h"

#include "mlir/Dialect/Func/IR/FuncOps.h"
#include "mlir/IR/ImplicitLocOpBuilder.h"
#include "llvm/ADT/DenseMap.h"

#include <functional>

namespace mamba {

/// The tiles of a kernel: ceil(n / block) * times, n rows, sequences or a constant.
struct KernelGrid {
  enum Of { Rows, Sequences, Constant } of = Rows;
  int64_t count = 1, block = 1, times = 1;
};

/// Columns of a buffer of the kernel: [rows, width] with `columns` of them
/// from `offset` on.
struct View {
  mlir::Value buffer;
  int64_t offset = 0, columns = 0;
};

/// The function of a kernel while its generator fills it. Arguments as in
/// passes/cpu/README.md.
class KernelEmitter {
public:
  /// Creates `func.func private @<symbol>` with an empty body and stands in it.
  KernelEmitter(mlir::OpBuilder &builder, mlir::Location loc, llvm::StringRef symbol,
                ssm::KernelOp kernel, const Target &target, ssm::ScheduleAttr schedule);

  mlir::ImplicitLocOpBuilder b;
  const Target &target;
  ssm::KernelOp kernel;
  ssm::ScheduleAttr schedule;
  VectorMath math;
  int64_t lanes;
  mlir::VectorType vectorType; // vector<lanes x f32>
  mlir::Value tile, rows, sequences;
  /// Columns are addressed up to the next multiple of this: a multiple of lanes.
  int64_t reach;

  // Index arithmetic.
  mlir::Value index(int64_t value);
  mlir::Value add(mlir::Value x, mlir::Value y);
  mlir::Value add(mlir::Value x, int64_t y) { return add(x, index(y)); }
  mlir::Value sub(mlir::Value x, mlir::Value y);
  mlir::Value mul(mlir::Value x, int64_t y);
  mlir::Value div(mlir::Value x, mlir::Value y); // of non-negative numbers
  mlir::Value rem(mlir::Value x, mlir::Value y);
  mlir::Value ceilDiv(mlir::Value x, int64_t y);
  mlir::Value min(mlir::Value x, mlir::Value y);

  // Control. A loop that is kept rolled is not unrolled by LLVM: what it loads
  // would be hoisted out of the loops around it, and spilled.
  using LoopBody = std::function<void(mlir::Value)>;
  using CarryBody =
      std::function<llvm::SmallVector<mlir::Value>(mlir::Value, mlir::ValueRange)>;
  void loop(mlir::Value from, mlir::Value to, int64_t step, const LoopBody &body,
            bool keepRolled = false);
  llvm::SmallVector<mlir::Value> loop(mlir::Value from, mlir::Value to, int64_t step,
                                      mlir::ValueRange init, const CarryBody &body,
                                      bool keepRolled = false);
  void when(mlir::Value condition, const std::function<void()> &body);
  mlir::Value less(mlir::Value x, mlir::Value y);

  // Buffers. A region value is an argument of the kernel's region, a part of a
  // split of one, or an unpacked one.
  /// The buffer of an argument of the region; one of bf16 has elements of i16.
  mlir::Value buffer(mlir::Value regionArgument);
  /// The buffer that the kernel's i-th result is written to.
  mlir::Value resultBuffer(unsigned result);
  /// The argument's or split part's columns; nothing if it is neither.
  std::optional<View> view(mlir::Value regionValue);

  // Vectors of `lanes` channels. Channels from `columns` on read as 0 and are
  // not written.
  mlir::Value load(const View &view, mlir::Value row, mlir::Value column);
  void store(mlir::Value vector, const View &view, mlir::Value row, mlir::Value column);
  /// Of a [columns] buffer.
  mlir::Value load1(mlir::Value buffer, mlir::Value column);
  mlir::Value broadcast(mlir::Value scalar);
  mlir::Value zero() { return math.constant(vectorType, 0); }
  /// The lanes of `column` below `columns`, or null if all that are addressed are.
  mlir::Value edgeMask(mlir::Value column, int64_t columns);

  /// First row, one past the last row, and state slot of a sequence.
  mlir::Value sequenceStart(mlir::Value sequence);
  mlir::Value slot(mlir::Value sequence);

  /// f32 scratch memory of this thread: a matrix [rows, columns], 64-byte aligned.
  mlir::Value scratch(int64_t rows, int64_t columns);
  int64_t scratchBytes() const { return scratchUsed; }

  /// The value of an elementwise expression; `leaf` gives the vectors of values
  /// that it does not know, or null.
  using Leaf = std::function<mlir::Value(mlir::Value)>;
  mlir::Value elementwise(mlir::Value regionValue, const Leaf &leaf);

private:
  /// Tells LLVM not to unroll the loop.
  void keepRolled(mlir::Operation *loop);
  mlir::Value cast(mlir::Value bare, mlir::RankedTensorType type);

  mlir::func::FuncOp function;
  mlir::Value seqStarts, slots, scratchBase;
  llvm::DenseMap<mlir::Value, mlir::Value> buffers; // region argument -> memref
  llvm::SmallVector<mlir::Value> results;           // result -> memref
  int64_t scratchUsed = 0;
};

/// Whether the value is an argument of the kernel's region or a part of a
/// split of one, with f32 rows: what KernelEmitter::view takes.
bool isRowsView(mlir::Value value);

/// Whether the op is one of silu, softplus, add and gate.
bool isElementwise(mlir::Operation *op);

} // namespace mamba
