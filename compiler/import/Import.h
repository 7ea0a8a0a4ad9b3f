// Checkpoints and single operators as modules over ssm ops; README.md has the
// names and attributes that the rest of the compiler relies on.
#pragma once

#include "mlir/IR/BuiltinOps.h"
#include "mlir/IR/MLIRContext.h"
#include "mlir/IR/OwningOpRef.h"
#include "llvm/ADT/ArrayRef.h"
#include "llvm/ADT/StringRef.h"

#include <cstdint>
#include <functional>
#include <string>
#include <utility>
#include <vector>

namespace mamba {

struct ImportOptions {
  enum class Level { Model, Block, Scan };
  Level level = Level::Model;
  int64_t index = 0; // of the layer; of no meaning for Model
  /// Takes warnings, one line each.
  std::function<void(const std::string &)> warn = [](const std::string &) {};
};

/// Parses "model", "block:3" or "scan:3" into level and index.
mlir::LogicalResult parseImportLevel(llvm::StringRef text,
                                     ImportOptions &options,
                                     std::string &error);

/// Imports the checkpoint that findCheckpointFolder() finds by `name`: a folder
/// of config.json and weights. The module is verified; loads the dialects it
/// needs into the context. On failure `error` holds one line.
mlir::FailureOr<mlir::OwningOpRef<mlir::ModuleOp>>
importCheckpoint(const std::string &name, const ImportOptions &options,
                 mlir::MLIRContext &context, std::string &error);

/// Sizes by name: {{"E", 19}, {"N", 5}}.
using NamedSizes = std::vector<std::pair<std::string, int64_t>>;

/// Parses "E=19,N=5".
mlir::FailureOr<NamedSizes> parseSizes(llvm::StringRef text,
                                       std::string &error);

/// A module for one operator, every tensor an argument: "scan" with sizes E
/// and N has the entries scan and scan_gated. All sizes that the operator
/// knows, and no others, must be given.
mlir::FailureOr<mlir::OwningOpRef<mlir::ModuleOp>>
importOperator(llvm::StringRef op, const NamedSizes &sizes,
               mlir::MLIRContext &context, std::string &error);

/// "scan (E, N), conv1d (E, W)": the operators and their sizes, for help.
std::string describeOperators();

} // namespace mamba
