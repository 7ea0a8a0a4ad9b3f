// The kernels with many forms, as text.
#pragma once

#include "test/unit/lab/KernelText.h"
#include "test/unit/reference/TestTensors.h"

namespace mamba {

using reference::RandomTensors;

/// A convolution beside a kernel's main op: of the rows that it reads.
struct ConvBefore {
  int64_t W = 0; // 0: none
  bool biased = false, silu = true;
};
/// The same of a projection's outputs, of E of them behind the first so many.
struct ConvAfter {
  int64_t E = 0, offset = 0;
  ConvBefore conv = {};
  bool keeps = true; // the outputs themselves are yielded too
};

struct LinearForm {
  int64_t K = 1, O = 1;
  bool norm = false, biased = false, silu = false, residual = false;
  bool split = false; // the input is a part of wider rows
  int64_t offset = 7; // where in them it begins
  ConvBefore conv = {};
  ConvAfter after = {};
};
/// Operands x, w, then the bias and the residual rows if there are any, and those
/// of a convolution.
KernelText linearText(const LinearForm &form);

struct ConvForm {
  int64_t E, W;
  bool biased = false, silu = false;
  bool split = false;      // the input is a part of wider rows
  bool stateFirst = false; // the order of the results
};
/// Any form with these sizes.
LinearForm drawnLinear(int64_t K, int64_t O, RandomTensors &random);
/// Operands x, w, the bias if there is one, the state, the batch.
KernelText convText(const ConvForm &form);

struct ScanForm {
  int64_t E, N;
  int64_t rank = 0; // of the dt projection; 0: dt is read
  bool projectionBias = false;
  bool deltaBias = false; // of the scan
  bool softplus = false;  // the scan's own, or after a projection an op
  bool constantB = false, constantC = false;
  bool norms = false; // of what dt is projected from, of B and C that are rows
  bool log2 = false, skip = false, gateInScan = false, gateAfter = false;
  bool split = false;      // dt, B and C are parts of one buffer
  bool stateFirst = false; // the order of the results
  ConvBefore conv = {};    // makes u
  int64_t slices = 0;      // that time is cut into; 0: it is not
  /// Scans the slices by themselves: without C, skip and gate, its result is what
  /// the scan in slices takes as p.
  bool findsSlices = false;
};
KernelText scanText(const ScanForm &form);
/// As Mamba-1 has it: all inputs in one buffer with dt projected from `rank`; each
/// by itself if that is 0.
ScanForm mambaScan(int64_t E, int64_t N, int64_t rank);
/// As Falcon-Mamba has it: with norms.
ScanForm falconScan(int64_t E, int64_t N, int64_t rank);
/// A drawn one; of four that follow, B and C are constant in each way.
ScanForm drawnScan(int turn, RandomTensors &random);

} // namespace mamba
