// The ssm dialect; the .td files have the documentation.
#pragma once

#include "mlir/Bytecode/BytecodeOpInterface.h"
#include "mlir/IR/BuiltinTypes.h"
#include "mlir/IR/Dialect.h"
#include "mlir/IR/OpDefinition.h"
#include "mlir/IR/OpImplementation.h"
#include "mlir/Interfaces/ControlFlowInterfaces.h"
#include "mlir/Interfaces/InferTypeOpInterface.h"
#include "mlir/Interfaces/SideEffectInterfaces.h"

#include <optional>

#include "dialects/ssm/SSMDialect.h.inc"

namespace mamba::ssm {
/// Whether a ranked type has `rank` dimensions, the first dynamic, the others
/// static and not 0: activations, tokens and state pools.
bool isRagged(mlir::Type type, int64_t rank);
/// Whether a ranked type has at least one dimension, all static and not 0.
bool isWeightShape(mlir::Type type);
} // namespace mamba::ssm

#define GET_TYPEDEF_CLASSES
#include "dialects/ssm/SSMTypes.h.inc"

#define GET_ATTRDEF_CLASSES
#include "dialects/ssm/SSMAttrs.h.inc"

#define GET_OP_CLASSES
#include "dialects/ssm/SSMOps.h.inc"
