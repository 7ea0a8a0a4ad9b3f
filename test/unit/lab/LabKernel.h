// A kernel beside the float64 reference; a device's lab adds its code.
#pragma once

#include "compiler/reference/Reference.h"
#include "dialects/plan/PlanDialect.h"
#include "test/unit/lab/Bytes.h"
#include "test/unit/lab/KernelText.h"

#include <string>
#include <vector>

namespace mamba {

using reference::BatchValue;
using reference::RandomTensors;

/// Values for the operands of a kernel.
struct KernelInputs {
  BatchValue batch;
  std::vector<reference::Value> operands;
};

/// A slot permutation over as many slots as the pools of randomInputs have.
BatchValue shuffledBatch(const std::vector<int64_t> &lengths,
                         RandomTensors &random);

/// A compiled kernel; outlived by its lab.
class LabKernel {
public:
  LabKernel(KernelText text, plan::KernelOp planned)
      : text(std::move(text)), planned(planned) {}
  virtual ~LabKernel() = default;

  std::string describe() const;
  double tolerance() const { return text.tolerance; }
  /// Whether it works on sequences or rows, rather than on weights alone.
  bool hasRows() const;
  /// Whether it writes a row for each sequence, rather than for each token.
  bool isOfSequences() const;
  /// Rows of what it writes.
  int64_t resultRows(const BatchValue &batch) const;
  /// The value of the i-th operand as the kernel takes it: in panels, if it unpacks
  /// them.
  Tensor asTaken(unsigned i, const Tensor &value) const;

  /// Pools have three slots more than the batch has sequences.
  KernelInputs randomInputs(const BatchValue &batch,
                            RandomTensors &random) const;
  /// The results of the region, in order.
  std::vector<Tensor> reference(const KernelInputs &inputs) const;
  /// The same from the code, a pool as it is left. Results start as NaNs.
  /// Reports a kernel that writes outside of its buffers or into an operand.
  virtual std::vector<Tensor> run(const KernelInputs &inputs) const = 0;

  /// The results are the reference's, and states that the batch does not
  /// advance are as they were.
  void expectRight(const KernelInputs &inputs, const std::vector<Tensor> &want,
                   const std::vector<Tensor> &got) const;
  /// Compares the code with the reference, on ragged batches: see
  /// LabKernel.cpp.
  void check(RandomTensors &random) const;
  /// The same on steps of at most one row a sequence, of which some have none.
  void checkDecoding(RandomTensors &random) const;
  /// The same on one batch.
  void checkOn(const BatchValue &batch, RandomTensors &random) const;

protected:
  /// Whether it serves only steps of one token for each sequence.
  virtual bool onlyDecodes() const { return false; }
  /// Runs it in its other ways; `run` gave `got`.
  virtual void checkAgain(const KernelInputs &inputs,
                          const std::vector<Tensor> &want,
                          const std::vector<Tensor> &got) const {}

  plan::KernelOp op() const { return planned; }
  KernelText text;

private:
  plan::KernelOp planned;
};

} // namespace mamba
