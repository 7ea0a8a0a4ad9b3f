#include "tools/mamba-tune/ModelList.h"

#include "runtime/support/Format.h"
#include "runtime/support/Quote.h"

#include <nlohmann/json.hpp>

namespace mamba::tune {

static std::string asJson(const std::vector<TunedKernel> &kernels, bool all) {
  auto array = nlohmann::ordered_json::array();
  for (const TunedKernel &kernel : kernels) {
    nlohmann::ordered_json entry = {{"key", kernel.key.text()},
                                    {"uses", kernel.uses},
                                    {"default", kernel.candidates.front().text()},
                                    {"candidates", kernel.candidates.size()}};
    if (all)
      for (const Schedule &schedule : kernel.candidates)
        entry["schedules"].push_back(schedule.text());
    if (all && !kernel.predictedUs.empty())
      entry["predicted_us"] = kernel.predictedUs;
    array.push_back(std::move(entry));
  }
  return array.dump(2) + "\n";
}

static std::string predicted(const TunedKernel &kernel, size_t candidate) {
  if (kernel.predictedUs.empty())
    return "";
  return format(": %.1f us predicted", kernel.predictedUs[candidate]);
}

Result<std::string> list(const TuneInput &input, const std::string &filter,
                         const ListOptions &options) {
  MAMBA_ASSIGN_OR_RETURN(std::vector<TunedKernel> kernels, planKernels(input));
  std::erase_if(kernels, [&](const TunedKernel &kernel) {
    return kernel.key.text().find(filter) == std::string::npos;
  });
  if (kernels.empty() && !filter.empty())
    return invalidArgument("no kernel of " + inQuotes(input.input) + " matches " +
                           inQuotes(filter) + ", --list without --kernels shows them");
  if (options.json)
    return asJson(kernels, options.all);
  std::string text;
  for (const TunedKernel &kernel : kernels) {
    text += kernel.key.text() + "\n  " + std::to_string(kernel.uses) + " in a step, " +
            std::to_string(kernel.candidates.size()) + " candidates, the default " +
            kernel.candidates.front().text() + predicted(kernel, 0) + "\n";
    if (options.all)
      for (size_t i = 1; i < kernel.candidates.size(); ++i)
        text += "  " + kernel.candidates[i].text() + predicted(kernel, i) + "\n";
  }
  return text;
}

} // namespace mamba::tune
