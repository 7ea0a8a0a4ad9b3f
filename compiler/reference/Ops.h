// What every ssm op computes, in float64 and in the plainest loops: the measure
// of every kernel. Each function is the formula in its op's documentation
// (dialects/ssm/*.td). Values are rounded nowhere but in cast() and where
// weights and rows are quantised.
//
// The caller gives shapes as the op's verifier and a well-formed batch ask for
// them; evaluate() in Reference.h checks both.
#pragma once

#include <cstdint>
#include <utility>
#include <vector>

namespace mamba::reference {

/// A dense tensor in row-major order. i32 tokens are held as doubles, exactly.
struct Tensor {
  std::vector<int64_t> shape;
  std::vector<double> values;

  Tensor() = default;
  /// Zeros.
  explicit Tensor(std::vector<int64_t> shape);
  /// `values` has as many elements as `shape` says.
  Tensor(std::vector<int64_t> shape, std::vector<double> values);

  int64_t rows() const { return shape[0]; }
  /// Elements of one row: the product of all but the first dimension.
  int64_t rowSize() const;
  double *row(int64_t i) { return values.data() + i * rowSize(); }
  const double *row(int64_t i) const { return values.data() + i * rowSize(); }

  friend bool operator==(const Tensor &, const Tensor &) = default;
};

/// The value of an `!ssm.batch`.
struct BatchValue {
  std::vector<int64_t>
      seqStart; // [S+1]; sequence s has rows [seqStart[s], seqStart[s+1])
  std::vector<int64_t> slot;     // [S]; none twice
  std::vector<int64_t> position; // [S]; tokens that the slot has seen

  int64_t sequences() const { return int64_t(slot.size()); }
  int64_t tokens() const { return seqStart.back(); }
};

/// The batch of sequences of these lengths in slots 0, 1, ..., from their
/// start.
BatchValue makeBatch(const std::vector<int64_t> &lengths);

enum class Precision { F32, F16, BF16 };
/// The nearest value of that precision, ties to even; overflow is infinity.
double roundTo(double x, Precision precision);

double silu(double x);
double softplus(double x);

//===- Weights
//-------------------------------------------------------------===//

Tensor cast(Tensor x, Precision to);
Tensor reshape(Tensor x, std::vector<int64_t> shape);
/// [O, K] -> [ceil(O / block), ceil(K / interleave), block * interleave], zeros
/// as padding.
Tensor pack(const Tensor &x, int64_t block, int64_t interleave = 1);
/// Back to [rows, columns].
Tensor unpack(const Tensor &x, int64_t rows, int64_t columns, int64_t interleave = 1);
Tensor decay(Tensor aLog);
Tensor scale(Tensor x, double factor);
Tensor scaleColumns(Tensor x, const Tensor &s);
/// Columns that share a scale.
constexpr int64_t kGroup = 32;
/// bits 8 or 4; x [O, K], scales [O, ceil(K / 32)].
Tensor quantScales(const Tensor &x, int64_t bits);
Tensor quantize(const Tensor &x, const Tensor &scales, int64_t bits);
/// To [O, columns].
Tensor dequantize(const Tensor &q, const Tensor &scales, int64_t bits, int64_t columns);

//===- Rows
//----------------------------------------------------------------===//
// A null pointer stands for an optional operand that is absent.

Tensor embedding(const Tensor &table, const Tensor &tokens);
Tensor rmsNorm(const Tensor &x, const Tensor *weight, double eps);
/// What rows of int8 stand for.
Tensor int8Rows(const Tensor &x);
Tensor linear(const Tensor &x, const Tensor &w, const Tensor *bias = nullptr);
std::vector<Tensor> split(const Tensor &x, const std::vector<int64_t> &widths);
Tensor silu(Tensor x);
Tensor softplus(Tensor x);
Tensor add(Tensor a, const Tensor &b);
Tensor gate(Tensor x, const Tensor &z);

//===- Sampling
//------------------------------------------------------------===//

Tensor argmax(const Tensor &logits, int64_t valid);

struct SampleOperands {
  const Tensor &logits, &u, &temperature, &topK, &topP, &minP;
};
struct Sampled {
  Tensor token, largest;
};
Sampled sample(const SampleOperands &in, int64_t valid);

//===- Sequences
//-----------------------------------------------------------===//

Tensor lastRows(const Tensor &x, const BatchValue &batch);

/// y and the state pool after the step.
using WithState = std::pair<Tensor, Tensor>;

WithState conv1d(const Tensor &x, const Tensor &w, const Tensor *bias,
                 Tensor state, const BatchValue &batch);

/// The operands of selective_scan, and of scan_slices, which reads no C, D and z;
/// references and pointers are borrowed.
struct ScanOperands {
  const Tensor &u, &delta;
  const Tensor *deltaBias = nullptr;
  bool softplus = false;
  const Tensor &A;
  bool log2Decay = false;
  const Tensor &B, &C;
  const Tensor *D = nullptr;
  const Tensor *z = nullptr;
};

/// With p of scanSlices, each slice goes on from what stands there.
WithState selectiveScan(const ScanOperands &in, Tensor state, const BatchValue &batch,
                        const Tensor *p = nullptr);

/// [slices, 2N+1, E].
Tensor scanSlices(const ScanOperands &in, const Tensor &state, const BatchValue &batch,
                  int64_t slices);

} // namespace mamba::reference
