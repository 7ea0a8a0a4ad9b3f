// One target of a pack that is being built, in three steps: its plan, its kernels
// one by one, its code.
#pragma once

#include "compiler/pack/BuildCache.h"
#include "compiler/pack/BuildPack.h"
#include "compiler/pack/Golden.h"
#include "compiler/pack/KernelUnits.h"
#include "compiler/pipeline/Pipeline.h"
#include "passes/target/Target.h"
#include "runtime/pack/PackWriter.h"

#include "mlir/IR/BuiltinOps.h"
#include "mlir/IR/MLIRContext.h"

#include <memory>
#include <optional>
#include <string>
#include <vector>

namespace mamba {

PipelineOptions pipelineOptions(const BuildOptions &options, const std::string &target);

/// A text with all that the target means to the compiler: cpu:native is not the
/// same everywhere.
std::string describeTarget(const Target &target);

/// The self-test of a kernel of a pack; `grid` is one of TargetBuild::grids().
void addTest(PackContent &content, KernelSpec &kernel, const GoldenTest &test, const Grid &grid);

class TargetBuild {
public:
  /// All is borrowed.
  TargetBuild(const BuildOptions &options, const mlir::DialectRegistry &registry,
              const BuildCache &cache, Jobs &jobs, std::string name)
      : options(options), registry(registry), cache(cache), jobs(jobs), name(std::move(name)) {}

  /// From the imported module's text to the kernels as their generators wrote them.
  Status plan(const std::string &imported);
  /// The same with a module in phase kernels, as text.
  Status take(const std::string &generated);
  size_t kernels() const { return units.size(); }
  /// What the kernels compute, see Golden.h.
  const std::vector<std::string> &meanings() const { return texts; }
  /// The kernels' grids, in which T stands for the rows of a self-test.
  const std::vector<Grid> &grids() const { return grids_; }
  /// Any number at once, each once.
  Status compileKernel(size_t index);
  /// Joins the kernels' code; ends what the steps before needed.
  Status finish();

  /// Puts the blobs into a pack, and their names into its target.
  void giveCode(PackContent &content, TargetSpec &spec);

  /// With the target alone. Its blobs have no name yet.
  Manifest manifest;
  StoredBlob code;
  std::optional<StoredBlob> cubin, cuda;
  /// To be said of it, a line each.
  std::vector<std::string> remarks;
  /// How many kernels there were, and how many the cache had; when it is finished.
  std::string summary;

private:
  Status parse(const std::string &text);
  Status split();
  Status finishCpu();
  Status finishGpu();
  Result<std::string> cudaSource(const std::string &ptx);
  Status addMachineCode(const std::string &ptx);
  Result<StoredBlob> store(std::span<const uint8_t> bytes) const;

  const BuildOptions &options;
  const mlir::DialectRegistry &registry;
  const BuildCache &cache;
  Jobs &jobs;
  std::string name;
  Target target;
  std::unique_ptr<mlir::MLIRContext> context;
  mlir::OwningOpRef<mlir::ModuleOp> module; // in phase kernels
  std::vector<KernelUnit> units;
  std::vector<std::string> texts, compiled;
  std::vector<Grid> grids_;
  std::vector<char> known; // Whether the cache had it.
};

} // namespace mamba
