// What every generator writes with, whatever its device: the kernel's buffers
// as memrefs, index arithmetic, loops, elementwise expressions.
#pragma once

#include "passes/target/VectorMath.h"

#include "mlir/IR/ImplicitLocOpBuilder.h"
#include "llvm/ADT/DenseMap.h"

#include <functional>
#include <optional>

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

/// The function of a kernel while its generator fills it. The device's emitter
/// makes the function and binds its arguments.
class KernelEmitter {
public:
  mlir::ImplicitLocOpBuilder b;
  const Target &target;
  ssm::KernelOp kernel;
  ssm::ScheduleAttr schedule;
  VectorMath math;
  /// The number of this tile, of rows of what is written, and of sequences.
  mlir::Value tile, rows, sequences;

  // Index arithmetic.
  mlir::Value index(int64_t value);
  mlir::Value add(mlir::Value x, mlir::Value y);
  mlir::Value add(mlir::Value x, int64_t y) { return add(x, index(y)); }
  mlir::Value sub(mlir::Value x, mlir::Value y);
  mlir::Value mul(mlir::Value x, mlir::Value y);
  mlir::Value mul(mlir::Value x, int64_t y) { return mul(x, index(y)); }
  mlir::Value div(mlir::Value x, mlir::Value y); // of non-negative numbers
  mlir::Value rem(mlir::Value x, mlir::Value y);
  mlir::Value ceilDiv(mlir::Value x, int64_t y);
  mlir::Value min(mlir::Value x, mlir::Value y);
  mlir::Value max(mlir::Value x, mlir::Value y);
  mlir::Value less(mlir::Value x, mlir::Value y);

  // Control. A loop that is kept rolled is not unrolled by LLVM: what it loads
  // would be hoisted out of the loops around it, and spilled.
  using LoopBody = std::function<void(mlir::Value)>;
  using CarryBody =
      std::function<llvm::SmallVector<mlir::Value>(mlir::Value, mlir::ValueRange)>;
  void loop(mlir::Value from, mlir::Value to, mlir::Value step, const LoopBody &body,
            bool keepRolled = false);
  llvm::SmallVector<mlir::Value> loop(mlir::Value from, mlir::Value to, mlir::Value step,
                                      mlir::ValueRange init, const CarryBody &body,
                                      bool keepRolled = false);
  void loop(mlir::Value from, mlir::Value to, int64_t step, const LoopBody &body,
            bool keepRolled = false) {
    loop(from, to, index(step), body, keepRolled);
  }
  llvm::SmallVector<mlir::Value> loop(mlir::Value from, mlir::Value to, int64_t step,
                                      mlir::ValueRange init, const CarryBody &body,
                                      bool keepRolled = false) {
    return loop(from, to, index(step), init, body, keepRolled);
  }
  void when(mlir::Value condition, const std::function<void()> &body);
  /// The value of `body` where the condition holds, else `otherwise`.
  mlir::Value when(mlir::Value condition, const std::function<mlir::Value()> &body,
                   mlir::Value otherwise);
  /// The same with several values.
  llvm::SmallVector<mlir::Value> when(mlir::Value condition,
                                      const std::function<llvm::SmallVector<mlir::Value>()> &body,
                                      mlir::ValueRange otherwise);

  // Buffers. A region value is an argument of the kernel's region, a part of a
  // split of one, or an unpacked one.
  /// The buffer of an argument of the region; one of bf16 has elements of i16.
  mlir::Value buffer(mlir::Value regionArgument);
  /// The buffer that the kernel's i-th result is written to.
  mlir::Value resultBuffer(unsigned result);
  /// The argument's or split part's columns; nothing if it is neither.
  std::optional<View> view(mlir::Value regionValue);

  /// f32 numbers, or vectors of them, from what lies in memory (f32, f16, or
  /// bf16 as i16), and back: to nearest, ties to even; a NaN stays one.
  mlir::Value widen(mlir::Value stored);
  mlir::Value narrow(mlir::Value x, mlir::Type stored);

  /// First row, one past the last row, and state slot of a sequence.
  mlir::Value sequenceStart(mlir::Value sequence);
  mlir::Value slot(mlir::Value sequence);

  /// The value of an elementwise expression; `leaf` gives the f32 numbers or
  /// vectors of values that it does not know, or null.
  using Leaf = std::function<mlir::Value(mlir::Value)>;
  mlir::Value elementwise(mlir::Value regionValue, const Leaf &leaf);

protected:
  KernelEmitter(mlir::OpBuilder &builder, mlir::Location loc, ssm::KernelOp kernel,
                const Target &target, ssm::ScheduleAttr schedule);

  /// A pointer of the machine code: dynamic shapes are put on inside.
  static mlir::MemRefType bare(mlir::Type element);
  /// The pointers to the kernel's buffers, in the order of the kernel ABI.
  llvm::SmallVector<mlir::Type> bufferTypes();
  /// Binds rows and sequences (index), seqStart, slot and the buffers (bare
  /// memrefs), inside of the function.
  void bind(mlir::Value rows, mlir::Value sequences, mlir::Value seqStart, mlir::Value slot,
            mlir::ValueRange buffers);

private:
  /// Tells LLVM not to unroll the loop.
  void keepRolled(mlir::Operation *loop);
  mlir::Value cast(mlir::Value bare, mlir::RankedTensorType type);

  mlir::Value seqStarts, slots;
  llvm::DenseMap<mlir::Value, mlir::Value> buffers; // region argument -> memref
  llvm::SmallVector<mlir::Value> results;           // result -> memref
};

} // namespace mamba
