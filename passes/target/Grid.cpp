#include "passes/target/Grid.h"

using namespace mlir;

namespace mamba {

plan::GridAttr gridAttr(MLIRContext *context, const KernelGrid &grid) {
  auto of = grid.of == KernelGrid::Rows        ? plan::GridOf::Rows
            : grid.of == KernelGrid::Sequences ? plan::GridOf::Sequences
                                               : plan::GridOf::Constant;
  return plan::GridAttr::get(context, of, grid.count, grid.block, grid.times);
}

} // namespace mamba
