// What a sweep's processes tell each other through files.
#pragma once

#include "compiler/tune/BuildCandidate.h"
#include "compiler/tune/Sweep.h"

namespace mamba {

/// What all of them read.
Status writeJob(const std::string &path, const CandidateKernel &kernel);
Result<CandidateKernel> readJob(const std::string &path);

} // namespace mamba
