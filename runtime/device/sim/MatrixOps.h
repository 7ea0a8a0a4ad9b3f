// Handlers of mma.sync, ldmatrix, stmatrix, movmatrix.
#pragma once

#include "runtime/device/sim/Matrix.h"
#include "runtime/device/sim/Program.h"

namespace mamba::sim::matrix {

uint32_t pack(const Mma &mma);
/// more[0]: pack(mma), then the rows of d, a, b, c.
const Inst *multiply(Warp &w, const Inst *i);
/// The address as of any access to shared memory; more[0]: matrices, bit 8
/// .trans, then rows.
const Inst *load(Warp &w, const Inst *i);
const Inst *store(Warp &w, const Inst *i);
const Inst *transpose(Warp &w, const Inst *i); // d, a

} // namespace mamba::sim::matrix
