// A pack on a device, with its weights: what sessions share.
#pragma once

#include "runtime/device/Device.h"
#include "runtime/model/PackInfo.h"
#include "runtime/support/Status.h"

#include <memory>
#include <optional>
#include <string>

namespace mamba {

inline constexpr unsigned kMaxThreads = 1024;

class Model {
public:
  /// `device` is "cpu", "cuda", "cuda:N", "sim" or "auto"; what that passes
  /// over is logged.
  static Result<std::shared_ptr<Model>>
  create(std::shared_ptr<const PackInfo> info, const std::string &device,
         const DeviceOptions &options);
  Model(std::shared_ptr<const PackInfo> info,
        std::unique_ptr<Executable> executable);

  const PackInfo &info() const { return *info_; }
  const Manifest &manifest() const { return info_->manifest(); }
  Executable &executable() const { return *executable_; }

  /// From the folder, if given; else embedded; else the folder noted in the
  /// pack. Once. Of device "auto", a GPU that fails gives its place to the
  /// processor, with a warning.
  Status loadWeights(const std::optional<std::string> &folder,
                     const Progress &progress);
  /// From this source, which is called `from`.
  Status loadWeights(std::shared_ptr<WeightSource> source,
                     const std::string &from, const Progress &progress);
  /// Every kernel; and the model from end to end, which counts as one case more,
  /// where weights are loaded that the pack's check is for. The result says in
  /// one line what came of that.
  Result<std::string> selfTest(const Progress &progress);
  /// Whether all that the entries need is there.
  bool ready() const;
  /// A folder, "(embedded)", or empty while there are none.
  const std::string &weights() const { return weights_; }

private:
  Status loadFrom(std::shared_ptr<WeightSource> source,
                  const Progress &progress);

  std::shared_ptr<const PackInfo> info_; // Never null.
  std::unique_ptr<Executable> executable_;
  /// What the processor is opened with where it may take a GPU's place.
  std::optional<DeviceOptions> instead_;
  std::string weights_;
  Status failure_; // Of loading.
  bool isLoading_ = false;
};

} // namespace mamba
