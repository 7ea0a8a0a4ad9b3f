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
  /// pack. Once.
  Status loadWeights(const std::optional<std::string> &folder,
                     const Progress &progress);
  /// Whether all that the entries need is there.
  bool ready() const;
  /// A folder, "(embedded)", or empty while there are none.
  const std::string &weights() const { return weights_; }

private:
  std::shared_ptr<const PackInfo> info_; // Never null.
  std::unique_ptr<Executable> executable_;
  std::string weights_;
  bool loadFailed_ = false;
};

} // namespace mamba
