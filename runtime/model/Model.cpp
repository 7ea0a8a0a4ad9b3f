#include "runtime/model/Model.h"
#include "runtime/model/Log.h"
#include "runtime/model/Weights.h"
#include "runtime/support/Quote.h"

namespace mamba {

Result<std::shared_ptr<Model>>
Model::create(std::shared_ptr<const PackInfo> info, const std::string &device,
              const DeviceOptions &options) {
  if (options.threads > kMaxThreads)
    return invalidArgument("threads must be at most " +
                           std::to_string(kMaxThreads) + ", got " +
                           std::to_string(options.threads));
  DeviceOptions taken = options;
  taken.warn = [](const std::string &message) {
    logMessage(LogLevel::Warning, message);
  };
  MAMBA_ASSIGN_OR_RETURN(auto executable,
                         loadOnDevice(info->pack(), device, taken));
  logMessage(LogLevel::Info, executable->description() + " of " +
                                 inQuotes(info->pack()->path()));
  return std::make_shared<Model>(std::move(info), std::move(executable));
}

Model::Model(std::shared_ptr<const PackInfo> info,
             std::unique_ptr<Executable> executable)
    : info_(std::move(info)), executable_(std::move(executable)) {}

bool Model::ready() const {
  return manifest().checkpoint.empty() || !weights_.empty();
}

Status Model::loadWeights(const std::optional<std::string> &folder,
                          const Progress &progress) {
  if (manifest().checkpoint.empty())
    return {};
  if (loadFailed_ || !weights_.empty())
    return invalidArgument("weights can be loaded once for a model");

  const std::string &packPath = info_->pack()->path();
  std::shared_ptr<WeightSource> source;
  std::string from;
  if (folder || !info_->pack()->hasEmbeddedWeights()) {
    from = folder ? *folder : manifest().source;
    if (from.empty())
      return notFound("pack " + inQuotes(packPath) +
                      " neither embeds weights nor notes their folder; give "
                      "the checkpoint's folder (--model DIR)");
    auto opened = weightsOfFolder(from);
    if (!opened.ok())
      return folder ? opened.status()
                    : opened.status().withContext(
                          "the folder noted in pack " + inQuotes(packPath) +
                          " (another one: --model DIR)");
    source = *opened;
  } else {
    from = "(embedded)";
    source = weightsOfPack(info_->pack());
  }
  Status loaded = executable_->loadWeights(std::move(source), progress);
  if (!loaded.ok()) {
    loadFailed_ = true;
    return loaded;
  }
  weights_ = from;
  logMessage(LogLevel::Info, "weights from " + from);
  return {};
}

} // namespace mamba
