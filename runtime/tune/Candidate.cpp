#include "runtime/tune/Candidate.h"

#include "runtime/device/Device.h"
#include "runtime/support/Quote.h"

#include <charconv>
#include <optional>

namespace mamba::tune {

std::string VariantName::text() const {
  return "@" + std::to_string(kernel) + "." + std::to_string(variant) + "@" + form + "@" + pack;
}

/// A number and what follows it.
static bool takeNumber(std::string_view &text, char end, size_t &value) {
  auto [at, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (error != std::errc() || at == text.data() + text.size() || *at != end)
    return false;
  text.remove_prefix(size_t(at + 1 - text.data()));
  return true;
}

std::optional<VariantName> VariantName::parse(std::string_view text) {
  VariantName name;
  if (!text.starts_with('@'))
    return std::nullopt;
  text.remove_prefix(1);
  if (!takeNumber(text, '.', name.kernel) || !takeNumber(text, '@', name.variant) ||
      text.find('@') == text.npos)
    return std::nullopt;
  name.form = text.substr(0, text.find('@'));
  name.pack = text.substr(name.form.size() + 1);
  return name;
}

Result<Candidate> Candidate::open(const std::string &name) {
  std::optional<VariantName> variant = VariantName::parse(name);
  Candidate candidate;
  MAMBA_ASSIGN_OR_RETURN(candidate.pack_, Pack::open(variant ? variant->pack : name));
  if (variant) {
    MAMBA_ASSIGN_OR_RETURN(candidate.pack_,
                           candidate.pack_->variant(variant->kernel, variant->variant,
                                                    variant->form));
  }
  const std::vector<TargetSpec> &targets = candidate.pack_->manifest().targets;
  if (targets.size() != 1 || targets[0].kernels.size() != 1 ||
      targets[0].kernels[0].golden.size() < 2)
    return invalidData(inQuotes(name) + " is not one kernel with its checks");
  return candidate;
}

Status Candidate::check(const std::string &device, unsigned threads) const {
  DeviceOptions options;
  options.threads = threads;
  MAMBA_ASSIGN_OR_RETURN(std::unique_ptr<Executable> executable,
                         loadOnDevice(pack_, device, options));
  return executable->selfTest(nullptr);
}

} // namespace mamba::tune
