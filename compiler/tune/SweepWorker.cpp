// What a sweep leaves to other processes, which may crash or hang.
#include "compiler/tune/BuildCandidate.h"
#include "compiler/tune/PredictSweep.h"
#include "compiler/tune/SweepFiles.h"
#include "runtime/support/File.h"
#include "runtime/support/Json.h"
#include "runtime/support/Quote.h"
#include "runtime/tune/Candidate.h"

#include <cstdlib>
#include <filesystem>

namespace mamba {

Status writeJob(const std::string &path, const CandidateKernel &kernel) {
  nlohmann::ordered_json job = {{"target", kernel.target},
                                {"lengths", kernel.lengths},
                                {"goldens", kernel.goldens},
                                {"module", kernel.module}};
  return writeFileAtomically(path, job.dump());
}

Result<CandidateKernel> readJob(const std::string &path) {
  MAMBA_ASSIGN_OR_RETURN(std::string text, readFile(path));
  MAMBA_ASSIGN_OR_RETURN(nlohmann::json job, parseJson(text, path));
  CandidateKernel kernel;
  MAMBA_ASSIGN_OR_RETURN(kernel.target, getString(job, "target"));
  MAMBA_ASSIGN_OR_RETURN(kernel.lengths, getIntArray(job, "lengths", 0));
  MAMBA_ASSIGN_OR_RETURN(kernel.goldens, getString(job, "goldens"));
  MAMBA_ASSIGN_OR_RETURN(kernel.module, getString(job, "module"));
  return kernel;
}

/// Compiles a candidate and checks its numbers.
static Status tryCandidate(const CandidateKernel &kernel, const std::string &text,
                           const std::string &output) {
  std::string reason;
  std::optional<Schedule> schedule = Schedule::parse(text, reason);
  if (!schedule)
    return invalidArgument(reason);
  MAMBA_RETURN_IF_ERROR(buildCandidate(kernel, *schedule, output));
  MAMBA_ASSIGN_OR_RETURN(tune::Candidate candidate, tune::Candidate::open(output));
  return candidate.check("cpu", /*threads=*/1);
}

Status runWorker(const std::string &verb, const std::vector<std::string> &arguments) {
  // Files that the linker has open when this process is ended go with the sweep's folder.
  if (!arguments.empty())
    ::setenv("TMPDIR", std::filesystem::path(arguments[0]).parent_path().c_str(), 1);
  if (verb == kPredictVerb || verb == kVerifyVerb)
    return runPredictWorker(verb, arguments);
  bool isTry = verb == kTryVerb;
  if (arguments.size() != (isTry ? 3u : 1u))
    return invalidArgument(inQuotes(verb) + " is for processes that mamba-tune starts itself");
  MAMBA_ASSIGN_OR_RETURN(CandidateKernel kernel, readJob(arguments[0]));
  return isTry ? tryCandidate(kernel, arguments[1], arguments[2]) : computeGoldens(kernel);
}

} // namespace mamba
