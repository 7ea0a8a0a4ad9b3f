#include "dialects/plan/PlanDialect.h"

#include "mlir/IR/Builders.h"
#include "mlir/IR/DialectImplementation.h"
#include "llvm/ADT/TypeSwitch.h"

using namespace mlir;
using namespace mamba::plan;

#include "dialects/plan/PlanDialect.cpp.inc"

#include "dialects/plan/PlanEnums.cpp.inc"

#define GET_ATTRDEF_CLASSES
#include "dialects/plan/PlanAttrs.cpp.inc"

void PlanDialect::initialize() {
  addAttributes<
#define GET_ATTRDEF_LIST
#include "dialects/plan/PlanAttrs.cpp.inc"
      >();
  addOperations<
#define GET_OP_LIST
#include "dialects/plan/PlanOps.cpp.inc"
      >();
}

Attribute RowsAttr::parse(AsmParser &parser, Type) {
  if (succeeded(parser.parseOptionalKeyword("T")))
    return get(parser.getContext(), RowKind::T);
  if (succeeded(parser.parseOptionalKeyword("S")))
    return get(parser.getContext(), RowKind::S);
  int64_t count;
  OptionalParseResult result = parser.parseOptionalInteger(count);
  if (!result.has_value()) {
    parser.emitError(parser.getCurrentLocation(),
                     "expected rows: 'T', 'S' or a number");
    return {};
  }
  if (failed(*result))
    return {};
  return getChecked([&] { return parser.emitError(parser.getNameLoc()); },
                    parser.getContext(), RowKind::Constant, count);
}

void RowsAttr::print(AsmPrinter &printer) const {
  printer << " "; // after the mnemonic
  if (getKind() == RowKind::Constant)
    printer << getCount();
  else
    printer << stringifyRowKind(getKind());
}

LogicalResult RowsAttr::verify(llvm::function_ref<InFlightDiagnostic()> emitError,
                               RowKind kind, int64_t count) {
  if (count < 1 || (kind != RowKind::Constant && count != 1))
    return emitError() << "a number of rows must be positive, got " << count;
  return success();
}

LogicalResult GridAttr::verify(llvm::function_ref<InFlightDiagnostic()> emitError,
                               GridOf of, int64_t count, int64_t block,
                               int64_t times) {
  if (count < 1 || block < 1 || times < 1)
    return emitError() << "'count', 'block' and 'times' of a grid must be "
                          "positive, got "
                       << count << ", " << block << " and " << times;
  if (of != GridOf::Constant && count != 1)
    return emitError() << "'count' belongs to a grid of a constant, got "
                       << count << " of " << stringifyGridOf(of);
  return success();
}
