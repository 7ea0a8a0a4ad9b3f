#include "compiler/import/Import.h"

#include "compiler/import/Config.h"
#include "compiler/import/Mamba1Import.h"
#include "compiler/import/Mamba1Weights.h"
#include "dialects/ssm/SSMDialect.h"
#include "runtime/model/tokenizer/Tokenizer.h"
#include "runtime/support/Checkpoint.h"
#include "runtime/support/File.h"
#include "runtime/support/HubCache.h"
#include "runtime/support/Quote.h"

#include "mlir/Dialect/Func/IR/FuncOps.h"
#include "mlir/IR/Builders.h"
#include "mlir/IR/Verifier.h"

#include <algorithm>
#include <filesystem>

using namespace mlir;

namespace mamba {
namespace {

/// The folder's absolute path, so that a pack can find its weights later.
std::string absoluteFolder(const std::string &dir) {
  std::error_code failed;
  std::filesystem::path path = std::filesystem::absolute(dir, failed);
  path = (failed ? std::filesystem::path(dir) : path).lexically_normal();
  return (path.has_filename() ? path : path.parent_path()).string();
}

/// Hugging Face configurations hold the padded vocabulary: how many of it are
/// tokens, the tokenizer knows. 0 without one that we can read, of which whoever
/// uses the text will hear.
int64_t countTokens(const std::string &dir) {
  std::string path = dir + "/tokenizer.json";
  Result<std::string> text = readFile(path);
  if (!text.ok())
    return 0;
  Result<Tokenizer> tokenizer = Tokenizer::fromJson(*text, path);
  return tokenizer.ok() ? tokenizer->size() : 0;
}

void describeModel(ModuleOp module, const ModelConfig &config,
                   const Mamba1Sizes &sizes) {
  Builder builder(module.getContext());
  auto number = [&](llvm::StringRef name, int64_t value) {
    return builder.getNamedAttr(name, builder.getI64IntegerAttr(value));
  };
  const char *architecture = config.mixerEps ? "falcon_mamba" : "mamba1";
  module->setAttr("ssm.model",
                  builder.getDictionaryAttr(
                      {builder.getNamedAttr("architecture",
                                            builder.getStringAttr(architecture)),
                       number("vocab_size", sizes.vocab),
                       number("valid_vocab_size", config.validVocab),
                       number("layers", sizes.layers)}));
}

Result<OwningOpRef<ModuleOp>> import(const std::string &name,
                                     const ImportOptions &options,
                                     MLIRContext &context) {
  using Level = ImportOptions::Level;
  MAMBA_ASSIGN_OR_RETURN(std::string dir, findCheckpointFolder(name));
  MAMBA_ASSIGN_OR_RETURN(Checkpoint checkpoint, openCheckpoint(dir));
  MAMBA_ASSIGN_OR_RETURN(ModelConfig config,
                         readModelConfig(dir + "/config.json"));
  MAMBA_ASSIGN_OR_RETURN(Mamba1Weights weights,
                         bindMamba1Weights(checkpoint, config));
  for (const std::string &warning : weights.warnings)
    options.warn(warning);
  if (config.validVocab == 0)
    config.validVocab = std::min<int64_t>(countTokens(dir), weights.sizes.vocab);
  if (options.level != Level::Model &&
      (options.index < 0 || options.index >= weights.sizes.layers))
    return invalidArgument("there is no layer " +
                           std::to_string(options.index) + " in " +
                           inQuotes(dir) + ": its layers are 0 to " +
                           std::to_string(weights.sizes.layers - 1));

  context.loadDialect<ssm::SSMDialect, func::FuncDialect>();
  OwningOpRef<ModuleOp> module = ModuleOp::create(UnknownLoc::get(&context));
  (*module)->setAttr("ssm.source",
                     StringAttr::get(&context, absoluteFolder(dir)));
  NormEps eps{config.eps, config.mixerEps};
  switch (options.level) {
  case Level::Model:
    describeModel(*module, config, weights.sizes);
    buildMamba1Model(*module, weights, eps, config.validVocab);
    break;
  case Level::Block:
    buildMamba1Block(*module, weights, eps, options.index);
    break;
  case Level::Scan:
    buildMamba1Scan(*module, weights, options.index);
    break;
  }
  if (failed(verify(*module)))
    return internalError("the module imported from " + inQuotes(dir) +
                         " does not verify, report this as a defect");
  return std::move(module);
}

} // namespace

LogicalResult parseImportLevel(llvm::StringRef text, ImportOptions &options,
                               std::string &error) {
  using Level = ImportOptions::Level;
  auto [kind, index] = text.split(':');
  int64_t number = 0;
  bool ofLayer = kind == "block" || kind == "scan";
  if (!(text == "model" ||
        (ofLayer && !index.getAsInteger(10, number) && number >= 0))) {
    error = "a level is model, block:I or scan:I with I the number of a layer, "
            "got " +
            inQuotes(text);
    return failure();
  }
  options.level = kind == "model"   ? Level::Model
                  : kind == "block" ? Level::Block
                                    : Level::Scan;
  options.index = number;
  return success();
}

FailureOr<OwningOpRef<ModuleOp>> importCheckpoint(const std::string &name,
                                                  const ImportOptions &options,
                                                  MLIRContext &context,
                                                  std::string &error) {
  auto module = import(name, options, context);
  if (module.ok())
    return *std::move(module);
  error = module.status().message();
  return failure();
}

} // namespace mamba
