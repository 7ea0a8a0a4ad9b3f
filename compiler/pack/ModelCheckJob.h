// The end-to-end check of a pack that is being built.
#pragma once

#include "compiler/pack/BuildCache.h"
#include "compiler/pack/BuildPack.h"
#include "compiler/pack/ModelCheck.h"
#include "runtime/pack/Manifest.h"
#include "runtime/support/Checkpoint.h"

#include "mlir/IR/DialectRegistry.h"

#include <functional>
#include <optional>
#include <string>
#include <vector>

namespace mamba {

class ModelCheckJob {
public:
  /// All is borrowed. `manifest` has all but code and self-tests, `imported` is
  /// the module as text, `source` the checkpoint's folder.
  ModelCheckJob(const BuildOptions &options, const mlir::DialectRegistry &registry,
                const BuildCache &cache, const Manifest &manifest, const std::string &imported,
                const std::string &source)
      : options(options), registry(registry), cache(cache), manifest(manifest),
        imported(imported), source(source) {}

  /// Unless it must be there, a check that cannot be is left out: `why`.
  Status run(const std::function<void(const std::string &)> &note);

  std::optional<CheckSpec> check; // But for the name of its blob.
  std::vector<float> samples;
  std::string why;

private:
  Status compute(const std::function<void(const std::string &)> &note);
  Result<RoundedRows> rows(mlir::ModuleOp module) const;
  Result<std::string> key(const RoundedRows &rounded, const Checkpoint &checkpoint) const;

  const BuildOptions &options;
  const mlir::DialectRegistry &registry;
  const BuildCache &cache;
  const Manifest &manifest;
  const std::string &imported, &source;
};

} // namespace mamba
