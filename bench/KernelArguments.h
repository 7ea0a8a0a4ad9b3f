// Operands of a kernel in memory, made up.
#pragma once

#include "dialects/ssm/SSMDialect.h"

#include <cstdlib>
#include <memory>
#include <vector>

namespace mamba::bench {

struct AlignedFree {
  void operator()(void *p) const { std::free(p); }
};
using Buffer = std::unique_ptr<void, AlignedFree>;
Buffer allocate(size_t bytes);

struct KernelOperands {
  std::vector<mlir::RankedTensorType> types; // in the order of the ABI
  std::vector<bool> weight;                  // static, read once a run
  bool isEmbedding = false;                  // its table is read by rows

  /// What a run of so many rows reads and writes, each buffer once.
  double bytes(int64_t rows) const;
};
KernelOperands operandsOf(ssm::KernelOp kernel);

/// Buffers for so many rows; if `cold`, as many sets of weights as it takes for
/// them to come from memory and not from a cache.
class Arguments {
public:
  Arguments(const KernelOperands &operands, int64_t rows, bool cold);
  /// The buffers of the next run.
  void **next();

private:
  std::vector<Buffer> owned_;
  std::vector<std::vector<void *>> sets_;
  size_t next_ = 0;
};

} // namespace mamba::bench
