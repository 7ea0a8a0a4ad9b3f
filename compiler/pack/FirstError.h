// What MLIR reports, as a Status.
#pragma once

#include "runtime/support/Status.h"

#include "mlir/IR/Diagnostics.h"
#include "mlir/IR/Location.h"
#include "mlir/IR/MLIRContext.h"

#include <string>

namespace mamba {

/// The first error that MLIR reports, as one line.
class FirstError {
public:
  explicit FirstError(mlir::MLIRContext &context)
      : handler(&context, [this](mlir::Diagnostic &diagnostic) {
          if (diagnostic.getSeverity() == mlir::DiagnosticSeverity::Error && text.empty())
            text = describe(diagnostic);
          return mlir::success();
        }) {}

  Status status(const std::string &fallback) const {
    return invalidData(text.empty() ? fallback : text);
  }

private:
  static std::string describe(mlir::Diagnostic &diagnostic) {
    std::string line = llvm::StringRef(diagnostic.str()).split('\n').first.str();
    if (auto place = diagnostic.getLocation()->findInstanceOf<mlir::FileLineColLoc>())
      line = place.getFilename().str() + ":" + std::to_string(place.getLine()) + ":" +
             std::to_string(place.getColumn()) + ": " + line;
    return line;
  }

  std::string text;
  mlir::ScopedDiagnosticHandler handler;
};

} // namespace mamba
