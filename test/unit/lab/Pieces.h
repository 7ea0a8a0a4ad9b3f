// The same tokens fed in pieces: what must not change a bit of a result.
#pragma once

#include "test/unit/lab/KernelLab.h"

namespace mamba {

/// Values of one kernel's operands for a number of tokens, and feeding them.
class Pieces {
public:
  /// Draws the operands as the text gives them.
  Pieces(const KernelText &text, int64_t tokens, RandomTensors &random);

  /// Results of the tokens fed in pieces of these lengths to slot 0: the rows
  /// of all pieces, and the state after the last. Kernels that pack weights
  /// differently get the same values.
  std::vector<Tensor> feed(const LabKernel &kernel,
                           const std::vector<int64_t> &pieces) const;
  /// Fed whole, one token at a time and in chunks, `whole` comes out.
  void expectSameBits(const LabKernel &kernel,
                      const std::vector<Tensor> &whole) const;

private:
  KernelText text;
  int64_t tokens;
  std::vector<Tensor> values;
};

} // namespace mamba
