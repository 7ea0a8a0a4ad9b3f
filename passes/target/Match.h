// What the families of kernels look like inside: the generators of every device
// recognise their ops by the same functions. Each gives the parts, or nothing
// with one phrase in `reason` (empty if the family's main op is not there).
#pragma once

#include "dialects/ssm/SSMDialect.h"

#include "mlir/IR/TypeUtilities.h"

#include <optional>
#include <string>

namespace mamba {

/// Rows that a kernel makes for itself of others: a causal convolution, then SiLU.
struct ConvRows {
  ssm::Conv1dOp conv; // null: there is none
  ssm::SiluOp silu;   // null: none
};

/// y = epilogue(norm(x) W^T + bias).
struct LinearParts {
  ssm::LinearOp linear;
  ssm::RMSNormOp norm; // null: none
  ConvRows conv;       // x goes through it; its state stays as it is
  mlir::Value y;       // what is yielded of all outputs, or would be
  /// Outputs from that column on go through it, and its state moves on: in a step
  /// of at most one row a sequence.
  ConvRows after;
  int64_t afterColumn = 0;
  mlir::Value x;       // the rows that are read
  int64_t K, O;
};
std::optional<LinearParts> matchLinear(ssm::KernelOp kernel, std::string &reason);
/// What the convolution of its outputs makes; null without one.
inline mlir::Value rowsAfter(LinearParts parts) {
  return parts.after.silu ? parts.after.silu.getY()
         : parts.after.conv ? parts.after.conv.getY()
                            : mlir::Value();
}

/// The selective scan with what surrounds it, or the scan of slices of the rows
/// with what stands before it.
struct ScanParts {
  ssm::SelectiveScanOp scan;   // null: of slices by themselves, and then
  ssm::ScanSlicesOp scanSlices; // not null
  mlir::Value u, A, B, C, D, z, deltaBias, state; // C, D, z, deltaBias: null where none is
  bool log2Decay;
  ssm::SoftplusOp softplus; // null: none, or the scan's own
  bool hasSoftplus;         // either
  ssm::LinearOp projection; // of dt; null: delta is read
  mlir::Value delta;        // the rows that are read for dt
  /// Norms without a weight of what dt is projected from, of B and of C, which are
  /// factors of a row; null: none. `delta`, B and C are what they read.
  ssm::RMSNormOp deltaNorm, normOfB, normOfC;
  ConvRows conv;            // makes u; its state moves on
  /// What slices have found by themselves, as an operand or to be found: null,
  /// and then 0, where time is not cut.
  mlir::Value slices;
  int64_t E, N, sliceCount;
};
std::optional<ScanParts> matchScan(ssm::KernelOp kernel, std::string &reason);

/// The convolution that makes these rows for one reader, none if they are made
/// otherwise; false, with a phrase, if it is one that no kernel computes so.
bool matchConvRows(mlir::Value rows, ConvRows &found, std::string &reason);
/// Whether kernels compute the convolution, of whatever rows; if not, a phrase.
bool isKnownConv(ssm::Conv1dOp conv, std::string &reason);
inline bool isOf(const ConvRows &rows, mlir::Operation *op) {
  return (rows.conv && op == rows.conv) || (rows.silu && op == rows.silu);
}

/// A causal convolution with elementwise ops after it.
std::optional<ssm::Conv1dOp> matchConv(ssm::KernelOp kernel, std::string &reason);

/// Rows by themselves: embedding, norm, last rows, elementwise expressions.
bool matchRows(ssm::KernelOp kernel, std::string &reason);

/// A token of each row of logits: the largest's, or drawn.
struct SampleParts {
  ssm::ArgmaxOp argmax; // or null, and then
  ssm::SampleOp sample; // not null
  mlir::Value logits;
  int64_t valid;
};
std::optional<SampleParts> matchSample(ssm::KernelOp kernel, std::string &reason);

/// A recipe: changes of layout and precision of weights.
bool matchWeights(ssm::KernelOp kernel, std::string &reason);

/// The value that a cast from a narrower type widens, or the value itself: the
/// elements are the same.
inline mlir::Value unwidened(mlir::Value value) {
  auto cast = value.getDefiningOp<ssm::CastOp>();
  return cast && mlir::getElementTypeOrSelf(cast.getType()).isF32() ? cast.getX() : value;
}

/// The type of the elements of rows that the kernel reads, as they lie in memory.
mlir::Type storedElement(mlir::Value rows);

/// Whether the kernel serves only steps of at most one row a sequence.
bool isOfDecode(ssm::KernelOp kernel);

/// Whether the rows are one a sequence: what ssm.last_rows gives.
bool isOfSequences(ssm::KernelOp kernel, mlir::Value rows);

/// Whether the value is an argument of the kernel's region or a part of a
/// split of one, with f32 rows or rows widened to f32: what KernelEmitter::view
/// takes.
bool isRowsView(mlir::Value value);

/// Whether the op only says how operands and results lie in memory: splits,
/// packed and quantised weights, rows that are widened when they are read or
/// rounded when they are written.
bool isBorder(mlir::Operation *op);

/// Whether all rows are f32 between the border and the ops; if not, a phrase.
bool computesInF32(ssm::KernelOp kernel, std::string &reason);

/// Whether all rows that the kernel reads and writes are f32; if not, a phrase.
bool readsOnlyF32(ssm::KernelOp kernel, std::string &reason);

/// Whether the op is one of silu, softplus, add and gate.
bool isElementwise(mlir::Operation *op);

/// The weight behind an operand: the packed argument under its ssm.unpack.
inline mlir::Value packedArgument(mlir::Value weight) {
  auto unpack = weight.getDefiningOp<ssm::UnpackOp>();
  return unpack ? unpack.getX() : weight;
}

/// Whether the value is the region's argument, packed or not.
inline bool isPackedArgument(mlir::Value value) {
  return mlir::isa<mlir::BlockArgument>(packedArgument(value));
}

/// The same, or quantised: what weightAt() of WeightElement.h reads.
inline bool isWeightArgument(mlir::Value value) {
  if (auto dequantize = value.getDefiningOp<ssm::DequantizeOp>())
    return isPackedArgument(dequantize.getX()) && isPackedArgument(dequantize.getS());
  return isPackedArgument(value);
}

/// Whether all ops of the region are in the set, the terminator aside.
bool consistsOf(ssm::KernelOp kernel, llvm::function_ref<bool(mlir::Operation *)> known);

/// What the kernel yields as its i-th result, before it is rounded to the
/// result's type.
inline mlir::Value yielded(ssm::KernelOp kernel, unsigned result) {
  mlir::Value value = kernel.getBlock().getTerminator()->getOperand(result);
  auto cast = value.getDefiningOp<ssm::CastOp>();
  return cast && mlir::getElementTypeOrSelf(cast.getX().getType()).isF32() ? cast.getX() : value;
}

/// The static width of a tensor's last dimension.
inline int64_t lastDim(mlir::Value v) {
  return mlir::cast<mlir::RankedTensorType>(v.getType()).getShape().back();
}

} // namespace mamba
