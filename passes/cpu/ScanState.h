// States of a scan between the pool, where those of a channel lie side by side,
// and scratch memory, where the channels do.
#pragma once

#include "passes/cpu/CpuEmitter.h"

namespace mamba {

/// Element j of vector i becomes element i of vector j; as many vectors as lanes.
llvm::SmallVector<mlir::Value> transpose(CpuEmitter &e, llvm::ArrayRef<mlir::Value> rows);

/// Between the channels from `column0` on of pool[slot, E, N] and the columns of
/// h[N, block]; what lies beyond E is read as 0 and not written.
void loadStates(CpuEmitter &e, mlir::Value pool, mlir::Value slot, mlir::Value column0,
                mlir::Value h);
void storeStates(CpuEmitter &e, mlir::Value h, mlir::Value pool, mlir::Value slot,
                 mlir::Value column0);

} // namespace mamba
