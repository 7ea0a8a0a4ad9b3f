// The plan dialect; PlanOps.td has the documentation.
#pragma once

#include "dialects/ssm/SSMDialect.h"

#include "mlir/Bytecode/BytecodeOpInterface.h"
#include "mlir/IR/BuiltinTypes.h"
#include "mlir/IR/Dialect.h"
#include "mlir/IR/OpDefinition.h"
#include "mlir/IR/OpImplementation.h"
#include "mlir/IR/SymbolTable.h"
#include "mlir/Interfaces/SideEffectInterfaces.h"

#include <cstdint>
#include <optional>

#include "dialects/plan/PlanDialect.h.inc"

#include "dialects/plan/PlanEnums.h.inc"

#define GET_ATTRDEF_CLASSES
#include "dialects/plan/PlanAttrs.h.inc"

namespace mamba::plan {

/// What a kernel does to an argument.
enum class Role : int32_t { In, InOut, Out };

/// An argument of a kernel's machine code.
struct KernelArg {
  mlir::RankedTensorType type;
  Role role;
  std::optional<unsigned> operand; // of the ssm.kernel, for In and InOut
  std::optional<unsigned> result;  // of the ssm.kernel, for InOut and Out
};

/// The arguments in the order of the machine code: operands without
/// `!ssm.batch`, then results without those that replace a state.
llvm::SmallVector<KernelArg> kernelArgs(ssm::KernelOp kernel);

} // namespace mamba::plan

#define GET_OP_CLASSES
#include "dialects/plan/PlanOps.h.inc"
