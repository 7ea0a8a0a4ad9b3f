#include "bench/gpu/Work.h"

#include "runtime/support/File.h"

#include <algorithm>

namespace mamba::bench {
namespace {

Floor floorOf(const nlohmann::json &object) {
  return {object.value("minimum_bytes", 0.0), object.value("matrix_flops", 0.0),
          object.value("special_functions", 0.0)};
}

std::optional<double> optionalOf(const nlohmann::json &object, const char *key) {
  auto found = object.find(key);
  return found == object.end() ? std::nullopt : std::optional(found->get<double>());
}

} // namespace

Work Work::of(const CheckFolder &folder, const std::string &gpu) {
  Work work;
  for (size_t at = 0, end; at < gpu.size(); at = end + 1) {
    end = std::min(gpu.find_first_of(" -", at), gpu.size());
    if (end > at)
      work.gpu_.push_back(gpu.substr(at, end - at));
  }
  Result<std::string> text = readFile(folder.file("predictions.jsonl"));
  for (size_t at = 0; text.ok() && at < text->size();) {
    size_t end = std::min(text->find('\n', at), text->size());
    nlohmann::json step = nlohmann::json::parse(text->substr(at, end - at), nullptr, false);
    if (step.is_object())
      work.steps_.push_back(std::move(step));
    at = end + 1;
  }
  return work;
}

bool Work::isPredicted(const nlohmann::json &step) const {
  const std::string chip = step.value("chip", "?"); // "RTX4090" of "RTX 4090"
  static constexpr std::string_view kOthers[] = {"D", "Ti", "SUPER", "Laptop", "Mobile", "Max"};
  for (size_t first = 0; first < gpu_.size(); ++first) {
    std::string words;
    size_t next = first;
    while (next < gpu_.size() && words.size() < chip.size())
      words += gpu_[next++];
    if (words == chip)
      return next == gpu_.size() || !std::ranges::count(kOthers, gpu_[next]);
  }
  return false;
}

/// This GPU's if there is one, else that of any: the least work is the same. Of
/// some steps there is a record of the scan alone too.
const nlohmann::json *Work::find(const Row &row) const {
  const nlohmann::json *found = nullptr;
  for (const nlohmann::json &step : steps_) {
    bool isIt = true;
    for (const char *key : {"model", "weights", "sequences", "length"})
      isIt &= step.contains(key) && step[key] == nlohmann::json(row.at(key));
    auto worth = [&](const nlohmann::json &one) {
      return 2 * isPredicted(one) + one.contains("against");
    };
    if (isIt && (!found || worth(step) > worth(*found)))
      found = &step;
  }
  return found;
}

std::optional<StepWork> Work::step(const Row &row) const {
  const nlohmann::json *step = find(row);
  if (!step || !step->contains("against")) // Of some a part alone is known.
    return std::nullopt;
  return StepWork{floorOf(*step), step->value("against", ""),
                  isPredicted(*step) ? optionalOf(*step, "seconds") : std::nullopt,
                  optionalOf(*step, "accept")};
}

std::optional<KernelWork> Work::kernel(const Row &row) const {
  const nlohmann::json *step = find(row);
  if (!step)
    return std::nullopt;
  std::optional<KernelWork> work;
  for (const nlohmann::json &kernel : step->at("kernels")) {
    if (kernel.value("name", "") != row.at("kernel").get<std::string>())
      continue;
    // One kernel may serve several places: what is measured is their mean.
    double times = kernel.value("times", 1.0);
    if (!work)
      work = KernelWork{kernel.value("role", ""), kernel.value("against", ""), {}, {}, {}};
    else if (work->role.find(kernel.value("role", "")) == std::string::npos)
      work->role += " + " + kernel.value("role", "");
    double share = times / row.at("times").get<double>();
    Floor floor = floorOf(kernel);
    work->floor.bytes += share * floor.bytes;
    work->floor.flops += share * floor.flops;
    work->floor.specials += share * floor.specials;
    if (isPredicted(*step))
      work->predicted = work->predicted.value_or(0) + share * kernel.value("seconds", 0.0);
    if (auto accept = optionalOf(kernel, "accept"))
      work->accept = accept;
  }
  return work;
}

} // namespace mamba::bench
