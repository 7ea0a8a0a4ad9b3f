#include "bench/gpu/Cases.h"

#include "bench/gpu/Subprocess.h"
#include "runtime/support/Quote.h"

#include <algorithm>
#include <cmath>
#include <cstdlib>
#include <filesystem>

#include <unistd.h>

namespace mamba::bench {
namespace {

/// A file that goes with this.
struct Temporary {
  std::string path;
  Temporary() {
    std::error_code failed;
    std::filesystem::path folder = std::filesystem::temp_directory_path(failed);
    path = (failed ? "/tmp" : folder.string()) + "/gpu-check-" + std::to_string(getpid()) +
           ".safetensors";
  }
  ~Temporary() {
    std::error_code ignored;
    std::filesystem::remove(path, ignored);
  }
};

/// Its lines, or its complaint.
Result<std::vector<std::string>> linesOf(std::vector<std::string> words) {
  std::vector<std::string> lines;
  MAMBA_ASSIGN_OR_RETURN(
      Outcome outcome,
      runProcess({std::move(words), {}, 600}, [&](const std::string &l) { lines.push_back(l); }));
  if (outcome.status == 0)
    return lines;
  if (outcome.complaint.find("CUDA_ERROR_OUT_OF_MEMORY") != std::string::npos)
    return outOfMemory(outcome.complaint);
  return internalError(outcome.complaint.empty() ? "ended with status " +
                                                       std::to_string(outcome.status)
                                                 : outcome.complaint);
}

class Case {
public:
  Case(const CheckFolder &folder, const nlohmann::json &plan, const std::string &tools,
       unsigned ordinal)
      : folder_(folder), plan_(plan), tools_(tools), device_("--device=cuda:" +
                                                             std::to_string(ordinal)) {}

  /// The largest error of all tensors; fails if one is above what is allowed.
  Result<double> compareLogits(const std::string &chunk) {
    Temporary got;
    std::vector<std::string> words = runner("logits");
    words.insert(words.end(), {"--input", file("input"), "--output", got.path});
    if (!chunk.empty())
      words.insert(words.end(), {"--chunk", chunk});
    MAMBA_RETURN_IF_ERROR(linesOf(words).status());
    double worst = 0;
    for (const nlohmann::json &tensors : plan_.at("compare")) {
      words = {tools_ + "/test-tensors", "compare", got.path, file("wanted")};
      for (const nlohmann::json &option : tensors)
        words.push_back(option.get<std::string>());
      MAMBA_ASSIGN_OR_RETURN(std::vector<std::string> lines, linesOf(words));
      for (const std::string &line : lines) // "logits: 1.2e-06"
        worst = std::max(worst, std::atof(line.c_str() + line.rfind(' ') + 1));
    }
    return worst;
  }

  /// How far the likelihood of a text is from the one that is known.
  Result<double> compareText() {
    std::vector<std::string> words = runner("perplexity");
    words.insert(words.end(), {"--file", file("text")});
    MAMBA_ASSIGN_OR_RETURN(std::vector<std::string> lines, linesOf(words));
    MAMBA_ASSIGN_OR_RETURN(nlohmann::json answer,
                           parseJson(lines.empty() ? "" : lines[0], "mamba-run perplexity"));
    MAMBA_ASSIGN_OR_RETURN(double got, getDouble(answer, "nll_per_token"));
    double wanted = plan_.at("nll_per_token").get<double>(), error = std::fabs(got - wanted);
    if (error <= plan_.at("tolerance").get<double>())
      return error;
    return internalError("nll_per_token is " + std::to_string(got) + ", must be " +
                         std::to_string(wanted));
  }

private:
  std::string file(const char *key) const { return folder_.file(plan_.at(key).get<std::string>()); }
  std::vector<std::string> runner(const char *verb) const {
    return {tools_ + "/mamba-run", verb,    file("pack"), "--model", file("model"),
            device_,               "--quiet"};
  }

  const CheckFolder &folder_;
  const nlohmann::json &plan_;
  const std::string tools_, device_;
};

} // namespace

Status runCase(const CheckFolder &folder, const nlohmann::json &plan, const std::string &tools,
               unsigned ordinal) {
  Case one(folder, plan, tools, ordinal);
  bool isText = plan.contains("text");
  for (const std::string &chunk : isText ? std::vector<std::string>{""}
                                        : std::vector<std::string>{"", "7"}) {
    Result<double> error = isText ? one.compareText() : one.compareLogits(chunk);
    if (error.status().code() == StatusCode::OutOfMemory)
      return error.status();
    const char *prefer = std::getenv("MAMBA_CUDA_PREFER");
    Row row = {{"row", "check"},
               {"what", plan.at("name")},
               {"how", std::string(chunk.empty() ? "whole" : "in pieces of " + chunk) +
                           ", kernels from " + (prefer ? prefer : "the first form that works")},
               {"ok", error.ok()},
               {"message", error.status().message()}};
    if (error.ok())
      row["error"] = *error;
    say(row);
  }
  return {};
}

} // namespace mamba::bench
