#include "dialects/ssm/SSMInt8.h"

#include "mlir/IR/Builders.h"
#include "mlir/IR/DialectImplementation.h"
#include "llvm/ADT/TypeSwitch.h"

using namespace mlir;
using namespace mamba::ssm;

#include "dialects/ssm/SSMDialect.cpp.inc"

#define GET_TYPEDEF_CLASSES
#include "dialects/ssm/SSMTypes.cpp.inc"

#define GET_ATTRDEF_CLASSES
#include "dialects/ssm/SSMAttrs.cpp.inc"

void SSMDialect::initialize() {
  addTypes<
#define GET_TYPEDEF_LIST
#include "dialects/ssm/SSMTypes.cpp.inc"
      >();
  addAttributes<
#define GET_ATTRDEF_LIST
#include "dialects/ssm/SSMAttrs.cpp.inc"
      >();
  addOperations<
#define GET_OP_LIST
#include "dialects/ssm/SSMOps.cpp.inc"
      >();
  addOperations<
#define GET_OP_LIST
#include "dialects/ssm/SSMInt8.cpp.inc"
      >();
}
