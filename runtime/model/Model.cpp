#include "runtime/model/Model.h"
#include "runtime/model/Log.h"
#include "runtime/model/Weights.h"
#include "runtime/support/Quote.h"

#include <new>

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
  taken.inform = [](const std::string &message) {
    logMessage(LogLevel::Info, message);
  };
  MAMBA_ASSIGN_OR_RETURN(auto executable,
                         loadOnDevice(info->pack(), device, taken));
  logMessage(LogLevel::Info, executable->description() + " of " +
                                 inQuotes(info->pack()->path()));
  auto model = std::make_shared<Model>(std::move(info), std::move(executable));
  if (device == "auto")
    model->instead_ = taken;
  return model;
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
  if (!failure_.ok())
    return failure_.withContext("weights can be loaded once for a model, and "
                                "that failed");
  if (!weights_.empty())
    return invalidArgument("weights can be loaded once for a model");
  if (isLoading_)
    return invalidArgument("weights are being loaded for this model");

  if (folder && folder->empty())
    return invalidArgument("the name of the checkpoint's folder is empty");

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
  return loadWeights(std::move(source), from, progress);
}

Status Model::loadWeights(std::shared_ptr<WeightSource> source,
                          const std::string &from, const Progress &progress) {
  isLoading_ = true; // While others are told of the progress.
  // Nothing fails once they are loaded.
  std::string noted = from, message = "weights from " + from;
  try {
    failure_ = loadFrom(std::move(source), progress);
  } catch (const std::bad_alloc &) {
    failure_ = outOfMemory("out of memory"); // Takes none itself.
  }
  isLoading_ = false;
  if (!failure_.ok())
    return failure_;
  weights_ = std::move(noted);
  logMessage(LogLevel::Info, message);
  return {};
}

Status Model::loadFrom(std::shared_ptr<WeightSource> source,
                       const Progress &progress) {
  // The processor begins anew where a GPU has been: that is not reported twice.
  uint64_t last = 0;
  auto rising = [&](uint64_t done, uint64_t total) {
    if (progress && done > last)
      progress(last = done, total);
  };
  Status loaded = executable_->loadWeights(source, rising);
  if (loaded.ok() || !instead_ || executable_->target().device == "cpu")
    return loaded;
  auto onCpu = loadOnDevice(info_->pack(), "cpu", *instead_);
  if (!onCpu.ok() || !(*onCpu)->loadWeights(std::move(source), rising).ok())
    return loaded;
  logMessage(LogLevel::Warning,
             "runs on the processor, as no GPU does: " + loaded.message());
  executable_ = *std::move(onCpu);
  return {};
}

Result<std::string> Model::selfTest(const Progress &progress) {
  bool isLoaded = ready() && manifest().check;
  uint64_t cases = 0;
  MAMBA_RETURN_IF_ERROR(
      executable_->selfTest([&](uint64_t done, uint64_t total) {
        cases = total;
        if (progress)
          progress(done, total + isLoaded);
      }));
  MAMBA_ASSIGN_OR_RETURN(ModelCheck check, executable_->checkModel());
  if (progress && isLoaded)
    progress(cases + 1, cases + 1);
  logMessage(LogLevel::Info, check.text);
  return check.text;
}

} // namespace mamba
